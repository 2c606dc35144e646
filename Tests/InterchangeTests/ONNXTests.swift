import Execution
import Foundation
import Interchange
import Kernels
import Program
import RunFiles
import TestSupport
import Testing

/// Programs that are exported to ONNX.
enum ExportedProgram: String, CaseIterable {
  case operations
  case keras = "small-keras"
  case pytorch = "small-pytorch"

  func program(examples: Int) throws -> ReplicaProgram {
    let builder = ProgramBuilder(name: "generator")
    let noise = builder.input("noise", shape: [examples, 6])
    let alone = BatchNormConventions.Replicas(count: 1)
    let images: Tensor =
      switch self {
      case .operations: Self.everyOperation(of: noise)
      case .keras: SmallConvolutionalNetworks(.keras, alone).generator(noise, mode: .moving)
      case .pytorch:
        SmallConvolutionalNetworks(.pytorch, alone, channels: 2).generator(noise, mode: .moving)
      }
    builder.output("images", images)
    return try builder.finish()
  }

  /// Every operation that has a translation.
  private static func everyOperation(of noise: Tensor) -> Tensor {
    let builder = noise.builder
    func variable(_ name: String, _ shape: Shape) -> Tensor {
      builder.variable(name, shape: shape, role: .parameter, initial: .constant(0))
    }
    let x = noise.product(variable("all/dense/kernel", [6, 8])) + variable("all/dense/bias", [8])
    let arithmetic =
      x.apply(.tanh) - x.apply(.sigmoid) / (x.square() + 0.5) + x.apply(.absolute).squareRoot()
      * (-x).apply(.exp)
    let pieces =
      (x.apply(.absolute) + 1).log() + x.activated(.relu)
      + x.activated(.leakyReLU(slope: 0.1)) + x.clamped(-0.3, 0.4)
    let extremes = arithmetic.apply(.maximum, pieces) * arithmetic.apply(.minimum, x)
    let images = extremes.reshaped([noise.shape[0], 2, 2, 2]).transposed([0, 2, 3, 1])
      .padded(low: [0, 1, 0, 0], high: [0, 0, 2, 0])
      .resized(.nearest, height: 6, width: 4)
    let convolved = images.convolution(
      variable("all/conv/kernel", [3, 2, 2, 3]),
      ConvolutionAttributes(strides: [2, 1], low: [0, 1], high: [1, 1]))
    return convolved.upscaled(by: 3).stopGradient()
  }
}

@Suite struct ONNXTests {
  private static let facts = ["step": "7", "version": "golden"]

  private static func bytes(_ program: ReplicaProgram) throws -> [UInt8] {
    let weights = DrawnWeights.tensors(of: program).map { ($0.name, $0) }
    return try ONNXModel.bytes(
      of: program, weights: Dictionary(uniqueKeysWithValues: weights), facts: facts)
  }

  /// The model that ONNX Runtime was given, byte for byte. `RECORD_GOLDENS=1` writes it, and fails; then
  /// make_goldens.py asks ONNX Runtime again.
  @Test(arguments: ExportedProgram.allCases)
  func theModelIsTheOneThatWasChecked(_ exported: ExportedProgram) throws {
    let bytes = try Self.bytes(try exported.program(examples: 1))
    let file = InterchangeGolden.directory.appending(path: "\(exported.rawValue).onnx")
    if ProcessInfo.processInfo.environment["RECORD_GOLDENS"] == "1" {
      try Data(bytes).write(to: file)
      Issue.record("recorded \(file.lastPathComponent): run make_goldens.py")
      return
    }
    let golden = try Data(contentsOf: file)
    #expect(golden.count < 100_000)
    #expect(Data(bytes) == golden)
  }

  /// ONNX Runtime made of it, for three examples, what the program says.
  @Test(arguments: ExportedProgram.allCases)
  func itGivesTheProgramsImages(_ exported: ExportedProgram) throws {
    let program = try exported.program(examples: DrawnWeights.examples)
    var interpreter = ReferenceInterpreter(program, replicas: 1, seed: 0)
    for tensor in DrawnWeights.tensors(of: program) {
      interpreter.variables[tensor.name] = [
        DoubleTensor(shape: tensor.shape, values: tensor.values.map(Double.init))
      ]
    }
    let images = try #require(
      interpreter.run(["noise": [DrawnWeights.noise(latentSize: 6)]])["images"]?.first)
    let golden = try #require(try InterchangeGolden.load().onnx[exported.rawValue])
    #expect(relativeError(images.values.map(Float.init), golden) < 1e-5)
  }

  /// How many examples there are is not in the model.
  @Test(arguments: ExportedProgram.allCases)
  func theNumberOfExamplesDoesNotMatter(_ exported: ExportedProgram) throws {
    #expect(
      try Self.bytes(try exported.program(examples: 1))
        == Self.bytes(try exported.program(examples: 4)))
  }

  private func expectRefusal(
    naming facts: [String], _ build: (_ noise: Tensor) -> Tensor
  ) throws {
    let builder = ProgramBuilder(name: "generator")
    let noise = builder.input("noise", shape: [3, 4])
    let images = builder.inLayer("generator/layer_0") { build(noise) }
    builder.output("images", images)
    let program = try builder.finish()
    let error = #expect(throws: InterchangeError.self) { _ = try Self.bytes(program) }
    let sentence = error?.description ?? ""
    for fact in facts + ["generator/layer_0", "ONNX"] {
      #expect(sentence.contains(fact), "\(sentence) does not name \(fact)")
    }
  }

  @Test func whatHasNoTranslationIsNamed() throws {
    try expectRefusal(naming: ["random"]) {
      $0 + $0.builder.random(.normal, shape: [3, 4], stream: "s")
    }
    try expectRefusal(naming: ["sum"]) { $0.sum(axes: [1]) }
    try expectRefusal(naming: ["greater"]) { $0.apply(.greater, $0) }
  }

  @Test func whatMovesTheExamplesIsNamed() throws {
    try expectRefusal(naming: ["reshape", "examples"]) { $0.reshaped([4, 3]) }
    try expectRefusal(naming: ["transpose", "examples"]) { $0.transposed([1, 0]) }
    try expectRefusal(naming: ["pad", "examples"]) { $0.padded(low: [1, 0], high: [0, 0]) }
  }

  @Test func factorsThatAreNoWholeNumbersAreNamed() throws {
    try expectRefusal(naming: ["resize", "whole"]) {
      $0.reshaped([3, 2, 2, 1]).resized(.nearest, height: 3, width: 4)
    }
  }
}
