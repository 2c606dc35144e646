import Foundation
import TestSupport
import Testing

/// The same replicas on different numbers of threads.
@Suite struct PlacementTests {
  private static let threads = ["1", "2", "4", "8"]

  private func traces(
    _ configuration: String, threads: [String] = threads, _ options: [String]
  ) throws -> [TensorFile] {
    let scratch = try ScratchDirectory()
    return try threads.map { count in
      let outcome = try CommandProcess.run(
        [
          "trace", Configurations.path(configuration), "--steps", "2", "--output", "trace",
          "--threads", count,
        ] + options, in: scratch)
      try #require(outcome.code == 0, "\(outcome.errors)")
      return try TensorFile(scratch.file("trace"))
    }
  }

  private func expectSameBits(_ traces: [TensorFile]) {
    for (trace, next) in zip(traces, traces.dropFirst()) {
      #expect(trace.shapes == next.shapes)
      #expect(trace.data == next.data)
    }
  }

  /// In the sizes that are really trained, as kernels differ in small ones.
  @Test(arguments: [[], ["--set", "kernels.matmul=openBLAS"]])
  func orderedGivesTheSameBits(_ backend: [String]) throws {
    expectSameBits(
      try traces("gan", ["--reduction", "ordered"] + Configurations.synthetic + backend))
  }

  @Test(arguments: ["gan-published", "gan-gpu-shards", "gan-classic"])
  func orderedGivesTheSameBitsInOtherExperiments(_ configuration: String) throws {
    expectSameBits(
      try traces(
        configuration, threads: ["1", "3", "8"],
        ["--reduction", "ordered", "--replicas", "8"] + Configurations.small))
  }

  /// Six replicas: the tree's two sides differ.
  @Test func orderedGivesTheSameBitsForUnevenRuns() throws {
    expectSameBits(
      try traces(
        "gan", threads: ["1", "2", "4", "5", "6"],
        ["--reduction", "ordered", "--replicas", "6", "--set", "batchSize=48"]
          + Configurations.small))
  }

  /// The limit is the contract's: the norm of the difference over the norm, as one vector.
  @Test(arguments: [[], ["--set", "kernels.matmul=openBLAS"]])
  func fastAgreesInTheAveragedGradient(_ backend: [String]) throws {
    let gradients = try traces(
      "gan", ["--reduction", "fast"] + Configurations.synthetic + backend
    ).map { $0.gradient(step: 0) }
    let reference = gradients[0].map(Double.init)
    #expect(reference.count == 2_023_441)
    for gradient in gradients.dropFirst() { #expect(normError(gradient, reference) <= 1e-5) }
  }

  @Test func fastAndOrderedAgree() throws {
    let fast = try traces(
      "gan", threads: ["2"], ["--reduction", "fast"] + Configurations.synthetic)
    let ordered = try traces(
      "gan", threads: ["2"], ["--reduction", "ordered"] + Configurations.synthetic)
    #expect(
      normError(fast[0].gradient(step: 0), ordered[0].gradient(step: 0).map(Double.init)) <= 1e-5)
  }

  @Test func backendsAgree() throws {
    let best = try traces("gan", threads: ["2"], Configurations.synthetic)
    let openBLAS = try traces(
      "gan", threads: ["2"], Configurations.synthetic + ["--set", "kernels.matmul=openBLAS"])
    #expect(
      normError(best[0].gradient(step: 0), openBLAS[0].gradient(step: 0).map(Double.init)) <= 1e-4)
  }
}
