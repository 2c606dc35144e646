#define _GNU_SOURCE
#include "CAllocationCounter.h"
#include <errno.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

// glibc's own allocator, under the names that cannot be replaced.
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static _Thread_local bool is_counting;
static _Thread_local long allocations;

// Where OpenBLAS' code lies: for some processors its kernels allocate, which is not the program's doing.
static uintptr_t library_start, library_end;

static int find_library(struct dl_phdr_info *info, size_t size, void *unused) {
  (void)size, (void)unused;
  if (!info->dlpi_name || !strstr(info->dlpi_name, "libopenblas")) return 0;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    if (info->dlpi_phdr[i].p_type != PT_LOAD || !(info->dlpi_phdr[i].p_flags & PF_X)) continue;
    library_start = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
    library_end = library_start + info->dlpi_phdr[i].p_memsz;
  }
  return 1;
}

void allocation_counting_start(void) {
  dl_iterate_phdr(find_library, NULL);
  allocations = 0;
  is_counting = true;
}

long allocation_counting_stop(void) {
  is_counting = false;
  return allocations;
}

// Sanitizers replace the allocator themselves.
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)

bool allocation_counting_is_possible(void) { return false; }

#else

bool allocation_counting_is_possible(void) { return true; }

static inline __attribute__((always_inline)) void count(void) {
  uintptr_t caller = (uintptr_t)__builtin_return_address(0);
  if (is_counting && !(library_start <= caller && caller < library_end)) allocations++;
}

void *malloc(size_t size) {
  count();
  return __libc_malloc(size);
}

void *calloc(size_t number, size_t size) {
  count();
  return __libc_calloc(number, size);
}

void *realloc(void *block, size_t size) {
  count();
  return __libc_realloc(block, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
  count();
  return __libc_memalign(alignment, size);
}

void *memalign(size_t alignment, size_t size) {
  count();
  return __libc_memalign(alignment, size);
}

int posix_memalign(void **block, size_t alignment, size_t size) {
  if (alignment % sizeof(void *) != 0 || (alignment & (alignment - 1)) != 0 || alignment == 0) return EINVAL;
  count();
  void *allocated = __libc_memalign(alignment, size);
  if (allocated == NULL) return ENOMEM;
  *block = allocated;
  return 0;
}

#endif
