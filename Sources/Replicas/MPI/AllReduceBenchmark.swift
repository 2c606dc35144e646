import COpenMPI
import Execution

/// What an all-reduce of one buffer a process takes, in milliseconds: the median over some rounds,
/// in each of which every way has its turn.
package struct AllReduceBenchmark: Sendable {
  /// Of buffers in memory that the processes of a host share, which need no copy.
  package let shared: Double
  /// Of buffers elsewhere.
  package let copied: Double
  /// MPI's own, `MPI_Allreduce`.
  package let mpi: Double

  /// Collective.
  ///
  /// - Parameter count: the floats of each buffer.
  package init?(
    _ processes: any ProcessGroup, count: Int, rounds: Int = 21
  ) throws(CommunicationError) {
    guard let processes = processes as? MPIProcesses,
      let communicator = processes.communicator as? MPICommunicator
    else { return nil }
    let replicas = communicator.participant..<(communicator.participant + 1)
    let buffers = try communicator.makeSharedSum(of: [replicas], count: count)
    let (own, sum) = (AlignedBuffer(count: count), AlignedBuffer(count: count))
    for index in 0..<count { own.pointer[index] = Float(index % 16) }
    buffers.own[0].pointer.update(from: own.pointer, count: count)

    var times: [[Duration]] = [[], [], []]
    for _ in 0...rounds {
      try Self.time(communicator, &times[0]) { () throws(CommunicationError) in
        try buffers.add(step: 0)
        try buffers.release(step: 0)
      }
      try Self.time(communicator, &times[1]) { () throws(CommunicationError) in
        try communicator.allReduce(
          [PartialSum(replicas: replicas, values: UnsafeBufferPointer(own.values))],
          into: sum.values, step: 0)
      }
      try Self.time(communicator, &times[2]) { () throws(CommunicationError) in
        try communicator.library.call("MPI_Allreduce") {
          $0.Allreduce(
            own.pointer, sum.pointer, Int32(count), $0.float32, $0.sum,
            $0.world)
        }
      }
    }
    // The first round touches the memory.
    let medians = times.map { $0.dropFirst().sorted()[rounds / 2] / .milliseconds(1) }
    (shared, copied, mpi) = (medians[0], medians[1], medians[2])
  }

  private static func time(
    _ communicator: MPICommunicator, _ times: inout [Duration],
    _ body: () throws(CommunicationError) -> Void
  ) throws(CommunicationError) {
    let repetitions = 4
    try communicator.barrier("benchmark", step: 0)
    let start = ContinuousClock.now
    for _ in 0..<repetitions { try body() }
    times.append((ContinuousClock.now - start) / repetitions)
  }
}
