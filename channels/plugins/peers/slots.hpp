// SPDX-License-Identifier: MIT
//
// What the peers boost and moodycamel have in common.
//
// A queue of slots of one type has one size, so the slot's is chosen among some sizes for the channel's longest
// message. A message is constructed in its slot, from the caller's bytes, and read there: one copy on either side.
//
// A channel's state is one pointer, to its carrier, and an endpoint's is the same.
#ifndef WEIR_PEERS_SLOTS_HPP
#define WEIR_PEERS_SLOTS_HPP

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <new>

#include <weir/driver.h>

namespace
{

// What the slots may take together, where the depth is not worth more.
constexpr size_t most_bytes = size_t{8} << 20;

inline size_t depth_within(const weir_driver_channel *channel, size_t slot_bytes)
{
    const size_t fitting = most_bytes / slot_bytes, least = fitting < 4 ? 4 : fitting;
    return channel->depth < least ? channel->depth : least;
}

struct view {
    const void *bytes;
    size_t length;
};

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

    slot() = default;
    slot(const view &message) : length(static_cast<uint32_t>(message.length))
    {
        copy<N>(bytes, message.bytes, message.length);
    }
};

constexpr size_t K = 1024, M = K * K;
constexpr size_t longest_slot = 16 * M;

// ---- carriers -------------------------------------------------------------------------------------------------------

// Each operation is one attempt, as in struct weir_driver.
struct carrier {
    virtual ~carrier() = default;
    virtual int push(const void *bytes, size_t length) = 0;
    virtual ssize_t pop(void *to) = 0;
};

inline carrier *&carrier_of(const weir_driver_channel *channel)
{
    return *static_cast<carrier **>(channel->state);
}

inline carrier *&carrier_of(const weir_driver_endpoint *endpoint)
{
    return *static_cast<carrier **>(endpoint->state);
}

template <template <size_t> class Carrier, size_t N, size_t... More> carrier *make_of(weir_driver_channel *channel)
{
    if (channel->config->max_message_bytes <= N)
        return new Carrier<N>(channel);
    if constexpr (sizeof...(More) > 0)
        return make_of<Carrier, More...>(channel);
    return nullptr;
}

// A carrier whose slots hold the channel's longest message, or WEIR_EMSGSIZE.
template <template <size_t> class Carrier> int make_carrier(weir_driver_channel *channel, weir_error *error)
{
    carrier_of(channel) = make_of<Carrier, 8, 24, 32, 56, 64, 120, 256, 512, K, 2 * K, 4 * K, 8 * K, 16 * K, 32 * K,
                                  64 * K, 256 * K, M, 4 * M, longest_slot>(channel);
    if (carrier_of(channel) == nullptr)
        return weir_error_set(error, WEIR_EMSGSIZE, "a slot holds up to %zu bytes, not %zu", longest_slot,
                              channel->config->max_message_bytes);
    return 0;
}

// ---- operations -----------------------------------------------------------------------------------------------------

// No exception may leave a driver.
template <int (*Make)(weir_driver_channel *channel, weir_error *error)>
int create(weir_driver_channel *channel, weir_error *error)
{
    try {
        return Make(channel, error);
    } catch (const std::bad_alloc &) {
        return weir_error_set(error, WEIR_ENOMEM, "no memory for %zu messages of %zu bytes", channel->depth,
                              channel->config->max_message_bytes);
    } catch (const std::exception &trouble) {
        return weir_error_set(error, WEIR_ESYSTEM, "the library says: %s", trouble.what());
    }
}

inline void destroy(weir_driver_channel *channel)
{
    delete carrier_of(channel);
}

inline int attach(weir_driver_endpoint *endpoint)
{
    carrier_of(endpoint) = carrier_of(endpoint->channel);
    return 0;
}

inline void detach(weir_driver_endpoint *)
{
}

inline int send_message(weir_driver_endpoint *endpoint, const void *buffer, size_t length, unsigned)
{
    return carrier_of(endpoint)->push(buffer, length);
}

inline ssize_t recv_message(weir_driver_endpoint *endpoint, void *buffer, size_t)
{
    return carrier_of(endpoint)->pop(buffer);
}

// The table of such a driver; the caller adds its name and what is its own.
template <int (*Make)(weir_driver_channel *channel, weir_error *error)> constexpr weir_driver make_driver()
{
    weir_driver driver = {};
    driver.abi = WEIR_DRIVER_ABI;
    driver.wait = WEIR_WAIT_ADAPTIVE;
    driver.channel_bytes = sizeof(carrier *);
    driver.endpoint_bytes = sizeof(carrier *);
    driver.create = create<Make>;
    driver.destroy = destroy;
    driver.attach = attach;
    driver.detach = detach;
    driver.send = send_message;
    driver.recv = recv_message;
    return driver;
}

} // namespace

#endif
