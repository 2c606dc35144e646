import COpenMPI
import Glibc

/// MPI, started; one call at a time.
final class MPILibrary: @unchecked Sendable {
  let rank: Int32
  let size: Int32
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)

  private let functions: COpenMPI

  /// Loads the library, and starts it.
  init() throws(CommunicationError) {
    var problem = [CChar](repeating: 0, count: 512)
    guard let functions = COpenMPI_load(&problem, Int32(problem.count))?.pointee else {
      throw .library(operation: "loading", detail: Self.text(problem))
    }
    self.functions = functions
    pthread_mutex_init(mutex, nil)
    var provided: Int32 = 0
    var (rank, size): (Int32, Int32) = (0, 0)
    guard functions.Init_thread(nil, nil, Int32(MPI_THREAD_SERIALIZED), &provided) == MPI_SUCCESS,
      functions.Comm_rank(functions.world, &rank) == MPI_SUCCESS,
      functions.Comm_size(functions.world, &size) == MPI_SUCCESS
    else { throw .library(operation: "MPI_Init_thread", detail: "it did not start") }
    (self.rank, self.size) = (rank, size)
    guard provided >= MPI_THREAD_SERIALIZED else {
      throw .library(
        operation: "MPI_Init_thread", detail: "this MPI was built for single-threaded programs")
    }
    try call("MPI_Comm_set_errhandler") { $0.Comm_set_errhandler($0.world, $0.errors_return) }
  }

  private static func text(_ characters: [CChar]) -> String {
    String(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit { mutex.deallocate() }

  /// Calls a function of MPI's, and turns its error code into an error.
  func call(
    _ name: StaticString, _ function: (COpenMPI) -> Int32
  ) throws(CommunicationError) {
    pthread_mutex_lock(mutex)
    let code = function(functions)
    pthread_mutex_unlock(mutex)
    if code == MPI_SUCCESS { return }
    var text = [CChar](repeating: 0, count: Int(MPI_MAX_ERROR_STRING) + 1)
    var length: Int32 = 0
    _ = functions.Error_string(code, &text, &length)
    throw .library(operation: name.description, detail: Self.text(text))
  }

  /// Whether a message is through.
  func isComplete(_ request: inout MPI_Request?) throws(CommunicationError) -> Bool {
    var flag: Int32 = 0
    try call("MPI_Test") { $0.Test(&request, &flag, nil) }
    return flag != 0
  }

  /// Combines the values of all ranks of a communicator; nil is the world's.
  func allReduce(
    _ values: inout [Int32], _ operation: KeyPath<COpenMPI, MPI_Op>, _ communicator: MPI_Comm?
  ) throws(CommunicationError) {
    var received = values
    try call("MPI_Allreduce") {
      $0.Allreduce(
        values, &received, Int32(values.count), $0.int32,
        $0[keyPath: operation], communicator ?? $0.world)
    }
    values = received
  }

  func allReduce(
    _ value: inout Int32, _ operation: KeyPath<COpenMPI, MPI_Op>, _ communicator: MPI_Comm?
  ) throws(CommunicationError) {
    var values = [value]
    try allReduce(&values, operation, communicator)
    value = values[0]
  }

  /// The value of every rank of the world.
  func allGather(_ value: Int32) throws(CommunicationError) -> [Int32] {
    var own = value
    var all = [Int32](repeating: 0, count: Int(size))
    try call("MPI_Allgather") {
      $0.Allgather(&own, 1, $0.int32, &all, 1, $0.int32, $0.world)
    }
    return all
  }

  /// The name of every rank's host.
  func hostNames() throws(CommunicationError) -> [String] {
    let length = 256
    var own = [UInt8](repeating: 0, count: length)
    own.withUnsafeMutableBytes { bytes in
      // The last byte stays zero.
      guard let start = bytes.baseAddress else { return }
      gethostname(start.assumingMemoryBound(to: CChar.self), length - 1)
    }
    var all = [UInt8](repeating: 0, count: length * Int(size))
    try call("MPI_Allgather") {
      $0.Allgather(
        own, Int32(length), $0.byte, &all, Int32(length), $0.byte,
        $0.world)
    }
    return stride(from: 0, to: all.count, by: length).map { start in
      String(decoding: all[start..<(start + length)].prefix { $0 != 0 }, as: UTF8.self)
    }
  }
}
