// SPDX-License-Identifier: MIT
//
// The boost driver: boost::lockfree::spsc_queue (kind=spsc) or boost::interprocess::message_queue (kind=mq).
//
// spsc: the queue and its slots (slots.hpp) lie in the channel's memory, at one address for all, so processes can share
// it; its destructor is never run, for it would take what lies in the queue.
//
// mq: one queue under one lock for any number of ends; its name is gone once it is mapped. Boost's locks do not learn
// of a death: where one was killed with the lock held, nobody gets any further, and what was sent is lost.
//
// Not kept: indices in shared memory are believed, so a damaged peer is not found out.

#define BOOST_DISABLE_ASSERTS

#include <cstdio>
#include <cstring>
#include <memory>
#include <new>
#include <type_traits>

#include <sys/random.h>

#include <boost/interprocess/ipc/message_queue.hpp>
#include <boost/lockfree/spsc_queue.hpp>

#include <weir/driver.h>

#include "slots.hpp"

namespace
{

enum { OPTION_KIND };
enum { KIND_SPSC, KIND_MQ };

const weir_option options[] = {
    {"kind", WEIR_OPTION_CHOICE, "spsc", "spsc|mq", 0, 0,
     "spsc: lockfree::spsc_queue, one producer and one consumer; mq: interprocess::message_queue, any number"},
    {},
};

// ---- spsc -----------------------------------------------------------------------------------------------------------

// Out of the channel's memory, which goes with the channel.
template <typename T> struct channel_allocator {
    using value_type = T;
    template <typename U> struct rebind {
        using other = channel_allocator<U>;
    };
    weir_driver_channel *channel;

    explicit channel_allocator(weir_driver_channel *owner) : channel(owner)
    {
    }
    template <typename U> channel_allocator(const channel_allocator<U> &other) : channel(other.channel)
    {
    }
    T *allocate(size_t count)
    {
        void *memory = weir_shared_alloc(channel, count * sizeof(T));
        if (memory == nullptr)
            throw std::bad_alloc();
        std::memset(memory, 0, count * sizeof(T)); // really there, as shm's is, and not at the first lap
        return static_cast<T *>(memory);
    }
    void deallocate(T *, size_t)
    {
    }
};

template <size_t N> struct spsc final : carrier {
    using allocator = channel_allocator<slot<N>>;
    using slots = boost::lockfree::spsc_queue<slot<N>, boost::lockfree::allocator<allocator>>;
    slots *shared;
    const size_t longest;

    explicit spsc(weir_driver_channel *channel) : longest(channel->config->max_message_bytes)
    {
        channel->depth = depth_within(channel, sizeof(slot<N>));
        void *memory = channel_allocator<slots>(channel).allocate(1);
        shared = new (memory) slots(channel->depth, allocator(channel));
    }
    int push(const void *bytes, size_t length) override
    {
        const view message = {bytes, length};
        return shared->push(&message, &message + 1) != &message ? 0 : WEIR_EAGAIN;
    }
    ssize_t pop(void *to) override
    {
        ssize_t length = WEIR_EAGAIN;
        shared->consume_one([&length, to, this](const slot<N> &next) {
            const uint32_t bytes = next.length; // read once: the other end may write it meanwhile
            length = bytes <= longest ? static_cast<ssize_t>(bytes) : static_cast<ssize_t>(WEIR_ECORRUPT);
            if (length > 0)
                copy<N>(to, next.bytes, static_cast<size_t>(length));
        });
        return length;
    }
};

int create_spsc(weir_driver_channel *channel, weir_error *error)
{
    const weir_channel_config *config = channel->config;
    if (config->producers != 1 || config->consumers != 1)
        return weir_error_set(error, WEIR_ENOTSUP,
                              "spsc_queue carries one producer and one consumer: kind=mq does more");
    return make_carrier<spsc>(channel, error);
}

// ---- mq -------------------------------------------------------------------------------------------------------------

namespace ipc = boost::interprocess;

struct mq final : carrier {
    std::unique_ptr<ipc::message_queue> shared;
    const size_t longest;

    mq(weir_driver_channel *channel, const char *name)
        : shared(new ipc::message_queue(ipc::create_only, name, channel->depth, channel->config->max_message_bytes,
                                        ipc::permissions(0600))),
          longest(channel->config->max_message_bytes)
    {
        ipc::message_queue::remove(name);
    }
    int push(const void *bytes, size_t length) override
    {
        try {
            return shared->try_send(bytes, length, 0) ? 0 : WEIR_EAGAIN;
        } catch (const ipc::interprocess_exception &trouble) {
            return code_of(trouble);
        }
    }
    ssize_t pop(void *to) override
    {
        ipc::message_queue::size_type length = 0;
        unsigned priority = 0;
        try {
            if (!shared->try_receive(to, longest, length, priority))
                return WEIR_EAGAIN;
            return static_cast<ssize_t>(length);
        } catch (const ipc::interprocess_exception &trouble) {
            return code_of(trouble);
        }
    }
    static int code_of(const ipc::interprocess_exception &trouble)
    {
        return trouble.get_error_code() == ipc::timeout_when_locking_error ? WEIR_EAGAIN : WEIR_ESYSTEM;
    }
};

// Nobody else finds it meanwhile. Whoever is killed before it is removed leaves it in /dev/shm.
int create_mq(weir_driver_channel *channel, weir_error *error)
{
    uint64_t number;
    char name[64];
    if (getrandom(&number, sizeof number, 0) != sizeof number)
        return weir_error_errno(error, "getrandom");
    std::snprintf(name, sizeof name, "boost-mq-%016llx", static_cast<unsigned long long>(number));
    channel->depth = depth_within(channel, channel->config->max_message_bytes);
    carrier_of(channel) = new mq(channel, name);
    return 0;
}

// ---- the driver -----------------------------------------------------------------------------------------------------

int create_kind(weir_driver_channel *channel, weir_error *error)
{
    return channel->options[OPTION_KIND].number == KIND_SPSC ? create_spsc(channel, error) : create_mq(channel, error);
}

constexpr weir_driver make_boost()
{
    weir_driver driver = make_driver<create_kind>();
    driver.name = "boost";
    driver.summary = "peer: Boost's lockfree::spsc_queue or interprocess::message_queue";
    driver.options = options;
    return driver;
}

constexpr weir_driver boost_driver = make_boost();

} // namespace

WEIR_DRIVER_MODULE(boost_driver);
