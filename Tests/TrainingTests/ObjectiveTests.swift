import Execution
import Kernels
import Program
import ProgramPasses
import RandomStreams
import Testing
import Training

/// The objectives alone, as functions of the validities of a replica's examples, in Double.
@Suite struct ObjectiveTests {
  private static let examples = 5

  struct Case: Sendable, CustomTestStringConvertible {
    let kind: SelfObjective.Kind
    let weights: DynamicWeights
    let loss: AdversarialLoss

    var testDescription: String { "\(kind), \(weights), \(loss)" }

    static let all = [SelfObjective.Kind.tpu, .gpu].flatMap { kind in
      [DynamicWeights.loss, .validity, .equal].flatMap { weights in
        [AdversarialLoss.clippedCrossEntropy, .clampedLogCrossEntropy, .swappedCrossEntropy].map {
          Case(kind: kind, weights: weights, loss: $0)
        }
      }
    }
  }

  /// A program with the total, its gradient with respect to the three validities, and the shares.
  private static func program(_ objective: SelfObjective) throws -> ReplicaProgram {
    let builder = ProgramBuilder(name: "objective")
    let passes = Passes(
      generated: builder.input("generated", shape: [examples]),
      real: builder.input("real", shape: [examples]),
      fake: builder.input("fake", shape: [examples]))
    let values = objective(passes)
    let sources = [passes.generated, passes.real, passes.fake]
    let gradients = builder.gradients(of: values.total, withRespectTo: sources)
    builder.output("total", values.total)
    for (name, gradient) in zip(["generated", "real", "fake"], gradients) {
      builder.output("gradient/\(name)", gradient)
    }
    for (name, loss) in [
      ("generated", values.losses.generated), ("real", values.losses.real),
      ("fake", values.losses.fake),
    ] {
      builder.output("loss/\(name)", loss)
    }
    return try builder.finish().expandingGradients()
  }

  private static func validities() -> [String: [Double]] {
    let stream = RandomStream(seed: 3, name: "validities")
    let names = ["generated", "real", "fake"]
    return Dictionary(
      uniqueKeysWithValues: names.enumerated().map { row, name in
        (
          name,
          (0..<examples).map { 0.1 + 0.8 * stream.uniform(element: $0, example: row, step: 0) }
        )
      })
  }

  private static func run(
    _ program: ReplicaProgram, _ validities: [String: [Double]]
  ) throws -> [String: [Double]] {
    var interpreter = ReferenceInterpreter(program, replicas: 1, seed: 1)
    let outputs = interpreter.run(
      validities.mapValues { [DoubleTensor(shape: [examples], values: $0)] })
    return outputs.compactMapValues { $0.first?.values }
  }

  /// The derivative of `function` with respect to one validity, by central differences.
  private static func difference(
    _ name: String, _ index: Int, _ function: ([String: [Double]]) throws -> Double
  ) throws -> Double {
    let step = 1e-5
    let values = try [step, -step].map { change in
      var changed = validities()
      changed[name]?[index] += change
      return try function(changed)
    }
    return (values[0] - values[1]) / (2 * step)
  }

  @Test(arguments: Case.all)
  func gradientsFlowThroughTheWeights(_ value: Case) throws {
    let objective = SelfObjective(
      kind: value.kind, weights: value.weights, detachesWeights: false, loss: value.loss)
    let program = try Self.program(objective)
    let outputs = try Self.run(program, Self.validities())
    for name in ["generated", "real", "fake"] {
      let gradient = try #require(outputs["gradient/\(name)"])
      for index in 0..<Self.examples {
        let expected = try Self.difference(name, index) { changed in
          try #require(try Self.run(program, changed)["total"]?.first)
        }
        #expect(abs(gradient[index] - expected) <= 1e-7 * max(1, abs(expected)))
      }
    }
  }

  /// Detached, the weights are numbers: the objective is a fixed mixture of the mean losses.
  @Test(arguments: Case.all)
  func detachedWeightsAreConstants(_ value: Case) throws {
    let objective = SelfObjective(
      kind: value.kind, weights: value.weights, detachesWeights: true, loss: value.loss)
    let program = try Self.program(objective)
    let outputs = try Self.run(program, Self.validities())
    let shares = Self.shares(value, outputs, Self.validities())
    for name in ["generated", "real", "fake"] {
      let gradient = try #require(outputs["gradient/\(name)"])
      for index in 0..<Self.examples {
        let expected = try Self.difference(name, index) { changed in
          let losses = try Self.run(program, changed)
          return try shares.reduce(0) { sum, share in
            sum + share.value * (try #require(losses["loss/\(share.key)"]?.first))
          }
        }
        #expect(abs(gradient[index] - expected) <= 1e-7 * max(1, abs(expected)))
      }
    }
  }

  /// The factors of the mean losses, by the formulas of the paper and the notebooks.
  private static func shares(
    _ value: Case, _ outputs: [String: [Double]], _ validities: [String: [Double]]
  ) -> [String: Double] {
    func mean(_ name: String) -> Double {
      (validities[name] ?? []).reduce(0, +) / Double(examples)
    }
    let v: [String: Double] =
      switch value.weights {
      case .loss:
        Dictionary(
          uniqueKeysWithValues: ["generated", "real", "fake"].map {
            ($0, outputs["loss/\($0)"]?.first ?? 0)
          })
      case .validity:
        ["generated": 1 - mean("generated"), "real": 1 - mean("real"), "fake": mean("fake")]
      case .equal: ["generated": 1, "real": 1, "fake": 1]
      }
    switch value.kind {
    case .tpu:
      let sum = v.values.reduce(0, +)
      return v.mapValues { $0 / sum }
    case .gpu:
      return [
        "real": 0.5, "generated": 0.05 * (v["generated"] ?? 0), "fake": 0.45 * (v["fake"] ?? 0),
      ]
    }
  }

  /// The figures that semantics derived from TensorFlow 1.13.1: 15.942385·(1 − p) + 1.2e-7 and 16.118095·p + 1.0e-7.
  @Test func thePublishedLossIsLinearInTheValidity() throws {
    let objective = SelfObjective(
      kind: .tpu, weights: .equal, detachesWeights: false, loss: .swappedCrossEntropy)
    let p = 0.3
    let outputs = try Self.run(
      try Self.program(objective),
      ["generated", "real", "fake"].reduce(into: [:]) {
        $0[$1] = Array(repeating: p, count: Self.examples)
      })
    let real = try #require(outputs["loss/real"]?.first)
    let fake = try #require(outputs["loss/fake"]?.first)
    #expect(abs(real - (15.942385 * (1 - p) + 1.192093e-7)) < 1e-6)
    #expect(abs(fake - (16.118095 * p + 1.0e-7)) < 1e-6)
  }
}
