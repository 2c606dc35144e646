#pragma once
// Open MPI, loaded when a launcher has started the program and not before: linked, it would cost every command 2 ms.
#define OMPI_SKIP_MPICXX 1
#include <mpi/mpi.h>
#ifndef OPEN_MPI
#error "Open MPI is needed (apt-get install libopenmpi-dev); this is another MPI's mpi.h"
#endif

// MPI's functions by their names without "MPI_", and its constants, which are addresses in the library.
#define COPENMPI_FUNCTIONS(F) \
  F(Init_thread) F(Finalize) F(Comm_rank) F(Comm_size) F(Comm_set_errhandler) F(Comm_split_type) F(Error_string) \
  F(Allreduce) F(Allgather) F(Isend) F(Improbe) F(Mrecv) F(Get_count) F(Test) F(Send_init) F(Recv_init) F(Start) \
  F(Win_allocate_shared) F(Win_shared_query)
#define COPENMPI_CONSTANTS(C) \
  C(MPI_Comm, world, ompi_mpi_comm_world) C(MPI_Info, no_info, ompi_mpi_info_null) \
  C(MPI_Errhandler, errors_return, ompi_mpi_errors_return) \
  C(MPI_Datatype, byte, ompi_mpi_byte) C(MPI_Datatype, float32, ompi_mpi_float) C(MPI_Datatype, int32, ompi_mpi_int) \
  C(MPI_Op, sum, ompi_mpi_op_sum) C(MPI_Op, minimum, ompi_mpi_op_min) C(MPI_Op, bitwise_or, ompi_mpi_op_bor)

struct COpenMPI {
#define F(name) __typeof__(MPI_##name) *_Nonnull name;
  COPENMPI_FUNCTIONS(F)
#undef F
#define C(type, name, symbol) type _Nonnull name;
  COPENMPI_CONSTANTS(C)
#undef C
};

// The library's functions, or null and the reason in `problem`.
const struct COpenMPI *_Nullable COpenMPI_load(char *_Nonnull problem, int length);
