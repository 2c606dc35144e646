// Tells ThreadSanitizer of Swift's Mutex.
//
// Its fast path is compiled into the program, where the sanitizer sees its atomics. What happens when a thread has to wait lies in
// libswiftSynchronization, which is not instrumented: every contended lock would be reported as a race. These two functions take
// the place of the library's, and do the same (swift/stdlib/public/Synchronization/Mutex/LinuxImpl.swift).
#if __has_feature(thread_sanitizer)

#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <sanitizer/tsan_interface.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SWIFT __attribute__((swiftcall, disable_sanitizer_instrumentation))
#define SELF __attribute__((swift_context))

SWIFT void lock_slowly(uint32_t thread, SELF uint32_t *word) __asm__("$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF");
SWIFT void unlock_slowly(SELF uint32_t *word) __asm__("$s15Synchronization12_MutexHandleV11_unlockSlowyyF");

SWIFT void lock_slowly(uint32_t thread, SELF uint32_t *word) {
  (void)thread;
  while (syscall(SYS_futex, word, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0) != 0)
    if (errno != EINTR && errno != EAGAIN) abort();
  __tsan_acquire(word);
}

SWIFT void unlock_slowly(SELF uint32_t *word) {
  __tsan_release(word);
  while (syscall(SYS_futex, word, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0) != 0)
    if (errno != EINTR && errno != EAGAIN) abort();
}

#endif
