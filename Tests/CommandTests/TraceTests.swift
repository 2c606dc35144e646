import Foundation
import TestSupport
import Testing

/// What a trace holds, checked as an independent program would.
@Suite struct TraceTests {
  private static let steps = 3
  private static let parameters: [String: [Int]] = {
    var shapes: [String: [Int]] = [:]
    func dense(_ layer: String, _ inputs: Int, _ outputs: Int) {
      shapes["\(layer)/kernel"] = [inputs, outputs]
      shapes["\(layer)/bias"] = [outputs]
    }
    for (index, sizes) in [(100, 256), (256, 512), (512, 1024), (1024, 30)].enumerated() {
      dense("generator/dense_\(index)", sizes.0, sizes.1)
      if index == 3 { continue }
      for name in ["gamma", "beta", "moving_mean", "moving_variance"] {
        shapes["generator/batch_norm_\(index)/\(name)"] = [sizes.1]
      }
    }
    for (index, sizes) in [(30, 512), (512, 256), (256, 1)].enumerated() {
      dense("discriminator/dense_\(index)", sizes.0, sizes.1)
    }
    return shapes
  }()

  private func trace(
    _ options: [String], to file: String, in scratch: ScratchDirectory
  ) throws -> TensorFile {
    let outcome = try CommandProcess.run(
      ["trace", Configurations.gan, "--steps", "\(Self.steps)", "--output", file]
        + Configurations.small + options, in: scratch)
    try #require(outcome.code == 0, "\(outcome.errors)")
    #expect(outcome.output == "")
    return try TensorFile(scratch.file(file))
  }

