import Glibc
import Replicas

/// Processes that do not agree, fail or stay away.
extension Check {
  /// What each process hears, question by question.
  @Sendable static func agreement(_ job: Job) throws -> [String] {
    // The hashes of two subjects in each process; nil where it has none.
    let questions: [(Int) -> (UInt64?, UInt64?)] = [
      { _ in (7, 8) },
      { $0 == job.last ? (7, 9) : (7, 8) },
      { $0 == 0 ? (6, 8) : (7, 8) },
      { $0 == 0 ? (7, 8) : (7, UInt64($0)) },
      { $0 % 2 == 0 ? (7, 8) : (nil, 8) },
    ]
    return try questions.flatMap { question in
      let (first, second) = question(job.own)
      return try job.collect(
        sentence {
          try job.communicator.requireAgreement(
            on: [Subject("another colour", hash: first), Subject("another size", hash: second)],
            step: 0)
        })
    }
  }

  /// What each process hears when none, the last, the first, and all but the first fail.
  @Sendable static func together(_ job: Job) throws -> [String] {
    let failing: [(Int) -> Bool] = [
      { _ in false }, { $0 == job.last }, { $0 == 0 }, { $0 != 0 },
    ]
    return try failing.flatMap { fails in
      try job.collect(
        sentence {
          let value = try job.communicator.together {
            if fails(job.own) { throw Wrong("no paper in process \(job.own)") }
            return job.own
          }
          try job.require(value == job.own, "\(value) instead of its own value")
        })
    }
  }

  /// The last process stays away from a barrier; each of the others says what it hears.
  @Sendable static func absence(_ job: Job) throws -> [String] {
    job.prepare(replicas: 2 * job.processes.count, timeout: .seconds(1))
    if job.own == job.last { sleep(30) }
    try job.communicator.barrier("the picnic", step: 12)
    return []
  }

  /// The last process gives up while the others are at a barrier.
  @Sendable static func abort(_ job: Job) throws -> [String] {
    if job.own == job.last {
      usleep(300_000)
      throw Wrong("no legs")
    }
    try job.communicator.barrier("the race", step: 0)
    return []
  }

  /// What an operation throws; empty where it throws nothing.
  private static func sentence(_ operation: () throws -> Void) -> String {
    do { try operation() } catch { return "\(error)" }
    return ""
  }
}
