// SPDX-License-Identifier: MIT
//
// The moodycamel driver: moodycamel::ReaderWriterQueue, for threads: it lies in memory that its own malloc gave.
//
// A queue of slots of one type has one size, so the slot's is chosen among some sizes for the channel's longest
// message. A message is constructed in its slot, from the caller's bytes, and read there: one copy on either side. All
// slots are there from the start, and nothing is allocated later (try_emplace).
#include <cstring>
#include <memory>
#include <new>

#include <readerwriterqueue/readerwriterqueue.h>

#include <weir/driver.h>

namespace
{

// As shm: what the slots may take together, where the depth is not worth more.
constexpr size_t most_bytes = size_t{8} << 20;

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

// Messages as long as their slot, the most common, are copied without a call.
template <size_t N> void copy(void *to, const void *from, size_t length)
{
    if (length == N)
        std::memcpy(to, from, N);
    else if (length > 0)
        std::memcpy(to, from, length);
}

template <size_t N> constexpr size_t alignment_of = (N + 8) % 64 == 0 ? 64 : 8;

template <size_t N> struct alignas(alignment_of<N>) slot {
    unsigned char bytes[N];
    uint32_t length;

    slot(const void *message, size_t message_bytes) : length(static_cast<uint32_t>(message_bytes))
    {
        copy<N>(bytes, message, message_bytes);
    }
};

template <size_t N> struct sized final : queue {
    moodycamel::ReaderWriterQueue<slot<N>> slots;

    // All memory is touched, as that of other drivers is, and not at the first lap.
    explicit sized(size_t depth) : slots(depth)
    {
        const std::unique_ptr<unsigned char[]> zeros(new unsigned char[N]());
        while (slots.try_emplace(zeros.get(), N)) {
        }
        while (slots.pop()) {
        }
    }
    int push(const void *bytes, size_t length) override
    {
        return slots.try_emplace(bytes, length) ? 0 : WEIR_EAGAIN;
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

// Sets the effective depth: blocks of slots are rounded up.
template <size_t N, size_t... More> queue *make(weir_driver_channel *channel)
{
    if (channel->config->max_message_bytes <= N) {
        const size_t fitting = most_bytes / sizeof(slot<N>), least = fitting < 4 ? 4 : fitting;
        auto *whole = new sized<N>(channel->depth < least ? channel->depth : least);
        channel->depth = whole->slots.max_capacity();
        return whole;
    }
    if constexpr (sizeof...(More) > 0)
        return make<More...>(channel);
    return nullptr;
}

constexpr size_t K = 1024, M = K * K;
constexpr size_t longest = 16 * M;

// ---- the driver -----------------------------------------------------------------------------------------------------

int create(weir_driver_channel *channel, weir_error *error)
{
    const weir_channel_config *config = channel->config;
    if (config->span != WEIR_SPAN_THREADS)
        return weir_error_set(error, WEIR_ENOTSUP,
                              "ReaderWriterQueue lies in private memory: it carries messages between "
                              "threads only, not between processes");
    state *own = static_cast<state *>(channel->state);
    try {
        own->carrier = make<8, 24, 32, 56, 64, 120, 256, 512, K, 2 * K, 4 * K, 8 * K, 16 * K, 32 * K, 64 * K, 256 * K,
                            M, 4 * M, longest>(channel);
    } catch (const std::bad_alloc &) {
        return weir_error_set(error, WEIR_ENOMEM, "no memory for %zu messages of %zu bytes", channel->depth,
                              config->max_message_bytes);
    }
    return own->carrier != nullptr ? 0
                                   : weir_error_set(error, WEIR_EMSGSIZE, "a slot holds up to %zu bytes, not %zu",
                                                    longest, config->max_message_bytes);
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
