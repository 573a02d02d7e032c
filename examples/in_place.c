/* SPDX-License-Identifier: MIT
 *
 * Messages written and read where they lie, without a buffer of one's own: reserve and commit, peek and release. It
 * works with every driver; where the mechanism has no such form the library lends a buffer, and says so.
 *
 *     cc in_place.c -o in_place $(pkg-config --cflags --libs weir)
 *     ./in_place [CHANNEL]
 */
#include <err.h>
#include <stdio.h>
#include <string.h>

#include <weir/weir.h>

enum { FRAMES = 1000, MOST_PIXELS = 1000 };

struct frame {
    uint32_t number;
    uint32_t pixel_count;
    unsigned char pixels[MOST_PIXELS];
};

static size_t frame_bytes(uint32_t pixel_count)
{
    return offsetof(struct frame, pixels) + pixel_count;
}

static int film(void *channel, int report_fd)
{
    (void)report_fd;
    struct weir_endpoint *camera;
    int result = weir_attach(&camera, channel, WEIR_PRODUCER, 0);
    if (result != 0)
        return 1;
    for (uint32_t i = 0; i < FRAMES && result == 0; i++) {
        void *place;
        result = weir_reserve(camera, sizeof(struct frame), &place, WEIR_FOREVER); /* room for the worst case */
        if (result != 0)
            break;
        struct frame *frame = place;
        frame->number = i;
        frame->pixel_count = i % MOST_PIXELS;
        memset(frame->pixels, (int)(i & 0xff), frame->pixel_count);
        /* Only what was used is sent, and only now does the other side see it. weir_abort would take it back. */
        result = weir_commit(camera, frame_bytes(frame->pixel_count), 0, WEIR_FOREVER);
    }
    weir_detach(camera);
    return result != 0;
}

static int is_right(const struct frame *frame, size_t length, uint32_t number)
{
    if (frame->number != number || length != frame_bytes(number % MOST_PIXELS))
        return 0;
    for (size_t i = 0; i < frame->pixel_count; i++)
        if (frame->pixels[i] != (number & 0xff))
            return 0;
    return 1;
}

/* Returns how many frames came, all as they should be, or -1. */
static int watch(struct weir_channel *channel)
{
    struct weir_endpoint *screen;
    if (weir_attach(&screen, channel, WEIR_CONSUMER, 0) != 0)
        return -1;
    int seen = 0;
    const void *place;
    ssize_t length;
    while ((length = weir_peek(screen, &place, WEIR_FOREVER)) >= 0) {
        if (!is_right(place, (size_t)length, (uint32_t)seen))
            break;
        weir_release(screen); /* from here on the place is the producer's again */
        seen++;
    }
    weir_detach(screen);
    return length == WEIR_EOF ? seen : -1;
}

int main(int argc, char **argv)
{
    const struct weir_channel_config config = {.max_message_bytes = sizeof(struct frame), .depth = 8};
    struct weir_channel *channel;
    struct weir_channel_info info;
    struct weir_worker *worker;
    struct weir_error error;
    if (weir_channel_create(&channel, argc > 1 ? argv[1] : "shm", &config, &error) != 0)
        errx(1, "%s", error.text);
    const struct weir_worker_config filming = {.kind = WEIR_PROCESS, .cpu = -1, .body = film, .argument = channel};
    if (weir_worker_start(&worker, &filming, &error) != 0)
        errx(1, "%s", error.text);
    int seen = watch(channel);
    weir_channel_info(channel, &info);
    printf("%s: %d frames, %s\n", info.driver, seen,
           info.capabilities & WEIR_CAP_PEEK ? "read where they lie" : "read in a lent buffer");
    weir_worker_destroy(worker);
    weir_channel_destroy(channel);
    return seen != FRAMES;
}
