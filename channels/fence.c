/* SPDX-License-Identifier: MIT
 *
 * The heavy side of asymmetric fences: membarrier(2). The idea is in fence.h.
 */
#include "fence.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

static long membarrier(int command)
{
    return syscall(SYS_membarrier, command, 0, 0);
}

enum weir_fence weir_fence_offered(bool shared)
{
    const long needed = shared ? MEMBARRIER_CMD_GLOBAL_EXPEDITED | MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED
                               : MEMBARRIER_CMD_PRIVATE_EXPEDITED | MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED;
    long offered = membarrier(MEMBARRIER_CMD_QUERY);
    if (WEIR_THREAD_SANITIZER || offered < 0 || (offered & needed) != needed)
        return WEIR_FENCE_BOTH;
    return shared ? WEIR_FENCE_PROCESSES : WEIR_FENCE_THREADS;
}

int weir_fence_register(enum weir_fence fence)
{
    if (fence == WEIR_FENCE_BOTH)
        return 0;
    return membarrier(fence == WEIR_FENCE_PROCESSES ? MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED
                                                    : MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0
               ? 0
               : -1;
}

int weir_fence_heavy(enum weir_fence fence, _Atomic uint32_t *word)
{
    weir_fence_full(word);
    if (fence == WEIR_FENCE_BOTH)
        return 0;
    return membarrier(fence == WEIR_FENCE_PROCESSES ? MEMBARRIER_CMD_GLOBAL_EXPEDITED
                                                    : MEMBARRIER_CMD_PRIVATE_EXPEDITED) == 0
               ? 0
               : -1;
}
