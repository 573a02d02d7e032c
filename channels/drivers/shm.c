/* SPDX-License-Identifier: MIT
 *
 * The shm driver: lock-free lanes (lanes.h) in POSIX shared memory. The object's name, which nobody can guess, is
 * unlinked as soon as it is mapped: forked workers inherit the mapping, and nothing is left in /dev/shm whoever dies.
 * `backing=memfd` has no name at all, and its size is sealed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "../lanes.h"
#include "../names.h"

enum { OPTION_BACKING, OPTION_CAPACITY };
enum { BACKING_POSIX, BACKING_MEMFD };

static const struct weir_option options[] = {
    [OPTION_BACKING] = {.name = "backing",
                        .type = WEIR_OPTION_CHOICE,
                        .fallback = "posix",
                        .choices = "posix|memfd",
                        .help = "posix: a shared-memory object without a name; memfd: a sealed memfd_create"},
    [OPTION_CAPACITY] = WEIR_LANES_OPTION_CAPACITY,
    {.name = NULL},
};

struct state {
    struct weir_lanes lanes;
    void *memory;
    size_t bytes;
};

/* A POSIX shared-memory object that never has a name: so none is left behind by whoever is killed in between. That is
 * Linux's way (glibc keeps these objects in /dev/shm); where it does not work there is a name for a moment. */
static int open_posix(struct weir_error *error)
{
    uint64_t number;
    int nameless = open("/dev/shm", O_TMPFILE | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
    if (nameless >= 0)
        return nameless;
    char name[64];
    if (getrandom(&number, sizeof number, 0) != sizeof number)
        return weir_error_errno(error, "getrandom");
    snprintf(name, sizeof name, "/" WEIR_SHM_PREFIX "%0*llx", WEIR_SHM_SUFFIX, (unsigned long long)number);
    int fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return weir_error_errno(error, "shm_open");
    shm_unlink(name); /* if a sweeper was quicker the name is gone, as it should be */
    return fd;
}

static int open_anonymous(struct weir_error *error)
{
    int fd = memfd_create("weir", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    return fd < 0 ? weir_error_errno(error, "memfd_create") : fd;
}

/* The space is really there afterwards: a full /dev/shm is an error now and not a SIGBUS later. */
static int allocate(int fd, size_t bytes, struct weir_error *error)
{
    do
        errno = posix_fallocate(fd, 0, (off_t)bytes);
    while (errno == EINTR);
    if (errno == ENOSPC)
        return weir_error_set(error, WEIR_ESYSTEM,
                              "/dev/shm is full: %zu bytes are needed (free some, or ask for less depth)", bytes);
    return errno == 0 ? 0 : weir_error_errno(error, "posix_fallocate");
}

static int create(struct weir_driver_channel *channel, struct weir_error *error)
{
    struct state *state = channel->state;
    bool named = channel->options[OPTION_BACKING].number == BACKING_POSIX;
    state->bytes = weir_lanes_plan(&state->lanes, channel, channel->options[OPTION_CAPACITY].number);
    /* A memfd has no file system whose size would be a limit: asking for more than there is would end with the kernel
     * killing somebody. */
    if (state->bytes / (size_t)sysconf(_SC_PAGESIZE) > (size_t)sysconf(_SC_PHYS_PAGES))
        return weir_error_set(error, WEIR_ENOMEM, "%zu bytes of shared memory are more than this machine has",
                              state->bytes);
    int fd = named ? open_posix(error) : open_anonymous(error);
    if (fd < 0)
        return fd;
    int result = allocate(fd, state->bytes, error);
    if (result == 0 && !named && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
        result = weir_error_errno(error, "sealing the memfd");
    if (result == 0) {
        void *memory = mmap(NULL, state->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (memory == MAP_FAILED)
            result = weir_error_errno(error, "mmap");
        else
            weir_lanes_format(&state->lanes, state->memory = memory);
    }
    close(fd);
    return result;
}

static void destroy(struct weir_driver_channel *channel)
{
    struct state *state = channel->state;
    if (state->memory != NULL)
        munmap(state->memory, state->bytes);
}

static int attach(struct weir_driver_endpoint *endpoint)
{
    const struct state *state = endpoint->channel->state;
    return weir_lanes_attach(endpoint, &state->lanes);
}

extern const struct weir_driver weir_driver_shm;
const struct weir_driver weir_driver_shm = {
    WEIR_LANES_OPERATIONS,
    .name = "shm",
    .summary = "shared memory: a lock-free ring for each producer, futex doorbells",
    .channel_bytes = sizeof(struct state),
    .options = options,
    .create = create,
    .destroy = destroy,
    .attach = attach,
};
