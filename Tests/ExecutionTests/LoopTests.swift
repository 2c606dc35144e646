import Program
import ProgramPasses
import Testing

/// Between the first and the last operation on images, instructions run for one replica after another; what is written
/// before, within, and read within, after.
struct LoopTests {
  private func kernel(_ builder: ProgramBuilder, _ name: String, _ shape: Shape) -> Tensor {
    builder.variable(name, shape: shape, role: .parameter, initial: .uniform(bound: 0.2))
  }

  private func expectAgreement(
    _ name: String, steps: Int = 1, loops: Int = 1,
    sourceLocation: SourceLocation = #_sourceLocation, _ build: (ProgramBuilder) -> Void
  ) throws {
    let builder = ProgramBuilder(name: name)
    build(builder)
    let program = try builder.finish()
    // The test is about what it says it is about.
    let plan = try program.expandingGradients().planned(width: 3)
    #expect(plan.loops.filter { !$0.isEmpty }.count == loops, sourceLocation: sourceLocation)
    try ExecutionTests.expectAgreement(program, steps: steps, sourceLocation: sourceLocation)
  }

  private let same = ConvolutionAttributes.padded(1, stride: 1)

  /// Every value within is also an output, and so kept for all replicas.
  @Test func outputsWithinTheLoop() throws {
    try expectAgreement("outputs") { builder in
      let x = builder.input("x", shape: [2, 4, 5, 3])
      let first = x.convolution(kernel(builder, "k_0", [3, 3, 3, 4]), same)
      let shifted = (first + 1).activated(.tanh)
      let second = shifted.convolution(kernel(builder, "k_1", [3, 3, 4, 2]), same)
      for (name, tensor) in [("first", first), ("shifted", shifted), ("second", second)] {
        builder.output(name, tensor)
      }
      builder.output("sum", second.sum(axes: [0, 1, 2]))
    }
  }

  /// Values from before the loop are read within, values of the loop after it, and both after it.
  @Test func valuesThatCrossTheLoop() throws {
    try expectAgreement("crossing") { builder in
      let z = builder.input("z", shape: [2, 6])
      let dense = z.product(kernel(builder, "w", [6, 60])).activated(.tanh)
      let image = dense.reshaped([2, 4, 5, 3])
      let y = image.convolution(kernel(builder, "k", [3, 3, 3, 4]), same).averagePooled(
        PoolAttributes(window: [2, 1], strides: [2, 1]))
      let flat = y.reshaped([2, 40])
      builder.output("both", flat.product(kernel(builder, "v", [40, 60])) * dense)
      builder.output("image", image)
    }
  }

  /// A reshape lies where its operand lies: both are kept, whichever is read beyond the loop.
  @Test(arguments: [true, false])
  func reshapesOfCrossingValues(_ readsOperand: Bool) throws {
    try expectAgreement("reshapes") { builder in
      let x = builder.input("x", shape: [2, 4, 6, 3])
      let y = x.upscaled(by: 2)
      let reshaped = y.reshaped([2, 12, 8, 3])
      let pooled = reshaped.averagePooled(PoolAttributes(window: [3, 2], strides: [3, 2]))
      builder.output("pooled", pooled)
      builder.output("crossing", (readsOperand ? y : reshaped).square().sum(axes: [1]))
    }
  }

  /// Passes are stacked before the loop; within it a replica's passes lie together.
  @Test func stackedPasses() throws {
    try expectAgreement("stacked") { builder in
      let x = Layout.stacked.source(builder, "x", [3, 2, 4, 4, 2])
      let y = x.convolution(kernel(builder, "k", [3, 3, 2, 5]), same).activated(
        .leakyReLU(slope: 0.2))
      let rows = y.reshaped([3, 2, 80]).product(kernel(builder, "w", [80, 1])).reshaped([3, 2])
      for pass in 0..<3 { builder.output("pass \(pass)", rows.entry(pass)) }
      let pooled = y.averagePooled(PoolAttributes(window: [4, 4], strides: [4, 4]))
      builder.output("pooled", pooled)
    }
  }

  /// A result of the first loop is averaged over all replicas, and the second loop reads the average.
  @Test func averageInTheMiddle() throws {
    try expectAgreement("average", loops: 2) { builder in
      let x = builder.input("x", shape: [2, 4, 5, 3])
      let y = x.convolution(kernel(builder, "k_0", [3, 3, 3, 4]), same)
      let mean = (y.sum(axes: [0, 1, 2]) * (1 / 40.0)).allReduce(.mean)
      let centred = (y - mean).activated(.tanh)
      builder.output("y", centred.convolution(kernel(builder, "k_1", [3, 3, 4, 2]), same))
      builder.output("mean", mean)
      builder.output("again", y.convolution(kernel(builder, "k_1", [3, 3, 4, 2]), same))
    }
  }

  /// Gradients of a kernel are added to their partial sums within the loop; Adam takes them.
  @Test(arguments: [Reduction.mean, .sum])
  func trainedKernels(_ reduction: Reduction) throws {
    try expectAgreement("trained", steps: 3) { builder in
      let x = builder.input("x", shape: [2, 6, 6, 2])
      let names = ["k_0", "bias", "k_1", "w"]
      let k = [kernel(builder, "k_0", [3, 3, 2, 4]), kernel(builder, "k_1", [3, 3, 4, 3])]
      let bias = kernel(builder, "bias", [4])
      let w = kernel(builder, "w", [108, 1])
      let hidden = (x.convolution(k[0], same) + bias).activated(.tanh)
      let y = hidden.convolution(k[1], same).activated(.tanh).reshaped([2, 108])
      let loss = y.product(w).activated(.sigmoid).square().mean()
      let own = builder.gradients(of: loss, withRespectTo: names.map(builder.read))
      builder.update(
        names,
        with: Adam(
          learningRate: 0.01, beta1: 0.5, beta2: 0.999, epsilon: 1e-2, variant: .keras),
        gradients: own.map { $0.allReduce(reduction) })
      builder.output("own", own[0])
      builder.output("loss", loss)
    }
  }

  /// Variables of each replica are read and assigned around a loop.
  @Test func assignedImages() throws {
    try expectAgreement("memory", steps: 3) { builder in
      let shape: Shape = [2, 4, 4, 3]
      let last = builder.variable(
        "last", shape: shape, distribution: .perReplica, role: .state, initial: .uniform(bound: 1))
      let x = builder.input("x", shape: shape)
      let y = (x - last).convolution(kernel(builder, "k", [3, 3, 3, 3]), same)
      builder.output("y", y)
      builder.assign("last", y.activated(.tanh))
    }
  }

  /// A replica's own number, an input of each, and draws of each.
  @Test func numbersOfEachReplica() throws {
    try expectAgreement("own numbers", steps: 2) { builder in
      let x = builder.input("x", shape: [2, 3, 3, 2]).upscaled(by: 2)
      let noise = builder.random(.normal, shape: [2, 6, 6, 2], stream: "noise")
      let scaled = x * builder.replicaConstant([0.5, -1, 2, 3]) + noise
      let row = builder.input("row", shape: [2])
      builder.output("y", (scaled * row).upscaled(by: 2))
      builder.output("noise", noise)
    }
  }
}
