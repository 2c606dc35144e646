#define _GNU_SOURCE
#include "CKernels.h"
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

const char *ck_instruction_set(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("x86-64-v4")) return "x86-64-v4";
  if (__builtin_cpu_supports("x86-64-v3")) return "x86-64-v3";
#endif
  return "baseline";
}

int ck_available_cores(void) {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
  return (int)sysconf(_SC_NPROCESSORS_ONLN);
}

void ck_core_mask(int32_t mask[CK_CORE_MASK_LENGTH]) {
  memset(mask, 0, CK_CORE_MASK_LENGTH * sizeof *mask);
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return;
  for (int core = 0; core < CK_CORE_MASK_LENGTH * 32 && core < CPU_SETSIZE; core++)
    if (CPU_ISSET(core, &set)) mask[core / 32] |= (int32_t)(1u << core % 32);
}

void ck_sleep_while(const uint32_t *word, uint32_t value, int64_t nanoseconds) {
  struct timespec timeout = {nanoseconds / 1000000000, nanoseconds % 1000000000};
  syscall(SYS_futex, word, FUTEX_WAIT, value, &timeout, NULL, 0);
}

int64_t ck_available_shared_memory(void) {
  struct statvfs status;
  return statvfs("/dev/shm", &status) == 0 ? (int64_t)status.f_bavail * (int64_t)status.f_frsize : INT64_MAX;
}

int ck_reserve(void *memory, int64_t bytes) {
#ifdef MADV_POPULATE_WRITE
  const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), start = (uintptr_t)memory & ~(page - 1);
  if (madvise((void *)start, (uintptr_t)memory + (uintptr_t)bytes - start, MADV_POPULATE_WRITE) != 0)
    return errno != EFAULT && errno != ENOMEM;  // EINVAL: a kernel before 5.14
#endif
  return 1;
}

void ck_wake_all(const uint32_t *word) { syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0); }

int ck_count_up(const void *arguments) {
  const struct ck_count_up_arguments *c = arguments;
  atomic_fetch_add_explicit((_Atomic int64_t *)c->counter, c->amount, memory_order_release);
  return 0;
}
