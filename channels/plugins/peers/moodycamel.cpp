// SPDX-License-Identifier: MIT
//
// The moodycamel driver: moodycamel::ReaderWriterQueue, for threads: it lies in memory that its own malloc gave.
//
// All slots (slots.hpp) are there from the start, and nothing is allocated later (try_emplace).
#include <memory>
#include <new>

#include <readerwriterqueue/readerwriterqueue.h>

#include <weir/driver.h>

#include "slots.hpp"

namespace
{

// By the size of its slots.
struct queue {
    virtual ~queue() = default;
    virtual int push(const void *bytes, size_t length) = 0;
    virtual ssize_t pop(void *to) = 0;
    virtual ssize_t front(const void **ret_bytes) = 0;
    virtual void drop() = 0;
};

struct state {
    queue *carrier;
};

// ---- the queue ------------------------------------------------------------------------------------------------------

template <size_t N> struct sized final : queue {
    moodycamel::ReaderWriterQueue<slot<N>> slots;

    // All memory is touched, as that of other drivers is, and not at the first lap.
    explicit sized(weir_driver_channel *channel) : slots(depth_within(channel, sizeof(slot<N>)))
    {
        const std::unique_ptr<unsigned char[]> zeros(new unsigned char[N]());
        while (slots.try_emplace(view{zeros.get(), N})) {
        }
        while (slots.pop()) {
        }
        channel->depth = slots.max_capacity(); // blocks of slots are rounded up
    }
    int push(const void *bytes, size_t length) override
    {
        return slots.try_emplace(view{bytes, length}) ? 0 : WEIR_EAGAIN;
    }
    ssize_t pop(void *to) override
    {
        const void *bytes;
        const ssize_t length = front(&bytes);
        if (length < 0)
            return length;
        copy<N>(to, bytes, static_cast<size_t>(length));
        slots.pop();
        return length;
    }
    ssize_t front(const void **ret_bytes) override
    {
        const slot<N> *next = slots.peek();
        if (next == nullptr)
            return WEIR_EAGAIN;
        *ret_bytes = next->bytes;
        return static_cast<ssize_t>(next->length);
    }
    void drop() override
    {
        slots.pop();
    }
};

// ---- the driver -----------------------------------------------------------------------------------------------------

int create(weir_driver_channel *channel, weir_error *error)
{
    const weir_channel_config *config = channel->config;
    if (config->span != WEIR_SPAN_THREADS)
        return weir_error_set(error, WEIR_ENOTSUP,
                              "ReaderWriterQueue lies in private memory: it carries messages between "
                              "threads only, not between processes");
    try {
        return make_carrier<sized>(&static_cast<state *>(channel->state)->carrier, channel, error);
    } catch (const std::bad_alloc &) {
        return weir_error_set(error, WEIR_ENOMEM, "no memory for %zu messages of %zu bytes", channel->depth,
                              config->max_message_bytes);
    }
}

void destroy(weir_driver_channel *channel)
{
    delete static_cast<state *>(channel->state)->carrier;
}

// An endpoint's state is one pointer.
queue *&carrier_of(weir_driver_endpoint *endpoint)
{
    return *static_cast<queue **>(endpoint->state);
}

int attach(weir_driver_endpoint *endpoint)
{
    carrier_of(endpoint) = static_cast<state *>(endpoint->channel->state)->carrier;
    return 0;
}

void detach(weir_driver_endpoint *)
{
}

int send_message(weir_driver_endpoint *endpoint, const void *buffer, size_t length, unsigned)
{
    return carrier_of(endpoint)->push(buffer, length);
}

ssize_t recv_message(weir_driver_endpoint *endpoint, void *buffer, size_t)
{
    return carrier_of(endpoint)->pop(buffer);
}

ssize_t peek(weir_driver_endpoint *endpoint, const void **ret_buffer)
{
    return carrier_of(endpoint)->front(ret_buffer);
}

void release(weir_driver_endpoint *endpoint)
{
    carrier_of(endpoint)->drop();
}

constexpr weir_driver make_driver()
{
    weir_driver driver = {};
    driver.abi = WEIR_DRIVER_ABI;
    driver.name = "moodycamel";
    driver.summary = "peer: moodycamel's ReaderWriterQueue, between threads";
    driver.capabilities = WEIR_CAP_PEEK;
    driver.wait = WEIR_WAIT_ADAPTIVE;
    driver.channel_bytes = sizeof(state);
    driver.endpoint_bytes = sizeof(queue *);
    driver.max_producers = driver.max_consumers = 1;
    driver.create = create;
    driver.destroy = destroy;
    driver.attach = attach;
    driver.detach = detach;
    driver.send = send_message;
    driver.recv = recv_message;
    driver.peek = peek;
    driver.release = release;
    return driver;
}

constexpr weir_driver moodycamel_driver = make_driver();

} // namespace

WEIR_DRIVER_MODULE(moodycamel_driver);
