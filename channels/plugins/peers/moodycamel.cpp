// SPDX-License-Identifier: MIT
//
// The moodycamel driver: moodycamel::ReaderWriterQueue, for threads: it lies in memory that its own malloc gave.
//
// All slots (slots.hpp) are there from the start, and nothing is allocated later (try_emplace).
#include <memory>

#include <readerwriterqueue/readerwriterqueue.h>

#include <weir/driver.h>

#include "slots.hpp"

namespace
{

// Also shows the oldest message where it lies.
struct showing : carrier {
    virtual ssize_t front(const void **ret_bytes) = 0;
    virtual void drop() = 0;
};

// ---- the queue ------------------------------------------------------------------------------------------------------

template <size_t N> struct sized final : showing {
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

int create_queue(weir_driver_channel *channel, weir_error *error)
{
    if (channel->config->span != WEIR_SPAN_THREADS)
        return weir_error_set(error, WEIR_ENOTSUP,
                              "ReaderWriterQueue lies in private memory: it carries messages between "
                              "threads only, not between processes");
    return make_carrier<sized>(channel, error);
}

showing *showing_of(const weir_driver_endpoint *endpoint)
{
    return static_cast<showing *>(carrier_of(endpoint));
}

ssize_t peek(weir_driver_endpoint *endpoint, const void **ret_buffer)
{
    return showing_of(endpoint)->front(ret_buffer);
}

void release(weir_driver_endpoint *endpoint)
{
    showing_of(endpoint)->drop();
}

constexpr weir_driver make_moodycamel()
{
    weir_driver driver = make_driver<create_queue>();
    driver.name = "moodycamel";
    driver.summary = "peer: moodycamel's ReaderWriterQueue, between threads";
    driver.capabilities = WEIR_CAP_PEEK;
    driver.max_producers = driver.max_consumers = 1;
    driver.peek = peek;
    driver.release = release;
    return driver;
}

constexpr weir_driver moodycamel_driver = make_moodycamel();

} // namespace

WEIR_DRIVER_MODULE(moodycamel_driver);
