import Foundation
import Program
import RunConfiguration
import RunFiles
import TestSupport
import Testing
import Training

/// What is measured of each replica beside its losses.
@Suite struct ShardMeasurementTests {
  static let networks = [
    [], ["batchNorm.scope=all"], ["gradients=sum"], ["objective.kind=classic"],
    ["model.kind=dcgan", "model.image.width=8", "model.image.height=8"],
    ["model.kind=dcgan", "model.image.width=8", "model.image.height=8", "batchNorm.scope=2"],
  ]

  /// With two replicas, g₀ · g₁ follows from the norms of both and of their mean G, and from it
  /// every cosine; ‖G‖ is that of the averaged gradient itself.
  @Test(arguments: networks)
  func cosinesFollowFromNorms(_ overrides: [String]) throws {
    let overrides = overrides + ["replicas=2", "threads=2"]
    try JobOfRuns.alone(overrides, recording: [.gradients, .tensors]) { run in
      try run.advance(steps: 3)
      let statistics = try #require(try run.gradientStatistics())
      let norms = statistics.compactMap { $0.values[0].map(Double.init) }
      let cosines = statistics.compactMap { $0.values[1].map(Double.init) }
      let averaged = try #require(statistics[0].values[2].map(Double.init))
      try #require(norms.count == 2 && cosines.count == 2)

      let isSum = run.configuration.gradients == .sum
      let names = run.outputs.map(\.name).filter { $0.hasPrefix("gradient/") }
      let squares = names.compactMap { run.replicas[0].output($0) }.joined()
        .reduce(0) { $0 + Double($1) * Double($1) }
      #expect(abs(averaged - squares.squareRoot() / (isSum ? 2 : 1)) <= 1e-5 * averaged)

      let own = norms.map { $0 * $0 }
      let product = (4 * averaged * averaged - own[0] - own[1]) / 2
      for replica in 0..<2 {
        let cosine = (own[replica] + product) / 2 / (norms[replica] * averaged)
        #expect(abs(cosines[replica] - cosine) <= 1e-4)
      }
    }
  }

  /// Measuring changes no bit of what follows.
  @Test(arguments: networks)
  func measuringLeavesTheStepAsItIs(_ overrides: [String]) throws {
    let weights = try [1, 0].map { every in
      try JobOfRuns.alone(
        overrides + ["shards.gradientEvery=\(every)"],
        recording: every > 0 ? .batchStatistics : []
      ) { run in
        for _ in 0..<3 { try run.advance(steps: 1) }
        #expect((try run.gradientStatistics() != nil) == (every > 0))
        return run.store.variables.map { run.store.read($0.name) }
      }
    }
    #expect(weights[0] == weights[1])
  }

  @Test func oneReplicaAgreesWithItself() throws {
    try JobOfRuns.alone(["replicas=1"], recording: [.gradients, .batchStatistics]) { run in
      try run.advance(steps: 1)
      let statistics = try #require(try run.gradientStatistics())
      let cosine = try #require(statistics[0].values[1])
      #expect(abs(cosine - 1) < 1e-5)
      #expect(statistics[0].values[3...].allSatisfy { $0 == nil })
      let distances = try #require(try run.batchNormDistances())
      #expect(distances.map(\.layer) == (0..<3).map { "generator/batch_norm_\($0)" })
      for distance in distances.flatMap(\.replicas) {
        #expect(distance.mean == 0 && distance.variance == 0)
      }
    }
  }

  /// |g|² is signal + noise / b on the average over the replicas, |G|² signal + noise / B.
  @Test func signalAndNoiseGiveTheNormsBack() throws {
    let norms: [Float] = [3, 4, 2.5, 3.5]
    let statistics = GradientStatistics.ofReplicas(
      norms: norms, products: [8, 9, 7, 8], combinedNorm: 2.5, isSum: false, batchSize: 32)
    let signal = try #require(statistics[0].values[3].map(Double.init))
    let noise = try #require(statistics[0].values[4].map(Double.init))
    let mean = norms.reduce(0) { $0 + Double($1) * Double($1) } / 4
    #expect(abs(signal + noise / 8 - mean) < 1e-5)
    #expect(abs(signal + noise / 32 - 6.25) < 1e-5)
    #expect(statistics[1].values[1] == 9 / (4 * 2.5))
  }

  /// The moments of all examples together, taken in one pass over them.
  @Test func distancesAreToTheMomentsOfAllExamples() {
    let examples: [[Double]] = [[1, 2, 4], [3, 5, 10], [0, 0.5, 0.25]]
    func moments(_ values: [Double]) -> (mean: Double, variance: Double) {
      let mean = values.reduce(0, +) / Double(values.count)
      return (mean, values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count))
    }
    let (mean, variance) = moments(examples.flatMap { $0 })
    let own = examples.map(moments)
    let distances = BatchNormDistance.ofReplicas(
      means: own.map { [Float($0.mean)][...] }, variances: own.map { [Float($0.variance)][...] })
    for (distance, own) in zip(distances, own) {
      let expected = abs(own.mean - mean) / variance.squareRoot()
      #expect(abs(Double(distance.mean) - expected) < 1e-5)
      #expect(abs(Double(distance.variance) - abs(own.variance / variance - 1)) < 1e-5)
    }
  }

  /// Each pass of the discriminator has batch statistics of its own.
  @Test func aDiscriminatorHasDistancesAPass() throws {
    try JobOfRuns.alone(
      ["model.kind=dcgan", "model.image.width=8", "model.image.height=8"],
      recording: .batchStatistics
    ) { run in
      try run.advance(steps: 1)
      let distances = try #require(try run.batchNormDistances())
      let passes = distances.filter { $0.layer == "discriminator/batch_norm_0" }.map(\.pass)
      #expect(passes == ["generated", "real", "fake"])
      for distance in distances.flatMap(\.replicas) {
        #expect(distance.mean.isFinite && distance.variance.isFinite)
      }
      #expect(distances.contains { $0.replicas.contains { $0.mean > 0.01 } })
    }
  }
}
