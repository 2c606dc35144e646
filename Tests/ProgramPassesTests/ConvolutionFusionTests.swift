import Kernels
import Program
import ProgramPasses
import TestSupport
import Testing

extension Fusions {
  static let each: [(name: String, fusion: Fusions)] = [
    ("upscaledConvolution", .upscaledConvolution), ("biasActivation", .biasActivation),
    ("normalization", .normalization), ("biasGradient", .biasGradient),
    ("reducedProduct", .reducedProduct),
  ]
}

/// What is fused computes what was written: in float64, so that only rounding differs.
struct ConvolutionFusionTests {
  private struct Subset: CustomTestStringConvertible {
    let testDescription: String
    let fusions: Fusions
  }

  private static let subsets: [Subset] =
    [Subset(testDescription: "none", fusions: []), Subset(testDescription: "all", fusions: .all)]
    + Fusions.each.flatMap { name, fusion in
      [
        Subset(testDescription: "\(name) alone", fusions: fusion),
        Subset(testDescription: "all but \(name)", fusions: Fusions.all.subtracting(fusion)),
      ]
    }

  private func step(_ layout: NetworkLayout) throws -> ReplicaProgram {
    try SelfGANStep(
      SmallConvolutionalNetworks(layout, .init(count: 2)), examples: 2, adam: .keras,
      recording: [.averagedGradients, .gradientNorm]
    ).program
  }

  @Test(arguments: [NetworkLayout.keras, .pytorch], subsets)
  private func everyChoiceComputesTheSame(_ layout: NetworkLayout, _ subset: Subset) throws {
    let program = try step(layout)
    let inputs = program.seededInputs(replicas: 2, seed: 6)
    let expected = try program.expandingGradients().interpreted(inputs, replicas: 2, steps: 2)
    let fused = try program.lowered(LoweringOptions(fusions: subset.fusions))
    #expect(difference(fused.interpreted(inputs, replicas: 2, steps: 2), expected) <= 1e-12)
  }

  /// What each fusion alone makes of a step; nothing of it is there without the fusion.
  @Test(arguments: [
    ("upscaledConvolution", ["upscaled_kernel", "upscaled_kernel_gradient"]),
    ("biasActivation", ["biased_convolution", "dense"]),
    ("biasGradient", ["activation_gradient_bias"]), ("reducedProduct", ["reduced_product"]),
  ])
  func everyFusionDoesSomething(_ name: String, _ made: [String]) throws {
    let fusion = try #require(Fusions.each.first { $0.name == name }?.fusion)
    func mnemonics(_ fusions: Fusions) throws -> Set<String> {
      Set(
        try SelfGANStep(
          SmallConvolutionalNetworks(.keras, .init(count: 2)), examples: 2, adam: .keras
        ).program.lowered(LoweringOptions(fusions: fusions)).instructions
          .map(\.operation.mnemonic))
    }
    #expect(try mnemonics(fusion).isSuperset(of: made))
    #expect(try mnemonics(Fusions.all.subtracting(fusion)).isDisjoint(with: made))
  }

  @Test(arguments: [NetworkLayout.keras, .pytorch])
  func normalizationTakesInActivationAndDropout(_ layout: NetworkLayout) throws {
    func norms(_ fusions: Fusions) throws -> [BatchNormAttributes] {
      try step(layout).lowered(LoweringOptions(fusions: fusions)).instructions.compactMap {
        if case .batchNorm(let attributes) = $0.operation { attributes } else { nil }
      }
    }
    let plain = try norms(Fusions.all.subtracting(.normalization))
    #expect(plain.allSatisfy { $0.activation == .identity && $0.dropout == nil })
    let fused = try norms(.normalization)
    #expect(fused.count == plain.count)
    // Keras' discriminator drops after its norm, PyTorch's before.
    #expect(fused.filter { $0.activation != .identity }.count == (layout == .keras ? 3 : 2))
    #expect(fused.compactMap(\.dropout).count == (layout == .keras ? 1 : 0))
  }

  private func expectSameResults(
    _ fusions: Fusions, changes: Bool, sourceLocation: SourceLocation = #_sourceLocation,
    _ build: (ProgramBuilder) -> Void
  ) throws {
    let builder = ProgramBuilder(name: "fusion")
    build(builder)
    let program = try builder.finish().expandingGradients().eliminatingDeadCode()
    let fused = try program.fused(fusions)
    let inputs = program.seededInputs(replicas: 2, seed: 5)
    let error = difference(
      fused.interpreted(inputs, replicas: 2), program.interpreted(inputs, replicas: 2))
    #expect(error <= 1e-12, "\(fused)", sourceLocation: sourceLocation)
    #expect((fused != program) == changes, "\(fused)", sourceLocation: sourceLocation)
    #expect(try fused.fused(fusions) == fused, sourceLocation: sourceLocation)
  }

  private func kernel(_ builder: ProgramBuilder, _ shape: Shape) -> Tensor {
    builder.variable("kernel", shape: shape, role: .parameter, initial: .uniform(bound: 1))
  }

  // Almost what the upscaled convolution is made of.

  @Test(arguments: [
    (2, [3, 3], 1, 1), (3, [3, 3], 1, 1), (2, [3, 3], 0, 1), (2, [3, 3], 1, 2), (2, [5, 5], 1, 1),
    (2, [3, 1], 1, 1),
  ])
  func upscaleAndConvolution(
    _ factor: Int, _ size: [Int], _ padding: Int, _ stride: Int
  ) throws {
    let isMatch = factor == 2 && size == [3, 3] && padding == 1 && stride == 1
    try expectSameResults(.upscaledConvolution, changes: isMatch) { builder in
      let x = builder.input("x", shape: [2, 3, 4, 2])
      let k = kernel(builder, Shape(size + [2, 3]))
      let y = x.upscaled(by: factor).convolution(k, .padded(padding, stride: stride))
      let gradients = builder.gradients(of: y.square().mean(), withRespectTo: [x, k])
      builder.output("y", y)
      builder.output("dx", gradients[0])
      builder.output("dk", gradients[1])
    }
  }

