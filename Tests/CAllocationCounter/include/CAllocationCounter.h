// Counts the memory allocations of a thread: malloc and its relatives are replaced for the whole process, and count while the
// calling thread has counting switched on; but not what OpenBLAS allocates for itself.
#pragma once

#include <stdbool.h>

// False where a sanitizer is built in: nothing is counted then.
bool allocation_counting_is_possible(void);

void allocation_counting_start(void);

// Switches counting off on this thread, and returns how many allocations it made since the start.
long allocation_counting_stop(void);
