// SPDX-License-Identifier: MIT
//
// What the peers boost and moodycamel have in common: a queue of slots of one type has one size, so the slot's is
// chosen among some sizes for the channel's longest message. A message is constructed in its slot, from the caller's
// bytes, and read there: one copy on either side.
#ifndef WEIR_PEERS_SLOTS_HPP
#define WEIR_PEERS_SLOTS_HPP

#include <cstddef>
#include <cstdint>
#include <cstring>

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

template <template <size_t> class Carrier, typename Queue, size_t N, size_t... More>
Queue *make_of(weir_driver_channel *channel)
{
    if (channel->config->max_message_bytes <= N)
        return new Carrier<N>(channel);
    if constexpr (sizeof...(More) > 0)
        return make_of<Carrier, Queue, More...>(channel);
    return nullptr;
}

// A carrier whose slots hold the channel's longest message, or WEIR_EMSGSIZE.
template <template <size_t> class Carrier, typename Queue>
int make_carrier(Queue **ret_queue, weir_driver_channel *channel, weir_error *error)
{
    *ret_queue = make_of<Carrier, Queue, 8, 24, 32, 56, 64, 120, 256, 512, K, 2 * K, 4 * K, 8 * K, 16 * K, 32 * K,
                         64 * K, 256 * K, M, 4 * M, longest_slot>(channel);
    if (*ret_queue == nullptr)
        return weir_error_set(error, WEIR_EMSGSIZE, "a slot holds up to %zu bytes, not %zu", longest_slot,
                              channel->config->max_message_bytes);
    return 0;
}

} // namespace

#endif
