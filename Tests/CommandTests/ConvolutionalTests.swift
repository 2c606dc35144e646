import Foundation
import RandomStreams
import TestSupport
import Testing

/// `dcgan` as a user runs it, on drawings of 8×8 pixels.
@Suite struct ConvolutionalTests {
  private static let dcgan = Configurations.path("dcgan")
  private static let small =
    Configurations.synthetic
    + ["--set", "model.image.height=8", "--set", "model.image.width=8", "--set", "batchSize=16"]

  private func trace(_ configuration: String, _ options: [String], steps: Int = 2) throws
    -> TensorFile
  {
    let scratch = try ScratchDirectory()
    let outcome = try CommandProcess.run(
      [
        "trace", Configurations.path(configuration), "--steps", "\(steps)", "--output", "trace",
      ] + Self.small + options, in: scratch)
    try #require(outcome.code == 0, "\(outcome.errors)")
    return try TensorFile(scratch.file("trace"))
  }

  // MARK: Dropout

  /// What each layer multiplies by, of the global batch: of every element in the Keras layout.
  @Test(arguments: [
    (
      "dcgan", ["--seed", "5"],
      [[16, 4, 4, 32], [16, 3, 3, 64], [16, 2, 2, 128], [16, 2, 2, 256]]
    ),
    // Of every channel of an example in the PyTorch layout; 16×16 pixels can be halved four times.
    (
      "dcgan-gpu",
      ["--seed", "5", "--set", "model.image.height=16", "--set", "model.image.width=16"],
      [[16, 1, 1, 16], [16, 1, 1, 32], [16, 1, 1, 64], [16, 1, 1, 128]]
    ),
  ])
  func dropoutMultipliersAreTheDrawsOfTheirStreams(
    _ configuration: String, _ options: [String], _ shapes: [[Int]]
  ) throws {
    let trace = try trace(configuration, options)
    for step in 0..<2 {
      for (layer, shape) in shapes.enumerated() {
        for pass in ["generated", "real", "fake"] {
          let name = "discriminator/dropout_\(layer)"
          let tensor = "step/\(step)/dropout/\(pass)/\(name)"
          #expect(trace.shapes[tensor] == shape, "\(tensor)")
          let multipliers = trace.values(tensor)
          #expect(Set(multipliers) == [0, Float(4) / 3], "\(tensor)")
          let stream = RandomStream(seed: 5, name: "\(name)/\(pass)")
          let count = shape[1] * shape[2] * shape[3]
          let expected = (0..<multipliers.count).map { index in
            Float(
              stream.dropoutMultiplier(
                rate: 0.25, element: index % count, example: index / count, step: step))
          }
          #expect(multipliers == expected, "\(tensor)")
        }
      }
    }
    #expect(trace.names(under: "step/0/dropout/").count == 12)
  }

