import Execution
import Kernels
import Program
import Replicas
import TestSupport
import Testing

/// What the contract says of determinism: which placements give the same bits, and how close the others come.
@Suite(.serialized)
struct ReplicaGroupPlacementTests {
  @Test(arguments: backends)
  func orderedGivesTheSameBitsForEveryPlacement(_ backend: MatrixBackend) throws {
    for training in [
      try TrainingCase.small(), try .sharingStatistics(), try .paper(),
      try .small(replicas: 6), try .small(replicas: 7), try .sharingStatistics(replicas: 7),
    ] {
      let alone = try training.train(threads: 1, reduction: .ordered, backend: backend)
      #expect(alone.losses.count == 3 * SelfGANStep.losses.count * training.replicas)
      for threads in [2, 3, 4, training.replicas] {
        let shared = try training.train(threads: threads, reduction: .ordered, backend: backend)
        #expect(
          shared.differences(from: alone) == .none, "\(training.replicas) on \(threads) threads")
      }
    }
  }

  @Test(arguments: backends)
  func fastPlacementsAgreeInTheAveragedGradient(_ backend: MatrixBackend) throws {
    for training in [
      try TrainingCase.small(), try .paper(), try .small(replicas: 6), try .small(replicas: 7),
    ] {
      let ordered = try training.averagedGradient(
        threads: 1, reduction: .ordered, backend: backend
      ).map(Double.init)
      #expect(ordered.contains { $0 != 0 })
      for threads in [1, 2, 3, 4, training.replicas] {
        let error = normError(
          try training.averagedGradient(threads: threads, reduction: .fast, backend: backend),
          ordered)
        #expect(error <= 1e-5, "\(training.replicas) on \(threads) threads")
      }
    }
  }

  @Test(arguments: [ReductionMode.fast, .ordered], backends)
  func twoRunsOfOnePlacementGiveTheSameBits(
    _ reduction: ReductionMode, _ backend: MatrixBackend
  ) throws {
    for (training, counts) in [
      (try TrainingCase.sharingStatistics(), [1, 3, 8]), (try .paper(), [2]),
    ] {
      for threads in counts {
        let first = try training.train(threads: threads, reduction: reduction, backend: backend)
        let second = try training.train(threads: threads, reduction: reduction, backend: backend)
        #expect(first.differences(from: second) == .none, "\(threads) threads")
      }
    }
  }

  @Test(arguments: [ReductionMode.fast, .ordered], backends)
  func recordingMoreChangesNoBits(_ reduction: ReductionMode, _ backend: MatrixBackend) throws {
    for (training, counts) in [
      (try TrainingCase.sharingStatistics(), [1, 3]), (try .paper(), [2]),
    ] {
      for threads in counts {
        let plain = try training.train(threads: threads, reduction: reduction, backend: backend)
        for variants in [[1, 1, 1], [0, 1, 0]] {
          let recorded = try training.train(
            threads: threads, reduction: reduction, backend: backend, variants: variants)
          #expect(
            recorded.differences(from: plain) == .none, "variants \(variants), \(threads) threads")
        }
      }
    }
  }

  /// A run of three steps is three runs of one.
  @Test func runsContinueEachOther() throws {
    let training = try TrainingCase.small()
    let stepwise = try training.train(threads: 2, reduction: .fast)
    let group = try training.group(threads: 2, reduction: .fast)
    try group.run(steps: 3, batches: training.batches(steps: 3))
    #expect(group.completedSteps == 3)
    #expect(group.variables.flatMap { $0 } == stepwise.variables)
    #expect(group.moments == stepwise.moments[0])
  }

  /// Noise, images, statistics and losses are the replicas' own; parameters are everyone's.
  @Test func replicasDiffer() throws {
    let training = try TrainingCase.small()
    let group = try training.group(threads: 2, reduction: .fast)
    try group.run(steps: 2, batches: training.batches(steps: 2))
    let replicas = group.replicas()
    #expect(replicas.map(\.index) == Array(0..<8))
    for name in SelfGANStep.losses {
      #expect(Set(replicas.map { $0.output(name) }).count == 8, "\(name)")
    }
    for name in ["last", "generator/batch_norm_0/moving_mean"] {
      #expect(Set(replicas.map { $0.variable(name) }).count == 8, "\(name)")
    }
    #expect(Set(replicas.map { $0.variable("generator/dense_0/kernel") }).count == 1)
    #expect(replicas[0].output("nothing") == nil)
  }

  @Test func stampsRise() throws {
    let training = try TrainingCase.small()
    let group = try training.group(threads: 2, reduction: .fast)
    let stamps = UnsafeMutableBufferPointer<UInt64>.allocate(capacity: 4)
    defer { stamps.deallocate() }
    stamps.initialize(repeating: 0)
    try group.run(steps: 4, batches: training.batches(steps: 4), stamps: stamps)
    #expect(stamps[0] > 0 && zip(stamps, stamps.dropFirst()).allSatisfy { $0 <= $1 })
  }
}
