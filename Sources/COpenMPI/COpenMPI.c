#define _GNU_SOURCE
#include "COpenMPI.h"
#include <dlfcn.h>
#include <stdio.h>

const struct COpenMPI *COpenMPI_load(char *problem, int length) {
  static struct COpenMPI mpi;
  // Its own plug-ins look for its symbols.
  void *library = dlopen("libmpi.so.40", RTLD_NOW | RTLD_GLOBAL);
  if (!library) {
    snprintf(problem, (size_t)length, "%s", dlerror());
    return NULL;
  }
  void *symbol;
#define FIND(name) \
  if (!(symbol = dlsym(library, name))) { \
    snprintf(problem, (size_t)length, "libmpi.so.40 has no %s", name); \
    return NULL; \
  }
#define F(function) FIND("MPI_" #function) mpi.function = (__typeof__(mpi.function))symbol;
  COPENMPI_FUNCTIONS(F)
#define C(type, constant, name) FIND(#name) mpi.constant = symbol;
  COPENMPI_CONSTANTS(C)
  return &mpi;
}
