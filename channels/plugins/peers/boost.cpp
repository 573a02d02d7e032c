// SPDX-License-Identifier: MIT
//
// The boost driver: boost::lockfree::spsc_queue (kind=spsc) or boost::interprocess::message_queue (kind=mq).
//
// spsc: a queue of slots of one type has one size, so the slot's is chosen among some sizes for the channel's longest
// message. A message is constructed in its slot, from the caller's bytes, and read there: one copy on either side. The
// queue and its slots lie in the channel's memory, at one address for all, so processes can share it; its destructor is
// never run, for it would take what lies in the queue.
//
// mq: one queue under one lock for any number of ends; its name is gone once it is mapped. Boost's locks do not learn
// of a death: where one was killed with the lock held, nobody gets any further, and what was sent is lost.
//
// Not kept: indices in shared memory are believed, so a damaged peer is not found out.

#define BOOST_DISABLE_ASSERTS

#include <cstdio>
#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <type_traits>

#include <sys/random.h>

#include <boost/interprocess/ipc/message_queue.hpp>
#include <boost/lockfree/spsc_queue.hpp>

#include <weir/driver.h>

namespace
{

enum { OPTION_KIND };
enum { KIND_SPSC, KIND_MQ };

const weir_option options[] = {
    {"kind", WEIR_OPTION_CHOICE, "spsc", "spsc|mq", 0, 0,
     "spsc: lockfree::spsc_queue, one producer and one consumer; mq: interprocess::message_queue, any number"},
    {},
};

// As shm: what the slots may take together, where the depth is not worth more.
constexpr size_t most_bytes = size_t{8} << 20;

struct queue {
    virtual ~queue() = default;
    virtual int push(const void *bytes, size_t length) = 0;
    virtual ssize_t pop(void *to) = 0;
};

struct state {
    queue *carrier;
};

// ---- spsc -----------------------------------------------------------------------------------------------------------

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

template <size_t N> struct spsc final : queue {
    using allocator = channel_allocator<slot<N>>;
    using slots = boost::lockfree::spsc_queue<slot<N>, boost::lockfree::allocator<allocator>>;
    slots *shared;
    const size_t longest;

    explicit spsc(weir_driver_channel *channel) : longest(channel->config->max_message_bytes)
    {
        const size_t fitting = most_bytes / sizeof(slot<N>);
        channel->depth = channel->depth < fitting ? channel->depth : fitting < 4 ? 4 : fitting;
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

template <size_t N, size_t... More> queue *make_spsc(weir_driver_channel *channel)
{
    if (channel->config->max_message_bytes <= N)
        return new spsc<N>(channel);
    if constexpr (sizeof...(More) > 0)
        return make_spsc<More...>(channel);
    return nullptr;
}

constexpr size_t K = 1024, M = K * K;
constexpr size_t longest_spsc = 16 * M;

int create_spsc(weir_driver_channel *channel, weir_error *error)
{
    const weir_channel_config *config = channel->config;
    if (config->producers != 1 || config->consumers != 1)
        return weir_error_set(error, WEIR_ENOTSUP,
                              "spsc_queue carries one producer and one consumer: kind=mq does more");
    state *own = static_cast<state *>(channel->state);
    own->carrier = make_spsc<8, 24, 32, 56, 64, 120, 256, 512, K, 2 * K, 4 * K, 8 * K, 16 * K, 32 * K, 64 * K, 256 * K,
                             M, 4 * M, longest_spsc>(channel);
    if (own->carrier == nullptr)
        return weir_error_set(error, WEIR_EMSGSIZE, "a slot holds up to %zu bytes, not %zu", longest_spsc,
                              config->max_message_bytes);
    return 0;
}

// ---- mq -------------------------------------------------------------------------------------------------------------

namespace ipc = boost::interprocess;

struct mq final : queue {
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
    const size_t fitting = most_bytes / channel->config->max_message_bytes;
    channel->depth = channel->depth < fitting ? channel->depth : fitting < 4 ? 4 : fitting;
    static_cast<state *>(channel->state)->carrier = new mq(channel, name);
    return 0;
}

// ---- the driver -----------------------------------------------------------------------------------------------------

int create(weir_driver_channel *channel, weir_error *error)
{
    try {
        return channel->options[OPTION_KIND].number == KIND_SPSC ? create_spsc(channel, error)
                                                                 : create_mq(channel, error);
    } catch (const std::bad_alloc &) {
        return weir_error_set(error, WEIR_ENOMEM, "no memory for %zu messages of %zu bytes", channel->depth,
                              channel->config->max_message_bytes);
    } catch (const std::exception &trouble) {
        return weir_error_set(error, WEIR_ESYSTEM, "boost: %s", trouble.what());
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

constexpr weir_driver make_driver()
{
    weir_driver driver = {};
    driver.abi = WEIR_DRIVER_ABI;
    driver.name = "boost";
    driver.summary = "peer: Boost's lockfree::spsc_queue or interprocess::message_queue";
    driver.wait = WEIR_WAIT_ADAPTIVE;
    driver.channel_bytes = sizeof(state);
    driver.endpoint_bytes = sizeof(queue *);
    driver.options = options;
    driver.create = create;
    driver.destroy = destroy;
    driver.attach = attach;
    driver.detach = detach;
    driver.send = send_message;
    driver.recv = recv_message;
    return driver;
}

constexpr weir_driver boost_driver = make_driver();

} // namespace

WEIR_DRIVER_MODULE(boost_driver);