  @Test func hasExactlyThePromisedTensors() throws {
    let scratch = try ScratchDirectory()
    let trace = try trace([], to: "deep.safetensors", in: scratch)
    var expected: [String: [Int]] = [:]
    for (name, shape) in Self.parameters { expected["initial/\(name)"] = shape }
    for step in 0..<Self.steps {
      expected["step/\(step)/noise"] = [64, 100]
      for images in ["real", "last", "generated"] {
        expected["step/\(step)/\(images)"] = [64, 6, 5, 1]
      }
      for replica in 0..<8 {
        for column in ShardsTable.columns.dropFirst(2) {
          expected["step/\(step)/replica/\(replica)/\(column)"] = []
        }
      }
      for (name, shape) in Self.parameters {
        expected["step/\(step)/parameter/\(name)"] = shape
        if !name.contains("moving") { expected["step/\(step)/gradient/\(name)"] = shape }
      }
    }
    #expect(trace.shapes == expected)
    #expect(try scratch.names() == ["deep.safetensors"])

    let configuration = try #require(
      try JSONSerialization.jsonObject(with: Data((trace.metadata["config"] ?? "").utf8))
        as? [String: Any])
    #expect(configuration["batchSize"] as? Int == 64)
    #expect(configuration["steps"] as? Int == Self.steps)
    #expect((configuration["data"] as? [String: Any])?["kind"] as? String == "synthetic")
  }

  @Test func aClassicGANHasNoWeights() throws {
    let trace = try trace(
      ["--set", "objective.kind=classic"], to: "trace", in: ScratchDirectory())
    let prefix = "step/0/replica/3/"
    let columns = trace.names(under: prefix).map { $0.dropFirst(prefix.count) }
    #expect(
      Set(columns) == [
        "loss_self", "loss_generated", "loss_real", "loss_fake", "validity_generated",
        "validity_real", "validity_fake", "gradient_norm",
      ])
  }

  @Test func lastIsWhatWasGeneratedBefore() throws {
    let trace = try trace([], to: "trace", in: ScratchDirectory())
    #expect(trace.values("step/0/last").allSatisfy { $0 == 0 })
    for step in 1..<Self.steps {
      #expect(trace.bytes("step/\(step)/last") == trace.bytes("step/\(step - 1)/generated"))
    }
    #expect(trace.bytes("step/0/generated") != trace.bytes("step/1/generated"))
  }

  @Test func theWeightsAreTheSharesOfTheLosses() throws {
    let trace = try trace([], to: "trace", in: ScratchDirectory())
    for replica in 0..<8 {
      func value(_ column: String) -> Double {
        Double(trace.values("step/1/replica/\(replica)/\(column)").first ?? .nan)
      }
      let passes = ["generated", "real", "fake"]
      let losses = passes.map { value("loss_\($0)") }
      for (pass, loss) in zip(passes, losses) {
        #expect(abs(value("weight_\(pass)") - loss / losses.reduce(0, +)) < 1e-6)
      }
      let total = losses.reduce(0) { $0 + $1 * $1 } / losses.reduce(0, +)
      #expect(abs(value("loss_self") - total) < 1e-6)
    }
  }

  /// Adam's first step, in which both moments are multiples of the gradient:
  /// Δ = −η √(1−β₂) g / (√(1−β₂) |g| + ε).
  @Test func theFirstUpdateIsAdamsOfTheAveragedGradient() throws {
    let trace = try trace([], to: "trace", in: ScratchDirectory())
    let root = (1 - 0.999).squareRoot()
    for name in Self.parameters.keys.sorted() where !name.contains("moving") {
      let gradient = trace.values("step/0/gradient/\(name)")
      let before = trace.values("initial/\(name)")
      let after = trace.values("step/0/parameter/\(name)")
      try #require(gradient.count == before.count && after.count == before.count)
      let error =
        zip(gradient, zip(before, after)).map { gradient, values in
          let g = Double(gradient)
          let expected = Double(values.0) - 2e-4 * root * g / (root * abs(g) + 1e-7)
          return abs(Double(values.1) - expected)
        }.max() ?? .infinity
      // Half a unit in the last place of a parameter near 1 is 6e-8; an update is up to 2e-4.
      #expect(error < 1.5e-7, "\(name)")
    }
  }

  /// ‖mean of the replicas' gradients‖ ≤ mean of their norms.
  @Test func theAveragedGradientIsNoLongerThanItsParts() throws {
    let trace = try trace([], to: "trace", in: ScratchDirectory())
    for step in 0..<Self.steps {
      let averaged = trace.gradient(step: step).reduce(0.0) { $0 + Double($1) * Double($1) }
        .squareRoot()
      let norms = (0..<8).compactMap {
        trace.values("step/\(step)/replica/\($0)/gradient_norm").first.map(Double.init)
      }
      #expect(norms.count == 8)
      #expect(averaged > 0 && averaged <= norms.reduce(0, +) / 8 * (1 + 1e-5))
    }
  }

  /// With one replica, its own gradient is the averaged one.
  @Test func theGradientNormIsTheNormOfTheGradient() throws {
    let trace = try trace(["--replicas", "1"], to: "trace", in: ScratchDirectory())
    for step in 0..<Self.steps {
      let norm = trace.gradient(step: step).reduce(0.0) { $0 + Double($1) * Double($1) }
        .squareRoot()
      let measured = Double(
        try #require(trace.values("step/\(step)/replica/0/gradient_norm").first))
      #expect(abs(measured - norm) < 1e-5 * norm)
    }
  }

  @Test func theSameCommandGivesTheSameFile() throws {
    let scratch = try ScratchDirectory()
    for file in ["first", "second"] { _ = try trace([], to: file, in: scratch) }
    #expect(try scratch.data("first") == scratch.data("second"))
  }

  @Test(arguments: ["fast", "ordered"])
  func itIsTheStepThatTrainRuns(_ reduction: String) throws {
    let scratch = try ScratchDirectory()
    let trace = try trace(["--reduction", reduction], to: "trace", in: scratch)
    let outcome = try CommandProcess.run(
      [
        "train", Configurations.gan, "--steps", "\(Self.steps)", "--output", "run",
        "--reduction", reduction,
      ] + Configurations.small, in: scratch)
    #expect(outcome.code == 0)
    let weights = try TensorFile(scratch.file("run/weights.safetensors"))
    #expect(weights.shapes == Self.parameters)
    for name in Self.parameters.keys {
      #expect(
        weights.bytes(name) == trace.bytes("step/\(Self.steps - 1)/parameter/\(name)"), "\(name)")
    }
  }

  @Test func everyNumberOfReplicasSeesTheSameDraws() throws {
    let scratch = try ScratchDirectory()
    let traces = try ["1", "2", "4", "8"].map {
      try trace(["--replicas", $0], to: "trace-\($0)", in: scratch)
    }
    for other in traces.dropFirst() {
      for step in 0..<Self.steps {
        for draws in ["noise", "real"] {
          let name = "step/\(step)/\(draws)"
          #expect(traces[0].bytes(name) == other.bytes(name), "\(name)")
        }
      }
      for name in traces[0].names(under: "initial/") {
        #expect(traces[0].bytes(name) == other.bytes(name), "\(name)")
      }
    }
    #expect(traces[0].bytes("step/0/noise") != traces[0].bytes("step/1/noise"))
  }
}
