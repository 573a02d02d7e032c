/* SPDX-License-Identifier: MIT
 *
 * The life of a channel: create, info, shutdown, destroy, and the memory and folder that it lends to its driver.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bell_fds.h"
#include "core.h"

#define DEFAULT_MAX_MESSAGE_BYTES 4096
#define DEFAULT_DEPTH             64
#define MOST_ENDPOINTS            1024
#define MOST_MESSAGE_BYTES        ((size_t)1 << 30)
#define MOST_DEPTH                ((size_t)1 << 24)

/* ---- checks -------------------------------------------------------------------------------------------------- */

static int complete_config(struct weir_channel_config *config, const struct weir_channel_config *asked,
                           struct weir_error *error)
{
    if (asked != NULL)
        *config = *asked;
    if (config->producers == 0)
        config->producers = 1;
    if (config->consumers == 0)
        config->consumers = 1;
    if (config->max_message_bytes == 0)
        config->max_message_bytes = DEFAULT_MAX_MESSAGE_BYTES;
    if (config->depth == 0)
        config->depth = DEFAULT_DEPTH;
    if (config->producers > MOST_ENDPOINTS || config->consumers > MOST_ENDPOINTS)
        return weir_error_set(error, WEIR_EINVAL, "%u producers and %u consumers: 1 to %d of each are allowed",
                              config->producers, config->consumers, MOST_ENDPOINTS);
    if (config->max_message_bytes > MOST_MESSAGE_BYTES)
        return weir_error_set(error, WEIR_EMSGSIZE, "messages of %zu bytes: at most %zu are allowed",
                              config->max_message_bytes, MOST_MESSAGE_BYTES);
    if (config->depth > MOST_DEPTH)
        return weir_error_set(error, WEIR_EINVAL, "depth %zu: 1 to %zu messages are allowed", config->depth,
                              MOST_DEPTH);
    if ((unsigned)config->span > WEIR_SPAN_THREADS || (unsigned)config->wait > WEIR_WAIT_ADAPTIVE)
        return weir_error_set(error, WEIR_EINVAL, "the configuration's span or wait is not one of its values");
    return 0;
}

static int check_limits(const struct weir_driver *driver, const struct weir_channel_config *config,
                        struct weir_error *error)
{
    if (driver->max_message_bytes != 0 && config->max_message_bytes > driver->max_message_bytes)
        return weir_error_set(error, WEIR_EMSGSIZE, "%s carries messages of at most %zu bytes, not %zu", driver->name,
                              driver->max_message_bytes, config->max_message_bytes);
    if (driver->max_producers != 0 && config->producers > driver->max_producers)
        return weir_error_set(error, WEIR_ENOTSUP, "%s takes at most %u producer%s, not %u", driver->name,
                              driver->max_producers, driver->max_producers == 1 ? "" : "s", config->producers);
    if (driver->max_consumers != 0 && config->consumers > driver->max_consumers)
        return weir_error_set(error, WEIR_ENOTSUP, "%s takes at most %u consumer%s, not %u", driver->name,
                              driver->max_consumers, driver->max_consumers == 1 ? "" : "s", config->consumers);
    return weir_driver_try(driver, error);
}

/* ---- parts of create ----------------------------------------------------------------------------------------- */

/* The descriptors that wake who waits in poll. Between processes they must be there before the fork; within one, a
 * bell's is made when first asked for (weir_fd). */
static int make_descriptors(struct weir_channel *channel, struct weir_error *error)
{
    if (!weir_is_ringing(channel->driver)) {
        channel->news_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        return channel->news_fd < 0 ? weir_error_errno(error, "eventfd") : 0;
    }
    for (int role = 0; role < 2 && channel->config.span == WEIR_SPAN_PROCESSES; role++) {
        channel->bell_fds[role] = weir_bell_fd_take();
        if (channel->bell_fds[role] < 0)
            return weir_error_errno(error, "eventfd");
    }
    return 0;
}

static int build(struct weir_channel *channel, struct weir_error *error)
{
    const struct weir_driver *driver = channel->driver;
    if (weir_control_init(channel) != 0)
        return weir_error_set(error, WEIR_ENOMEM, "no memory for the channel's control block");
    int result = make_descriptors(channel, error);
    if (result != 0)
        return result;
    channel->view.state = calloc(1, driver->channel_bytes ? driver->channel_bytes : 1);
    if (channel->view.state == NULL)
        return weir_error_set(error, WEIR_ENOMEM, "no memory for the channel");
    result = driver->create(&channel->view, error);
    if (result != 0 && error != NULL && error->code != result)
        weir_error_set(error, result, "%s cannot make the channel: %s", driver->name, weir_strerror(result));
    return result;
}

