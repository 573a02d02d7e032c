/* SPDX-License-Identifier: MIT
 *
 * What drivers share that wrap another channel: making it from a spec in an option, and handing on its answers. They do
 * not wrap channels whose messages travel by themselves (WEIR_CAP_ASYNC): the core could not count those.
 */
#ifndef WEIR_TESTS_WRAP_H
#define WEIR_TESTS_WRAP_H

#include <weir/driver.h>

#include <stdlib.h>
#include <string.h>

/* The option: a spec cannot hold a comma, so it holds colons. */
#define WRAP_OPTION_OF                                                                                                 \
    {                                                                                                                  \
        .name = "of", .type = WEIR_OPTION_STRING, .fallback = "mutex",                                                 \
        .help = "the spec of the channel to wrap, with ':' in place of ','"                                            \
    }

/* Makes the channel inside; `name` is the wrapper's. The caller destroys it, also after a failure. */
static inline int wrap_create(struct weir_driver_channel *channel, const char *of, const char *name,
                              struct weir_channel **ret_inner, struct weir_error *error)
{
    char *spec = strdup(of);
    if (spec == NULL)
        return weir_error_set(error, WEIR_ENOMEM, "memory ran out");
    for (char *colon = spec; (colon = strchr(colon, ':')) != NULL;)
        *colon = ',';
    int result = weir_channel_create(ret_inner, spec, channel->config, error);
    free(spec);
    if (result != WEIR_OK)
        return result;
    struct weir_channel_info info;
    weir_channel_info(*ret_inner, &info);
    if (info.capabilities & WEIR_CAP_ASYNC)
        return weir_error_set(error, WEIR_ENOTSUP, "%s cannot wrap %s: its messages travel by themselves", name,
                              info.driver);
    channel->depth = info.depth;
    return WEIR_OK;
}

static inline int wrap_attach(struct weir_driver_endpoint *endpoint, struct weir_channel *inner,
                              struct weir_endpoint **ret_inner)
{
    int result = weir_attach(ret_inner, inner, endpoint->role, endpoint->index);
    return result == WEIR_OK || result == WEIR_ENOMEM ? result : WEIR_ESYSTEM;
}

/* The core sees deaths, goodbyes and shutdown on the outer channel by itself. */
static inline ssize_t wrap_result(ssize_t result)
{
    switch (result) {
    case WEIR_ETIMEDOUT:
    case WEIR_EPIPE:
    case WEIR_EOF:
    case WEIR_EPEERDIED:
    case WEIR_ECANCELED:
        return WEIR_EAGAIN;
    case WEIR_EMSGSIZE:
    case WEIR_EINVAL:
    case WEIR_ENOMEM:
        return WEIR_ESYSTEM;
    default:
        return result;
    }
}

#endif
