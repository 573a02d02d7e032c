/* SPDX-License-Identifier: MIT
 *
 * Sending and receiving by copy, for drivers that have only the forms in place. The other way about, for drivers that
 * have no form in place, the core lends a buffer (transfer.c).
 */
#include "copy.h"
#include "core.h"

int weir_send_by_copy(struct weir_driver_endpoint *view, const void *buffer, size_t length, unsigned flags)
{
    const struct weir_driver *driver = ((struct weir_endpoint *)view)->driver;
    void *place;
    int result = driver->reserve(view, length, &place);
    if (result != 0)
        return result;
    weir_copy(place, buffer, length);
    result = driver->commit(view, length, flags);
    if (result != 0)
        driver->abort(view);
    return result;
}

ssize_t weir_recv_by_copy(struct weir_driver_endpoint *view, void *buffer, size_t capacity)
{
    const struct weir_driver *driver = ((struct weir_endpoint *)view)->driver;
    const void *message;
    ssize_t length = driver->peek(view, &message);
    if (length < 0)
        return length;
    if ((size_t)length > capacity)
        return WEIR_ECORRUPT;
    weir_copy(buffer, message, (size_t)length);
    driver->release(view);
    return length;
}
