// SPDX-License-Identifier: MIT
//
// A driver as somebody outside this tree may write it in C++: one slot for one message, between threads. install.sh
// builds it with nothing but what is installed.
#include <cstring>
#include <mutex>
#include <new>

#include <weir/driver.h>

namespace
{

struct slot {
    std::mutex lock;
    bool full = false;
    size_t length = 0;
    unsigned char bytes[4096];
};

struct state {
    slot *only;
};

int create(weir_driver_channel *channel, weir_error *error)
{
    if (channel->config->span != WEIR_SPAN_THREADS)
        return weir_error_set(error, WEIR_ENOTSUP, "the slot lies in private memory: between threads only");
    slot *only = new (std::nothrow) slot;
    static_cast<state *>(channel->state)->only = only;
    channel->depth = 1;
    return only != nullptr ? WEIR_OK : weir_error_set(error, WEIR_ENOMEM, "no memory for the slot");
}

void destroy(weir_driver_channel *channel)
{
    delete static_cast<state *>(channel->state)->only;
}

int attach(weir_driver_endpoint *)
{
    return WEIR_OK;
}

void detach(weir_driver_endpoint *)
{
}

slot *slot_of(const weir_driver_endpoint *endpoint)
{
    return static_cast<const state *>(endpoint->channel->state)->only;
}

int send_message(weir_driver_endpoint *endpoint, const void *buffer, size_t length, unsigned)
{
    slot *only = slot_of(endpoint);
    const std::lock_guard<std::mutex> guard(only->lock);
    if (only->full)
        return WEIR_EAGAIN;
    if (length > 0)
        std::memcpy(only->bytes, buffer, length);
    only->length = length;
    only->full = true;
    return WEIR_OK;
}

ssize_t recv_message(weir_driver_endpoint *endpoint, void *buffer, size_t)
{
    slot *only = slot_of(endpoint);
    const std::lock_guard<std::mutex> guard(only->lock);
    if (!only->full)
        return WEIR_EAGAIN;
    std::memcpy(buffer, only->bytes, only->length);
    only->full = false;
    return static_cast<ssize_t>(only->length);
}

constexpr weir_driver make_driver()
{
    weir_driver driver = {};
    driver.abi = WEIR_DRIVER_ABI;
    driver.name = "slot";
    driver.summary = "one slot under a std::mutex";
    driver.wait = WEIR_WAIT_ADAPTIVE;
    driver.channel_bytes = sizeof(state);
    driver.max_message_bytes = sizeof(slot::bytes);
    driver.create = create;
    driver.destroy = destroy;
    driver.attach = attach;
    driver.detach = detach;
    driver.send = send_message;
    driver.recv = recv_message;
    return driver;
}

constexpr weir_driver slot_driver = make_driver();

} // namespace

WEIR_DRIVER_MODULE(slot_driver);