int weir_channel_create(struct weir_channel **ret_channel, const char *spec, const struct weir_channel_config *config,
                        struct weir_error *ret_error)
{
    struct weir_error unheard;
    struct weir_error *error = ret_error != NULL ? ret_error : &unheard;
    error->code = 0;
    if (ret_channel == NULL || spec == NULL)
        return weir_error_set(error, WEIR_EINVAL, "a channel needs a spec and a place to put it");
    struct weir_channel *channel = aligned_alloc(64, (sizeof *channel + 63) / 64 * 64);
    if (channel == NULL)
        return weir_error_set(error, WEIR_ENOMEM, "no memory for the channel");
    *channel = (struct weir_channel){.folder_fd = -1, .news_fd = -1, .bell_fds = {-1, -1}, .creator = getpid()};

    int result = complete_config(&channel->config, config, error);
    if (result == 0)
        result =
            weir_spec_parse(spec, &channel->driver, &channel->spec, &channel->options, &channel->config.wait, error);
    if (result == 0)
        result = check_limits(channel->driver, &channel->config, error);
    if (result == 0) {
        if (channel->config.wait == WEIR_WAIT_DEFAULT)
            channel->config.wait = channel->driver->wait;
        channel->view.config = &channel->config;
        channel->view.options = channel->options;
        channel->view.depth = channel->config.depth;
        channel->view.capabilities = channel->driver->capabilities;
        result = build(channel, error);
    }
    if (result != 0) {
        weir_channel_destroy(channel);
        return result;
    }
    *ret_channel = channel;
    return 0;
}

/* ---- the rest of its life ------------------------------------------------------------------------------------ */

static void close_descriptor(int fd)
{
    if (fd >= 0)
        close(fd);
}

void weir_channel_destroy(struct weir_channel *channel)
{
    if (channel == NULL)
        return;
    if (channel->view.state != NULL)
        channel->driver->destroy(&channel->view);
    free(channel->view.state);
    for (unsigned i = 0; i < channel->mapping_count; i++)
        munmap(channel->mappings[i].address, channel->mappings[i].bytes);
    if (channel->folder != NULL && channel->creator == getpid())
        weir_folder_remove(channel->folder);
    free(channel->folder);
    close_descriptor(channel->folder_fd);
    close_descriptor(channel->news_fd);
    weir_bell_fd_give(channel->bell_fds[0]);
    weir_bell_fd_give(channel->bell_fds[1]);
    weir_control_free(channel);
    free(channel->options);
    free(channel->spec);
    free(channel);
}

void weir_channel_shutdown(struct weir_channel *channel)
{
    if (channel == NULL)
        return;
    int number = errno; /* that of whom a signal handler has interrupted */
    atomic_fetch_or(&channel->control->flags, CONTROL_SHUTDOWN);
    weir_roster_announce(channel);
    errno = number;
}

void weir_channel_info(const struct weir_channel *channel, struct weir_channel_info *ret_info)
{
    *ret_info = (struct weir_channel_info){
        .driver = channel->driver->name,
        .mechanism = channel->driver->summary,
        .producers = channel->config.producers,
        .consumers = channel->config.consumers,
        .max_message_bytes = channel->config.max_message_bytes,
        .depth = channel->view.depth,
        .span = channel->config.span,
        .wait = channel->config.wait,
        .capabilities = channel->view.capabilities,
    };
}

/* ---- lent to drivers ----------------------------------------------------------------------------------------- */

void *weir_shared_alloc(struct weir_driver_channel *view, size_t bytes)
{
    struct weir_channel *channel = (struct weir_channel *)view;
    int sharing = channel->config.span == WEIR_SPAN_PROCESSES ? MAP_SHARED : MAP_PRIVATE;
    if (bytes == 0 || channel->mapping_count == sizeof channel->mappings / sizeof channel->mappings[0])
        return NULL;
    void *address = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | sharing, -1, 0);
    if (address == MAP_FAILED)
        return NULL;
    channel->mappings[channel->mapping_count++] = (struct weir_mapping){address, bytes};
    return address;
}

const char *weir_private_folder(struct weir_driver_channel *view, struct weir_error *error)
{
    struct weir_channel *channel = (struct weir_channel *)view;
    if (channel->folder == NULL && weir_folder_create(&channel->folder, &channel->folder_fd, error) != 0)
        return NULL;
    return channel->folder;
}
