/* SPDX-License-Identifier: MIT
 *
 * No place on a shelf is used twice: a forked process may still use a block that its creator has given back. A shelf is
 * unmapped when its last block is, and then here only.
 */
#include "shelf.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#define SHELF_BYTES ((size_t)64 << 10)
#define BLOCK_BYTES ((size_t)128)

struct weir_shelf {
    unsigned char *memory;
    size_t bytes, used;
    uint32_t blocks; /* not given back */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct weir_shelf *current; /* has room, perhaps; NULL: none */

static void before_fork(void)
{
    pthread_mutex_lock(&lock);
}

static void after_fork(void)
{
    pthread_mutex_unlock(&lock);
}

/* The room that is left belongs to the parent. */
static void after_fork_in_child(void)
{
    current = NULL;
    pthread_mutex_unlock(&lock);
}

static void watch_forks(void)
{
    pthread_atfork(before_fork, after_fork, after_fork_in_child);
}

static struct weir_shelf *make_shelf(size_t bytes)
{
    struct weir_shelf *shelf = calloc(1, sizeof *shelf);
    if (shelf == NULL)
        return NULL;
    shelf->bytes = bytes > SHELF_BYTES ? bytes : SHELF_BYTES;
    shelf->memory = mmap(NULL, shelf->bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shelf->memory == MAP_FAILED) {
        free(shelf);
        return NULL;
    }
    return shelf;
}

void *weir_shelf_take(size_t bytes, struct weir_shelf **ret_shelf)
{
    bytes = (bytes + BLOCK_BYTES - 1) / BLOCK_BYTES * BLOCK_BYTES;
    pthread_once(&once, watch_forks);
    pthread_mutex_lock(&lock);
    if (current == NULL || current->bytes - current->used < bytes)
        current = make_shelf(bytes); /* the full one lives on with its blocks */
    void *block = NULL;
    if (current != NULL) {
        block = current->memory + current->used;
        current->used += bytes;
        current->blocks++;
        *ret_shelf = current;
    }
    pthread_mutex_unlock(&lock);
    return block;
}

void weir_shelf_give(struct weir_shelf *shelf)
{
    if (shelf == NULL)
        return;
    pthread_mutex_lock(&lock);
    if (--shelf->blocks == 0) {
        if (shelf == current)
            current = NULL;
        munmap(shelf->memory, shelf->bytes);
        free(shelf);
    }
    pthread_mutex_unlock(&lock);
}
