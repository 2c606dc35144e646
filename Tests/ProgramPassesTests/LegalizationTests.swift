import Kernels
import Program
import ProgramPasses
import TestSupport
import Testing

/// What is replaced for each release of the TPU's compiler, and what is refused.
struct LegalizationTests {
  /// A small generator with its gradient: what all three releases disagree about.
  private func program(resizedTo size: [Int] = [4, 6], method: ResizeMethod = .nearest) throws
    -> ReplicaProgram
  {
    let builder = ProgramBuilder(name: "self")
    let x = builder.input("x", shape: [2, 2, 3, 1])
    let kernel = builder.variable(
      "kernel", shape: [3, 3, 1, 2], role: .parameter, initial: .uniform(bound: 1))
    let resized = builder.inLayer("generator/up_sampling_0") {
      x.resized(method, height: size[0], width: size[1])
    }
    let y = builder.inLayer("generator/conv_0") {
      resized.convolution(kernel, .padded(1, stride: 1)).activated(.relu)
    }
    let z = builder.inLayer("discriminator") { y.activated(.leakyReLU(slope: 0.2)) }
    let target = builder.inLayer("objective") { z.square().mean() }
    let gradients = builder.gradients(of: target, withRespectTo: [x, kernel])
    builder.output("dx", gradients[0])
    builder.output("dkernel", gradients[1])
    return try builder.finish()
  }

  @Test(arguments: TPURuntime.allCases)
  func replacements(_ runtime: TPURuntime) throws {
    let program = try program()
    let (legal, replacements) = try program.legalized(for: runtime)
    let list = replacements.map { "\($0.original) (\($0.layer)) by \($0.replacement)\n" }
    try expectGolden(
      "legalization-\(runtime.rawValue)",
      "\(program)\nbecomes\n\n\(legal)\nreplaced:\n\(list.joined())")
    #expect(try legal.expandingGradients().unsupportedOperations(on: runtime).isEmpty)
    #expect(try legal.legalized(for: runtime).replacements.isEmpty)
  }

  /// Also at 0, where the slopes of LeakyReLU and of the maximum must agree.
  @Test(arguments: TPURuntime.allCases)
  func replacementsComputeTheSame(_ runtime: TPURuntime) throws {
    let written = try program()
    var inputs = written.seededInputs(replicas: 2, seed: 4)
    inputs["x"]?[0].values = Array(repeating: 0, count: 12)
    let legal = try written.legalized(for: runtime).program
    #expect(
      difference(
        try legal.expandingGradients().interpreted(inputs, replicas: 2),
        try written.expandingGradients().interpreted(inputs, replicas: 2)) <= 1e-12)
  }

  @Test func theSlopeAtZeroStays() throws {
    let builder = ProgramBuilder(name: "kink")
    let x = builder.input("x", shape: [3])
    let y = x.activated(.leakyReLU(slope: 0.2))
    builder.output("dx", builder.gradients(of: y.sum(axes: [0]), withRespectTo: [x])[0])
    let legal = try builder.finish().legalized(for: .v112).program.expandingGradients()
    let outputs = legal.interpreted(
      ["x": [DoubleTensor(shape: [3], values: [-1, 0, 1])]], replicas: 1)
    #expect(outputs["dx of step 0"]?[0].values == [0.2, 0.2, 1])
  }

  private func refusal(
    _ program: ReplicaProgram, _ options: LoweringOptions,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> String {
    let error = try #require(throws: ProgramError.self, sourceLocation: sourceLocation) {
      try program.lowered(options)
    }
    return error.description
  }

  /// XLA's sentence, with every operation and its layer, those of the gradient included.
  @Test(arguments: [
    (
      TPURuntime.v112,
      "ResizeNearestNeighbor (generator/up_sampling_0), LeakyRelu (discriminator), "
        + "LeakyReluGrad (discriminator), ResizeNearestNeighborGrad (generator/up_sampling_0)"
    ),
    (
      .v113,
      "ResizeNearestNeighbor (generator/up_sampling_0), "
        + "ResizeNearestNeighborGrad (generator/up_sampling_0)"
    ),
    (.v114, "ResizeNearestNeighborGrad (generator/up_sampling_0)"),
  ])
  func refusedWithoutReplacements(_ runtime: TPURuntime, _ operations: String) throws {
    let message = try refusal(
      program(), LoweringOptions(runtime: runtime, legalizes: false))
    #expect(
      message == "Compilation failure: Detected unsupported operations when trying to compile "
        + "graph self on XLA_TPU_JIT: \(operations) (runtime \(runtime.rawValue))")
  }

  @Test func everyLayerIsNamed() throws {
    let step = try SelfGANStep(
      SmallConvolutionalNetworks(.keras, .init(count: 2)), examples: 2, adam: .keras)
    let message = try refusal(step.program, LoweringOptions(legalizes: false))
    for layer in ["generator/up_sampling_0", "generator/up_sampling_1"] {
      for operation in ["ResizeNearestNeighbor", "ResizeNearestNeighborGrad"] {
        #expect(message.contains("\(operation) (\(layer))"))
      }
    }
  }

  /// 1.14 resizes, as long as nothing is trained through it.
  @Test func drawingIsLegalWhereTrainingIsNot() throws {
    let builder = ProgramBuilder(name: "samples")
    builder.output(
      "y", builder.input("x", shape: [2, 2, 3, 1]).resized(.nearest, height: 4, width: 6))
    let program = try builder.finish()
    _ = try program.lowered(LoweringOptions(runtime: .v114, legalizes: false))
    #expect(
      try refusal(program, LoweringOptions(runtime: .v113, legalizes: false))
        .contains("ResizeNearestNeighbor ()"))
  }

  /// To no multiple of the size there is no upscale.
  @Test(arguments: [[3, 6], [4, 9], [2, 5]])
  func otherSizesHaveNoReplacement(_ size: [Int]) throws {
    let program = try program(resizedTo: size)
    for runtime in TPURuntime.allCases {
      #expect(
        try refusal(program, LoweringOptions(runtime: runtime)).contains(
          "ResizeNearestNeighborGrad (generator/up_sampling_0)"))
    }
  }

  @Test(arguments: TPURuntime.allCases)
  func bilinearResizingIsLegalEverywhere(_ runtime: TPURuntime) throws {
    let program = try program(resizedTo: [3, 5], method: .bilinear)
    #expect(
      try program.legalized(for: runtime).replacements.allSatisfy { $0.original == "LeakyRelu" })
    let lowered = try program.lowered(LoweringOptions(runtime: runtime))
    #expect(lowered.instructions.contains { $0.operation.mnemonic == "resize_bilinear_gradient" })
  }
}
