/* SPDX-License-Identifier: MIT
 *
 * Hello over a thread. Build it: cc hello_thread.c -o hello_thread $(pkg-config --cflags --libs weir)
 */
#include <err.h>
#include <stdio.h>
#include <weir/weir.h>

static char heard[64] = "nothing"; /* a thread writes here, where main can read it; a process into a copy of its own */
static int listen_once(void *channel, int report_fd)
{
    (void)report_fd; /* a pipe home, for results */
    struct weir_endpoint *ear;
    if (weir_attach(&ear, channel, WEIR_CONSUMER, 0) != 0 || weir_recv(ear, heard, sizeof heard, WEIR_FOREVER) < 0)
        return 1;
    weir_detach(ear);
    return 0;
}

int main(int argc, char **argv)
{
    struct weir_channel *channel;
    struct weir_worker *worker;
    struct weir_worker_end end;
    struct weir_endpoint *mouth;
    struct weir_error error;
    if (weir_channel_create(&channel, argc > 1 ? argv[1] : "shm", NULL, &error) != 0)
        errx(1, "%s", error.text);
    const struct weir_worker_config how = {.kind = WEIR_THREAD, .cpu = -1, .body = listen_once, .argument = channel};
    if (weir_worker_start(&worker, &how, &error) != 0 || weir_attach(&mouth, channel, WEIR_PRODUCER, 0) != 0 ||
        weir_send(mouth, "hello", sizeof "hello", 0, WEIR_FOREVER) != 0)
        errx(1, "nobody listens");
    weir_detach(mouth);
    weir_worker_join(worker, WEIR_FOREVER, &end);
    printf("the worker ended with %d, and main reads: %s\n", end.value, heard);
    weir_worker_destroy(worker);
    weir_channel_destroy(channel);
    return end.value;
}
