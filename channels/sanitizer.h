/* SPDX-License-Identifier: MIT
 *
 * Whether this build is for ThreadSanitizer, which does not know fences nor pthread_mutex_clocklock (gcc 12, clang 14).
 */
#ifndef WEIR_SANITIZER_H
#define WEIR_SANITIZER_H

#ifdef __SANITIZE_THREAD__
#define WEIR_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WEIR_THREAD_SANITIZER 1
#endif
#endif

#ifndef WEIR_THREAD_SANITIZER
#define WEIR_THREAD_SANITIZER 0
#endif

#endif