  /// The upscaled image stays for whoever else reads it; two convolutions of it share nothing.
  @Test func upscaledImageThatIsReadTwice() throws {
    try expectSameResults(.upscaledConvolution, changes: true) { builder in
      let x = builder.input("x", shape: [2, 3, 4, 2])
      let upscaled = x.upscaled(by: 2)
      let k = kernel(builder, [3, 3, 2, 3])
      let y = upscaled.convolution(k, .padded(1, stride: 1))
      let z = upscaled.convolution(
        builder.input("own kernel", shape: [3, 3, 2, 1]), .padded(1, stride: 1))
      let target = (y * z).mean() + upscaled.square().mean()
      let gradients = builder.gradients(of: target, withRespectTo: [x, k])
      builder.output("upscaled", upscaled)
      builder.output("dx", gradients[0])
      builder.output("dk", gradients[1])
    }
  }

  // Almost what a biased convolution is made of.

  @Test func convolutionWithoutItsBiasIsReadToo() throws {
    try expectSameResults(.biasActivation, changes: false) { builder in
      let y = builder.input("x", shape: [2, 4, 4, 2]).convolution(
        kernel(builder, [3, 3, 2, 3]), .padded(1, stride: 1))
      let bias = builder.variable("b", shape: [3], role: .parameter, initial: .uniform(bound: 1))
      builder.output("y", y)
      builder.output("biased", (y + bias).activated(.tanh))
    }
  }

  @Test(arguments: [[4, 3], [1]])
  func biasThatIsNoRow(_ shape: [Int]) throws {
    try expectSameResults(.biasActivation, changes: false) { builder in
      let y = builder.input("x", shape: [2, 4, 4, 2]).convolution(
        kernel(builder, [3, 3, 2, 3]), .padded(1, stride: 1))
      let bias = builder.variable(
        "b", shape: Shape(shape), role: .parameter, initial: .uniform(bound: 1))
      builder.output("biased", (y + bias).activated(.tanh))
    }
  }

  @Test func kernelOfEachReplica() throws {
    try expectSameResults(.biasActivation, changes: false) { builder in
      let y = builder.input("x", shape: [2, 4, 4, 2]).convolution(
        builder.input("own", shape: [3, 3, 2, 3]), .padded(1, stride: 1))
      let bias = builder.variable("b", shape: [3], role: .parameter, initial: .uniform(bound: 1))
      builder.output("biased", (y + bias).activated(.tanh))
    }
  }

  // Almost what a normalisation is made of.

  /// How the tail of a batch norm is read.
  enum Reader: CaseIterable {
    case normalized, activated, dropped, twice, otherDropout
  }

  private static let dropout = DropoutAttributes(
    rate: 0.25, streams: ["drop/generated", "drop/real"], perChannel: false)

  @Test(arguments: Reader.allCases)
  func normalizationThatIsReadElsewhere(_ reader: Reader) throws {
    try expectSameResults(.normalization, changes: reader != .normalized) { builder in
      let x = builder.input("x", shape: [2, 3, 4, 4, 2])
      let scale = builder.input("scale", shape: [2])
      let shift = builder.input("shift", shape: [2])
      let norm = x.batchNorm(
        scale: scale, shift: shift, BatchNormAttributes(axes: [1, 2, 3], epsilon: 1e-2))
      let y = norm.normalized.activated(.leakyReLU(slope: 0.2))
      let dropped = y.dropout(Self.dropout)
      var target = (dropped * x).mean()
      switch reader {
      case .normalized: builder.output("read", norm.normalized)
      case .activated: builder.output("read", y)
      case .dropped: builder.output("read", dropped)
      case .twice: target = target + (y * x).mean()
      case .otherDropout:
        let other = DropoutAttributes(
          rate: 0.5, streams: ["other/generated", "other/real"], perChannel: true)
        target = target + (y.dropout(other) * x).mean()
      }
      builder.output("target", target)
      for (name, gradient) in zip(
        ["dx", "dscale", "dshift"],
        builder.gradients(of: target, withRespectTo: [x, scale, shift]))
      {
        builder.output(name, gradient)
      }
    }
  }

  /// A bias before a batch norm moves the mean that is put out.
  @Test(arguments: [false, true])
  func biasBeforeABatchNorm(_ sumIsReadElsewhere: Bool) throws {
    try expectSameResults(.normalization, changes: !sumIsReadElsewhere) { builder in
      let x = builder.input("x", shape: [2, 2, 3, 3])
      let k = kernel(builder, [4, 4, 2, 3])
      let bias = builder.variable("b", shape: [2], role: .parameter, initial: .uniform(bound: 1))
      let y = x.transposedConvolution(k, .padded(1, stride: 2), height: 4, width: 6) + bias
      let norm = y.batchNorm(
        scale: builder.input("scale", shape: [2]), shift: builder.input("shift", shape: [2]),
        BatchNormAttributes(axes: [0, 1, 2], epsilon: 1e-2))
      let gradients = builder.gradients(
        of: norm.normalized.apply(.exp).mean(), withRespectTo: [x, k, bias])
      for (name, tensor) in zip(
        ["y", "mean", "variance", "dx", "dk", "db"],
        [norm.normalized, norm.mean, norm.variance] + gradients)
      {
        builder.output(name, tensor)
      }
      if sumIsReadElsewhere { builder.output("sum", y) }
    }
  }
}
