import Foundation
import Glibc

/// What processes say to one another.
extension Check {
  /// Nobody leaves a barrier before everyone has come to it. All processes read one clock, also
  /// those of hosts that are namespaces of one machine.
  @Sendable static func barrier(_ job: Job) throws -> [String] {
    let rounds = 40
    var times: [UInt64] = []
    for round in 0..<rounds {
      if round % job.processes.count == job.own { usleep(2000) }
      times.append(nanoseconds())
      try job.communicator.barrier("round", step: round)
      times.append(nanoseconds())
    }
    if let all = try job.communicator.gather(times, to: 0, step: rounds) {
      for round in 0..<rounds {
        let arrivals = all.map { $0[2 * round] }
        let departures = all.map { $0[2 * round + 1] }
        try job.require(
          arrivals.allSatisfy { arrival in departures.allSatisfy { arrival <= $0 } },
          "somebody left barrier \(round) before all had come")
      }
    }
    return ["\(rounds) barriers"]
  }

  /// The bytes of every process come to all: none, one, a few, and more than MPI sends at once.
  @Sendable static func broadcast(_ job: Job) throws -> [String] {
    for length in [0, 1, 1001, 5_000_000] {
      for root in 0..<job.processes.count {
        let message = bytes(of: root, length)
        let received = try job.communicator.broadcast(
          job.own == root ? message : bytes(of: job.own, 3), from: root, step: 0)
        try job.require(received == message, "other \(length) bytes from process \(root)")
      }
    }
    return ["from \(job.processes.count) processes"]
  }

  /// The bytes of all processes come to one, in the processes' order, each as long as it was sent.
  @Sendable static func gather(_ job: Job) throws -> [String] {
    // None from the first, a megabyte from the last.
    func length(_ process: Int) -> Int { process == job.last ? process << 20 : process * 1001 }
    for root in 0..<job.processes.count {
      let gathered = try job.communicator.gather(
        bytes(of: job.own, length(job.own)), to: root, step: root)
      let expected = (0..<job.processes.count).map { bytes(of: $0, length($0)) }
      try job.require(
        gathered == (job.own == root ? expected : nil), "another gathering at process \(root)")
    }
    return ["at \(job.processes.count) processes"]
  }

  private static func bytes(of process: Int, _ length: Int) -> [UInt8] {
    (0..<length).map { UInt8(truncatingIfNeeded: 31 &* process &+ 7 &* $0 &+ ($0 >> 8) &+ 1) }
  }

  /// The monotonic clock, in nanoseconds.
  private static func nanoseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}
