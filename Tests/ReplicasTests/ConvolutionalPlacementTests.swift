import Execution
import Kernels
import Program
import ProgramPasses
import Replicas
import TestSupport
import Testing

/// The contract's determinism for networks whose images are taken replica by replica.
@Suite(.serialized)
struct ConvolutionalPlacementTests {
  @Test(arguments: backends)
  func orderedGivesTheSameBitsForEveryPlacement(_ backend: MatrixBackend) throws {
    for training in [
      try TrainingCase.convolutional(), try .convolutional(.pytorch, channels: 3),
      try .convolutional(replicas: 3), try .convolutional(.pytorch, replicas: 5),
    ] {
      let alone = try training.train(threads: 1, reduction: .ordered, backend: backend)
      #expect(alone.losses.count == 3 * SelfGANStep.losses.count * training.replicas)
      for threads in [2, 3, 4, 8] where threads <= training.replicas {
        let shared = try training.train(threads: threads, reduction: .ordered, backend: backend)
        #expect(
          shared.differences(from: alone) == .none, "\(training.replicas) on \(threads) threads")
      }
    }
  }

  /// Statistics that replicas of several workers pool.
  @Test(arguments: [2, 4, 8])
  func orderedGivesTheSameBitsWithPooledStatistics(_ groupSize: Int) throws {
    for layout in [NetworkLayout.keras, .pytorch] {
      let training = try TrainingCase.convolutional(layout, groupSize: groupSize)
      let alone = try training.train(threads: 1, reduction: .ordered)
      for threads in [2, 3, 4] {
        let shared = try training.train(threads: threads, reduction: .ordered)
        #expect(shared.differences(from: alone) == .none, "\(layout) on \(threads) threads")
      }
    }
  }

  @Test(arguments: backends)
  func fastPlacementsAgreeInTheAveragedGradient(_ backend: MatrixBackend) throws {
    for training in [
      try TrainingCase.convolutional(), try .convolutional(.pytorch, channels: 3),
      try .convolutional(groupSize: 4),
    ] {
      let ordered = try training.averagedGradient(
        threads: 1, reduction: .ordered, backend: backend
      ).map(Double.init)
      #expect(ordered.contains { $0 != 0 })
      for threads in [1, 2, 3, 4, 8] {
        let fast = try training.averagedGradient(
          threads: threads, reduction: .fast, backend: backend)
        #expect(normError(fast, ordered) <= 1e-5, "\(threads) threads")
      }
    }
  }

  @Test func librariesAgree() throws {
    for layout in [NetworkLayout.keras, .pytorch] {
      let gradients = try backends.map {
        try TrainingCase.convolutional(layout).averagedGradient(
          threads: 2, reduction: .fast, backend: $0)
      }
      for gradient in gradients.dropFirst() {
        #expect(normError(gradient, gradients[0].map(Double.init)) <= 1e-5)
      }
    }
  }

  @Test(arguments: [ReductionMode.fast, .ordered])
  func recordingMoreChangesNoBits(_ reduction: ReductionMode) throws {
    for layout in [NetworkLayout.keras, .pytorch] {
      let training = try TrainingCase.convolutional(layout)
      let plain = try training.train(threads: 3, reduction: reduction)
      for variants in [[1, 1, 1], [0, 1, 0]] {
        let recorded = try training.train(threads: 3, reduction: reduction, variants: variants)
        #expect(recorded.differences(from: plain) == .none, "variants \(variants)")
      }
    }
  }

  /// Whatever is fused, in float32.
  @Test(arguments: [NetworkLayout.keras, .pytorch], backends)
  func everyFusionLeavesTheGradient(_ layout: NetworkLayout, _ backend: MatrixBackend) throws {
    func gradient(_ fusions: Fusions) throws -> [Float] {
      try TrainingCase.convolutional(layout, replicas: 4, fusions: fusions)
        .averagedGradient(threads: 2, reduction: .fast, backend: backend)
    }
    let none = try gradient([]).map(Double.init)
    #expect(normError(try gradient(.all), none) <= 1e-5)
    for bit in 0..<5 {
      let fusion = Fusions(rawValue: 1 << bit)
      #expect(normError(try gradient(fusion), none) <= 1e-5, "\(fusion) alone")
      #expect(
        normError(try gradient(Fusions.all.subtracting(fusion)), none) <= 1e-5, "all but \(fusion)")
    }
  }
}
