import Dispatch
import Execution
import Foundation
import Glibc
import Kernels
import Program
import Replicas
import Synchronization
import TestSupport
import Testing

/// How a job of several processes and hosts ends when something goes wrong in one of them: in all, and everyone names the cause,
/// nobody an innocent.
@Suite(.serialized)
struct JobFailureTests {
  private struct NoImages: Error, CustomStringConvertible {
    var description: String { "no images" }
  }

  /// Asks somebody before it gives the images of a step.
  private final class GuardedBatches: BatchProvider {
    private let images: ProcessBatches
    private let step: Int
    private let onStep: @Sendable () throws -> Void

    init(
      _ images: ProcessBatches, before step: Int, _ onStep: @escaping @Sendable () throws -> Void
    ) {
      self.images = images
      self.step = step
      self.onStep = onStep
    }

    func acquire(step: Int) throws -> UnsafePointer<Float> {
      if step == self.step { try onStep() }
      return images.acquire(step: step)
    }

    func release(step: Int) {}
  }

  /// Opens once enough processes have ended.
  private final class Gate: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)
    private let remaining: Atomic<Int>

    init(after count: Int) { remaining = Atomic(count) }

    func oneHasEnded() {
      if remaining.subtract(1, ordering: .relaxed).newValue == 0 { semaphore.signal() }
    }
    func wait() {
      semaphore.wait()
      semaphore.signal()
    }
  }

  /// What a process that must fail failed with.
  private func failure(
    _ outcome: Result<Int, any Error>, _ context: Comment
  ) throws -> ReplicaError {
    guard case .failure(let error) = outcome else {
      Issue.record("a process went on: \(context)")
      throw NoImages()
    }
    return try #require(error as? ReplicaError, context)
  }

  // MARK: - A failure

  @Test(arguments: [
    JobShape([3]), JobShape([2], threads: 2), JobShape([1, 1]), JobShape([2, 2]),
    JobShape([1, 2], threads: 2), JobShape([1, 1, 1]),
  ])
  func aFailureEndsAllProcesses(_ shape: JobShape) throws {
    let training = try TrainingCase.small()
    for failing in 0..<shape.processes {
      let outcomes = training.outcomes(on: shape, reduction: .fast) { member -> Int in
        let isCause = member.processes.index == failing
        let batches = GuardedBatches(training.batches(steps: 5, of: member), before: 2) {
          if isCause { throw NoImages() }
        }
        try member.group.run(steps: 5, batches: batches)
        return member.group.completedSteps
      }
      for (index, outcome) in outcomes.enumerated() {
        let context: Comment = "process \(index) of \(shape), \(failing) fails"
        let error = try failure(outcome, context)
        if index == failing {
          guard case .batch(let cause) = error else {
            Issue.record("\(error), \(context)")
            continue
          }
          #expect(cause is NoImages)
        } else {
          guard case .communication(let error) = error else {
            Issue.record("\(error), \(context)")
            continue
          }
          #expect(error.isConsequence, "\(error), \(context)")
          // Who it was, and why.
          let cause = training.cause(failing, on: shape)
          #expect(error.description.contains("\(cause)"), "\(error), \(context)")
          #expect(error.description.contains("ended the run: no images"), "\(error), \(context)")
        }
      }
    }
  }

  // MARK: - A process that does not come

  /// Checks that everyone's sentence says that all workers of process `missing` did not arrive, and no other.
  private func expectAllName(
    _ missing: Int, on shape: JobShape, _ training: TrainingCase,
    _ outcomes: [Result<Int, any Error>]
  ) throws {
    for (index, outcome) in outcomes.enumerated() where index != missing {
      let context: Comment = "process \(index) of \(shape), \(missing) is missing"
      let sentence = try failure(outcome, context).description
      #expect(sentence.contains(" did not arrive at "), "\(sentence), \(context)")
      // Before that, and behind whoever reports it.
      let names =
        (sentence.components(separatedBy: " did not arrive at ").first ?? "")
        .components(separatedBy: "ended the run: ").last ?? ""
      for process in 0..<shape.processes {
        let name = "rank \(process) on host\(shape.host(of: process))"
        #expect(names.contains(name) == (process == missing), "\(sentence), \(context)")
      }
      #expect(names.contains("replica"), "\(sentence), \(context)")
    }
  }

  @Test(arguments: [
    JobShape([2]), JobShape([3], threads: 2), JobShape([1, 1]), JobShape([1, 1], threads: 2),
    JobShape([2, 2]), JobShape([1, 3]), JobShape([2, 1], threads: 2), JobShape([1, 1, 1]),
  ])
  func aProcessThatNeverRunsItsStepsIsNamed(_ shape: JobShape) throws {
    let training = try TrainingCase.small()
    for missing in 0..<shape.processes {
      let gate = Gate(after: shape.processes - 1)
      let outcomes = training.outcomes(
        on: shape, reduction: .fast, timeout: 0.4
      ) { member -> Int in
        if member.processes.index == missing {
          gate.wait()
          return 0
        }
        defer { gate.oneHasEnded() }
        try member.group.run(steps: 2, batches: training.batches(steps: 2, of: member))
        return member.group.completedSteps
      }
      try expectAllName(missing, on: shape, training, outcomes)
      // On its own host, others find it out for themselves.
      for (index, outcome) in outcomes.enumerated()
      where index != missing && shape.host(of: index) == shape.host(of: missing) {
        let error = try failure(outcome, "process \(index)")
        guard case .communication(.timedOut("all-reduce", 0, let workers, _)) = error else {
          Issue.record("\(error)")
          continue
        }
        #expect(workers.map(\.process?.rank) == Array(repeating: missing, count: shape.threads))
        let run = shape.placement(replicas: 8).run(rank: missing)
        #expect(workers.flatMap { Array($0.replicas) } == Array(run))
      }
    }
  }

  /// Its workers wait for images, or whatever else is not to be had.
  @Test(arguments: [JobShape([2]), JobShape([1, 1]), JobShape([2, 2]), JobShape([1, 1, 1])])
  func aProcessThatStopsInAStepIsNamed(_ shape: JobShape) throws {
    let training = try TrainingCase.small()
    for missing in 0..<shape.processes {
      let gate = Gate(after: shape.processes - 1)
      let outcomes = training.outcomes(
        on: shape, reduction: .ordered, timeout: 0.4
      ) { member -> Int in
        let isMissing = member.processes.index == missing
        let batches = GuardedBatches(training.batches(steps: 4, of: member), before: 2) {
          if isMissing { gate.wait() }
        }
        defer { if !isMissing { gate.oneHasEnded() } }
        try member.group.run(steps: 4, batches: batches)
        return member.group.completedSteps
      }
      try expectAllName(missing, on: shape, training, outcomes)
      for (index, outcome) in outcomes.enumerated() where index != missing {
        #expect(try failure(outcome, "process \(index)").description.contains("of step 2 within"))
      }
    }
  }

  /// Some are late in every step, on any host, but never by as much as the time-out.
  @Test(arguments: [JobShape([2]), JobShape([1, 1]), JobShape([2, 1])])
  func whoIsLateIsWaitedFor(_ shape: JobShape) throws {
    let training = try TrainingCase.small()
    for late in 0..<shape.processes {
      let outcomes = training.outcomes(on: shape, reduction: .fast, timeout: 0.8) { member -> Int in
        let isLate = member.processes.index == late
        for step in 0..<2 {
          let batches = GuardedBatches(training.batches(steps: 2, of: member), before: step) {
            if isLate { usleep(300_000) }
          }
          try member.group.run(steps: 1, batches: batches)
        }
        return member.group.completedSteps
      }
      for outcome in outcomes { #expect(try outcome.get() == 2) }
    }
  }

  /// A loss that is no number is its replica's process's to say.
  @Test(arguments: [JobShape([3]), JobShape([1, 2])])
  func lossThatIsNoNumberIsNamedByItsProcess(_ shape: JobShape) throws {
    let training = try TrainingCase.small()
    let owner = shape.placement(replicas: 8).owner(of: 5).rank
    let outcomes = training.outcomes(on: shape, reduction: .fast) { member -> Int in
      let all = training.batches(steps: 1)
      all.spoil(step: 0, replica: 5, of: 8)
      let batches = ProcessBatches(
        all, steps: 1, of: member.group.store.replicas,
        replicaCount: training.examples * training.imageCount)
      try member.group.run(steps: 1, batches: batches)
      return member.group.completedSteps
    }
    guard case .failure(let error) = outcomes[owner],
      case ReplicaError.nonFinite(step: 1, replica: 5, output: "loss_real", value: _) = error
    else {
      Issue.record("\(outcomes[owner])")
      return
    }
    for (index, outcome) in outcomes.enumerated() where index != owner {
      #expect(try outcome.get() == 1)
    }
  }
}

extension JobShape {
  fileprivate func host(of process: Int) -> Int {
    var first = 0
    return hosts.firstIndex { count in
      first += count
      return process < first
    } ?? 0
  }
}

extension TrainingCase {
  /// How a process is called in errors, without its worker.
  fileprivate func cause(_ process: Int, on shape: JobShape) -> String {
    "rank \(process) on host\(shape.host(of: process))"
  }
}