  /// A quarter is dropped, and no two passes, layers or steps drop the same.
  @Test func dropoutsDiffer() throws {
    let trace = try trace("dcgan", [])
    let names = (0..<2).flatMap { trace.names(under: "step/\($0)/dropout/") }
    #expect(names.count == 24)
    var seen: Set<[Float]> = []
    for name in names {
      let values = trace.values(name)
      let dropped = Double(values.filter { $0 == 0 }.count) / Double(values.count)
      // Five standard deviations of so many draws.
      #expect(
        abs(dropped - 0.25) <= 5 * (0.25 * 0.75 / Double(values.count)).squareRoot(), "\(name)")
      #expect(seen.insert(Array(values.prefix(1024))).inserted, "\(name)")
    }
  }

  // MARK: Placements

  private func expectSameBits(
    _ options: [String], sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let traces = try ["1", "2", "4", "8"].map {
      try trace("dcgan", options + ["--reduction", "ordered", "--threads", $0])
    }
    for next in traces.dropFirst() {
      #expect(traces[0].shapes == next.shapes, sourceLocation: sourceLocation)
      #expect(traces[0].data == next.data, sourceLocation: sourceLocation)
    }
  }

  @Test(arguments: [
    [], ["--set", "kernels.convolution=openBLAS"], ["--set", "batchNorm.scope=all"],
    ["--set", "batchNorm.scope=4"],
    ["--set", "model.layout=pytorch", "--set", "model.image.height=16"],
  ])
  func orderedGivesTheSameBits(_ options: [String]) throws { try expectSameBits(options) }

  @Test(arguments: [
    ["--set", "kernels.convolution=openBLAS"], ["--reduction", "ordered"],
    ["--set", "fusion.upscaledConvolution=false"], ["--set", "fusion.normalization=false"],
    ["--set", "fusion.biasActivation=false"], ["--set", "fusion.biasGradient=false"],
    ["--set", "fusion.reducedProduct=false"],
  ])
  func otherWaysAgreeInTheAveragedGradient(_ options: [String]) throws {
    let plain = try trace("dcgan", [], steps: 1).gradient(step: 0)
    let other = try trace("dcgan", options, steps: 1).gradient(step: 0)
    #expect(!plain.isEmpty && normError(other, plain.map(Double.init)) <= 1e-5)
  }

  // MARK: Batch norm scope

  /// One replica with all images, or eight that pool their statistics: the same pictures, and statistics.
  @Test func pooledStatisticsAreThoseOfOneReplica() throws {
    let pooled = try trace("dcgan", ["--set", "batchNorm.scope=all"], steps: 1)
    let alone = try trace("dcgan", ["--replicas", "1"], steps: 1)
    let own = try trace("dcgan", [], steps: 1)
    let generated = "step/0/generated"
    let expected = alone.values(generated).map(Double.init)
    #expect(normError(pooled.values(generated), expected) <= 1e-5)
    #expect(normError(own.values(generated), expected) > 1e-2)
    let statistics = alone.names(under: "step/0/parameter/").filter { $0.contains("moving") }
    #expect(statistics.count == 10)
    for name in statistics {
      #expect(
        normError(pooled.values(name), alone.values(name).map(Double.init)) <= 1e-5, "\(name)")
    }
  }

  // MARK: TPU

  private static let refusal =
    "Compilation failure: Detected unsupported operations when trying to compile graph "

  @Test(arguments: [
    ("1.12", ["ResizeNearestNeighbor", "ResizeNearestNeighborGrad", "LeakyRelu", "LeakyReluGrad"]),
    ("1.13", ["ResizeNearestNeighbor", "ResizeNearestNeighborGrad"]),
    ("1.14", ["ResizeNearestNeighborGrad"]),
  ])
  func withoutReplacementsTheRunIsRefused(_ runtime: String, _ operations: [String]) throws {
    let scratch = try ScratchDirectory()
    let outcome = try CommandProcess.run(
      ["train", Self.dcgan, "--output", "run", "--steps", "1"] + Self.small
        + ["--set", "tpu.legalize=false", "--set", "tpu.runtime=\"\(runtime)\""], in: scratch)
    let layers = ["generator/up_sampling_0", "generator/up_sampling_1"]
    expectSentence(
      outcome, code: 65,
      naming: [Self.refusal, "XLA_TPU_JIT", runtime]
        + operations.flatMap { operation in
          operation.hasPrefix("Resize")
            ? layers.map { "\(operation) (\($0))" } : ["\(operation) (discriminator)"]
        })
    for other in ["ResizeNearestNeighbor (", "LeakyRelu ("]
    where !operations.contains(where: { "\($0) (" == other }) {
      #expect(!outcome.errors.contains(other))
    }
    #expect(try scratch.names().isEmpty)
  }

  @Test(arguments: ["1.12", "1.13", "1.14"])
  func inspectShowsTheTableAndTheReplacements(_ runtime: String) throws {
    let outcome = try CommandProcess.run(
      ["inspect", Self.dcgan, "--set", "tpu.runtime=\"\(runtime)\""], in: ScratchDirectory())
    #expect(outcome.code == 0, "\(outcome.errors)")
    let lines = outcome.output.split(separator: "\n").map(String.init)
    let resize =
      runtime == "1.14"
      ? "ResizeNearestNeighborGrad" : "ResizeNearestNeighbor"
    #expect(lines.contains { $0.hasPrefix("without a kernel: ") && $0.contains(resize) })
    for layer in ["generator/up_sampling_0", "generator/up_sampling_1"] {
      #expect(
        lines.contains {
          $0 == "replaced: ResizeNearestNeighbor (\(layer)) by upscale (Reshape, Tile, Reshape)"
        })
    }
    #expect(
      lines.contains { $0.hasPrefix("replaced: LeakyRelu (discriminator)") } == (runtime == "1.12"))
    let rows = lines.map { $0.split(separator: " ").map(String.init) }
    for row in [
      ["operation", "1.12", "1.13", "1.14"], ["LeakyRelu", "no", "yes", "yes"],
      ["ResizeNearestNeighbor", "no", "no", "yes"],
      ["ResizeNearestNeighborGrad", "no", "no", "no"],
      ["Svd", "no", "no", "yes"], ["MatrixInverse", "no", "no", "no"],
    ] {
      #expect(rows.contains(row), "\(row)")
    }
  }

  @Test func inspectListsLayersWithTheirParameters() throws {
    let outcome = try CommandProcess.run(["inspect", Self.dcgan], in: ScratchDirectory())
    let rows = outcome.output.split(separator: "\n").map { $0.split(separator: " ") }
    func row(_ layer: String) -> [Substring] { rows.first { $0.first == Substring(layer) } ?? [] }
    for (layer, parameters) in [
      ("generator/dense_0", 633_472), ("generator/conv_0", 147_584),
      ("generator/batch_norm_0", 256), ("generator/conv_1", 73_792), ("generator/conv_2", 577),
      ("discriminator/conv_0", 320), ("discriminator/conv_3", 295_168),
      ("discriminator/dense_0", 4_097), ("total", 855_809 + 392_833),
    ] {
      #expect(row(layer).contains("\(parameters)"), "\(layer)")
    }
  }
}
