/* SPDX-License-Identifier: MIT
 *
 * A message to a process. Usage: hello_process [SPEC], where SPEC is any channel: shm, pipe, unix,type=stream ...
 */
#include <stdio.h>
#include <string.h>
#include <weir/weir.h>

static int listen_once(void *channel, int report_fd)
{
    (void)report_fd; /* a pipe home, for results */
    char text[64];
    struct weir_endpoint *consumer;
    if (weir_attach(&consumer, channel, WEIR_CONSUMER, 0) != 0)
        return 1;
    ssize_t length = weir_recv(consumer, text, sizeof text, WEIR_FOREVER);
    weir_detach(consumer);
    return length != sizeof "hello, process" || strcmp(text, "hello, process") != 0;
}

int main(int argc, char **argv)
{
    struct weir_channel *channel;
    struct weir_worker *worker;
    struct weir_worker_end end;
    struct weir_endpoint *producer;
    struct weir_error error;
    if (weir_channel_create(&channel, argc > 1 ? argv[1] : "shm", NULL, &error) != 0)
        return fprintf(stderr, "%s\n", error.text), 1;
    const struct weir_worker_config how = {.kind = WEIR_PROCESS, .cpu = -1, .body = listen_once, .argument = channel};
    if (weir_worker_start(&worker, &how, &error) != 0 || weir_attach(&producer, channel, WEIR_PRODUCER, 0) != 0)
        return 1;
    int sent = weir_send(producer, "hello, process", sizeof "hello, process", 0, WEIR_FOREVER);
    weir_detach(producer);
    weir_worker_join(worker, WEIR_FOREVER, &end);
    printf("sent: %s; the process ended with %d\n", weir_strerror(sent), end.value);
    weir_worker_destroy(worker);
    weir_channel_destroy(channel);
    return sent != 0 || end.how != WEIR_WORKER_EXITED || end.value != 0;
}
