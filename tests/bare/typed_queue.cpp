// SPDX-License-Identifier: MIT
//
// A queue of elements of one type and size, between two threads, as its users would use it: the producer fills an
// element on its stack and pushes it, the consumer pops one to its stack and checks it. With --style place the consumer
// reads it where it lies, which is weir's peek. Nothing but the bytes is carried: no length, no end, no death, no
// shutdown, no sleep. Boost's can also lie in memory that processes share.
#include "bare.h"

#include <boost/lockfree/spsc_queue.hpp>
#include <cerrno>
#include <cstring>
#include <new>
#include <readerwriterqueue/readerwritercircularbuffer.h>
#include <readerwriterqueue/readerwriterqueue.h>
#include <sys/mman.h>

namespace
{

// Aligned as one aligns what is handed from CPU to CPU: elements of whole cache lines to cache lines.
template <size_t N> struct alignas(N % 64 == 0 ? 64 : 8) element {
    unsigned char bytes[N];
};

// ---- the queues, by one interface -----------------------------------------------------------------------------------

// Pages of its own, zeroed, which processes share: a queue in it lies at the same address for both.
template <typename T> struct shared_allocator {
    using value_type = T;
    template <typename U> struct rebind {
        using other = shared_allocator<U>;
    };
    T *allocate(size_t count)
    {
        return static_cast<T *>(bare_shared_alloc(count * sizeof(T)));
    }
    void deallocate(T *memory, size_t count)
    {
        munmap(memory, count * sizeof(T));
    }
};

template <typename T> struct boost_queue {
    boost::lockfree::spsc_queue<T, boost::lockfree::allocator<shared_allocator<T>>> queue;
    explicit boost_queue(size_t depth) : queue(depth)
    {
    }
    bool push(const T &item)
    {
        return queue.push(item);
    }
    bool pop(T &item)
    {
        return queue.pop(item);
    }
    template <typename Reader> bool read(Reader reader)
    {
        return queue.consume_one(reader);
    }
};

template <typename T> struct moodycamel_queue {
    moodycamel::ReaderWriterQueue<T> queue;
    explicit moodycamel_queue(size_t depth) : queue(depth)
    {
    }
    bool push(const T &item)
    {
        return queue.try_enqueue(item);
    }
    bool pop(T &item)
    {
        return queue.try_dequeue(item);
    }
    template <typename Reader> bool read(Reader reader)
    {
        T *item = queue.peek();
        if (item == nullptr)
            return false;
        reader(*item);
        return queue.pop();
    }
};

template <typename T> struct circular_queue {
    moodycamel::BlockingReaderWriterCircularBuffer<T> queue;
    explicit circular_queue(size_t depth) : queue(depth)
    {
    }
    bool push(const T &item)
    {
        return queue.try_enqueue(item);
    }
    bool pop(T &item)
    {
        return queue.try_dequeue(item);
    }
    template <typename Reader> bool read(Reader)
    {
        errno = 0;
        bare_fail("this queue has no reading in place");
    }
};

// ---- the loops ------------------------------------------------------------------------------------------------------

// What who finds no room, or no message, does before it looks again: nothing, or pause, so many times more with each
// look in vain.
class idler
{
    const unsigned most;
    unsigned pauses = 1;

  public:
    explicit idler(const char *wait)
        : most(std::strcmp(wait, "spin") == 0    ? 0
               : std::strcmp(wait, "pause") == 0 ? 1
                                                 : 64)
    {
    }
    void look_again()
    {
#if defined(__x86_64__) || defined(__i386__)
        for (unsigned i = 0; i < pauses && i < most; i++)
            __builtin_ia32_pause();
#endif
        pauses = pauses < most ? pauses * 2 : pauses;
    }
    void found()
    {
        pauses = 1;
    }
};

template <template <typename> class Queue, size_t N> struct work : bare_work {
    using item = element<N>;
    Queue<item> queue;

    explicit work(const bare *how_asked) : queue(how_asked->depth)
    {
        how = how_asked;
        halves[0] = produce;
        halves[1] = std::strcmp(how_asked->style, "place") == 0 ? consume_in_place : consume;
        enter = leave = nullptr;
        destroy = [](bare_work *self) {
            work *whole = static_cast<work *>(self);
            whole->~work();
            munmap(whole, sizeof *whole);
        };
    }

    static void produce(bare_work *self, uint64_t from, uint64_t to)
    {
        work *own = static_cast<work *>(self);
        idler idle(self->how->wait);
        alignas(64) item one;
        for (uint64_t sequence = from; sequence < to; sequence++) {
            bare_fill(one.bytes, N, sequence);
            while (!own->queue.push(one))
                idle.look_again();
            idle.found();
        }
    }

    static void consume(bare_work *self, uint64_t from, uint64_t to)
    {
        work *own = static_cast<work *>(self);
        idler idle(self->how->wait);
        alignas(64) item one;
        for (uint64_t sequence = from; sequence < to; sequence++) {
            while (!own->queue.pop(one))
                idle.look_again();
            idle.found();
            bare_check(one.bytes, N, sequence);
        }
    }

    static void consume_in_place(bare_work *self, uint64_t from, uint64_t to)
    {
        work *own = static_cast<work *>(self);
        idler idle(self->how->wait);
        for (uint64_t sequence = from; sequence < to; sequence++) {
            while (!own->queue.read([sequence](const item &one) { bare_check(one.bytes, N, sequence); }))
                idle.look_again();
            idle.found();
        }
    }
};

template <template <typename> class Queue, size_t N> bare_work *make(const bare *how)
{
    using whole = work<Queue, N>;
    return new (bare_shared_alloc(sizeof(whole))) whole(how);
}

template <template <typename> class Queue> bare_work *make_sized(const bare *how)
{
    switch (how->size) {
    case 8:
        return make<Queue, 8>(how);
    case 32:
        return make<Queue, 32>(how);
    case 56:
        return make<Queue, 56>(how);
    case 64:
        return make<Queue, 64>(how);
    case 256:
        return make<Queue, 256>(how);
    case 1024:
        return make<Queue, 1024>(how);
    case 4096:
        return make<Queue, 4096>(how);
    case 65536:
        return make<Queue, 65536>(how);
    default:
        return nullptr;
    }
}

bare_work *create(const bare *how)
{
    const bool is_boost = std::strcmp(how->kind, "boost") == 0;
    errno = 0;
    if (how->is_processes && !is_boost)
        bare_fail("moodycamel's queues lie in private memory: they are for threads");
    if (is_boost)
        return make_sized<boost_queue>(how);
    return std::strcmp(how->kind, "circular") == 0 ? make_sized<circular_queue>(how)
                                                   : make_sized<moodycamel_queue>(how);
}

const char *const kinds[] = {"boost", "moodycamel", "circular", nullptr};
const char *const styles[] = {"copy", "place", nullptr};
const char *const waits[] = {"spin", "pause", "backoff", nullptr};

const bare_program program = {
    "typed-queue",
    "A queue of elements of a fixed size, used bare: boost::lockfree::spsc_queue, moodycamel::ReaderWriterQueue or "
    "BlockingReaderWriterCircularBuffer. Sizes: 8, 32, 56, 64, 256, 1024, 4096, 65536.",
    kinds,
    styles,
    waits,
    true,
    true,
    false,
    create,
};

} // namespace

int main(int argc, char **argv)
{
    return bare_main(&program, argc, argv);
}
