/* SPDX-License-Identifier: MIT
 *
 * A message to a thread. Usage: hello_thread [SPEC], where SPEC is any channel: shm, pipe, unix,type=stream ...
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <weir/weir.h>

static void *listen_once(void *channel)
{
    static char text[64];
    struct weir_endpoint *consumer;
    if (weir_attach(&consumer, channel, WEIR_CONSUMER, 0) != 0)
        return NULL;
    ssize_t length = weir_recv(consumer, text, sizeof text, WEIR_FOREVER);
    weir_detach(consumer);
    return length >= 0 ? text : NULL;
}

int main(int argc, char **argv)
{
    const char *spec = argc > 1 ? argv[1] : "shm";
    const struct weir_channel_config config = {.max_message_bytes = 64, .span = WEIR_SPAN_THREADS};
    struct weir_channel *channel;
    struct weir_endpoint *producer;
    struct weir_error error;
    pthread_t thread;
    void *heard;
    if (weir_channel_create(&channel, spec, &config, &error) != 0)
        return fprintf(stderr, "%s\n", error.text), 1;
    if (pthread_create(&thread, NULL, listen_once, channel) != 0 || weir_attach(&producer, channel, WEIR_PRODUCER, 0))
        return 1;
    int sent = weir_send(producer, "hello, thread", sizeof "hello, thread", 0, WEIR_FOREVER);
    weir_detach(producer); /* says goodbye: whoever still waits gets WEIR_EOF */
    pthread_join(thread, &heard);
    printf("%s: %s\n", spec, heard != NULL ? (char *)heard : weir_strerror(sent));
    weir_channel_destroy(channel);
    return heard == NULL || strcmp(heard, "hello, thread") != 0;
}
