import Program
import ProgramPasses
import Testing

/// What each pass makes of a small program, as text: `Tests/Goldens/programs` holds the program
/// before and after.
struct PassGoldenTests {
  private func expectGolden(
    _ name: String, _ pass: Pass, sourceLocation: SourceLocation = #_sourceLocation,
    _ build: (ProgramBuilder) -> Void
  ) throws {
    let builder = ProgramBuilder(name: name)
    build(builder)
    let program = try builder.finish()
    let text = "\(program)\nbecomes\n\n\(try pass(program))"
    try ProgramPassesTests.expectGolden(name, text, sourceLocation: sourceLocation)
  }

  private func parameter(_ builder: ProgramBuilder, _ name: String, _ shape: Shape) -> Tensor {
    builder.variable(name, shape: shape, role: .parameter, initial: .uniform(bound: 1))
  }

  // Differentiation.

  @Test func differentiationOfADenseLayer() throws {
    try expectGolden("differentiation-dense", .differentiation) { builder in
      let x = builder.input("x", shape: [8, 5])
      let (w, b) = (parameter(builder, "w", [5, 3]), parameter(builder, "b", [3]))
      let y = builder.inLayer("net/dense_0") { (x.product(w) + b).activated(.tanh) }
      let loss = builder.inLayer("loss") { y.square().mean() }
      for (name, gradient) in zip(
        ["dw", "db"], builder.gradients(of: loss, withRespectTo: [w, b]))
      {
        builder.output(name, gradient)
      }
    }
  }

  @Test func differentiationOfAGradient() throws {
    try expectGolden("differentiation-twice", .differentiation) { builder in
      let x = builder.input("x", shape: [4])
      let first = builder.gradients(of: x.apply(.tanh).sum(axes: [0]), withRespectTo: [x])[0]
      let second = builder.gradients(of: first.square().sum(axes: [0]), withRespectTo: [x])[0]
      builder.output("second", second)
    }
  }

  @Test func differentiationStopsWhereItIsTold() throws {
    try expectGolden("differentiation-stopped", .differentiation) { builder in
      let x = builder.input("x", shape: [4])
      let unused = builder.input("unused", shape: [2])
      let y = (x.stopGradient() * x).sum(axes: [0])
      for (index, gradient) in builder.gradients(of: y, withRespectTo: [x, unused]).enumerated() {
        builder.output("gradient_\(index)", gradient)
      }
    }
  }

  @Test func differentiationOfBatchNorm() throws {
    try expectGolden("differentiation-batch-norm", .differentiation) { builder in
      let x = builder.input("x", shape: [3, 8, 5])
      let (scale, shift) = (parameter(builder, "gamma", [5]), parameter(builder, "beta", [5]))
      let y = x.batchNorm(
        scale: scale, shift: shift, BatchNormAttributes(axes: [1], epsilon: 1e-3))
      let sources = [x, scale, shift]
      let gradients = builder.gradients(
        of: (y.normalized * x).sum(axes: [0, 1, 2]), withRespectTo: sources)
      for (name, gradient) in zip(["dx", "dgamma", "dbeta"], gradients) {
        builder.output(name, gradient)
      }
    }
  }

  // Simplification.

  @Test func simplificationFoldsConstants() throws {
    try expectGolden("simplification-constants", .simplification) { builder in
      let x = builder.input("x", shape: [4])
      let half = 1 / (builder.constant(3) - 1)
      builder.output("halved", x * half * 2)
      builder.output("unchanged", (x * 1) / 1)
      builder.output("infinite", x * (builder.constant(1) / 0))
      builder.output("ones", builder.constant(1, shape: [2, 4]) * x)
    }
  }

  @Test func simplificationOfShapes() throws {
    try expectGolden("simplification-shapes", .simplification) { builder in
      let x = builder.input("x", shape: [4, 6])
      let row = builder.input("row", shape: [6])
      builder.output("same", x.reshaped([24]).reshaped([6, 4]).reshaped([4, 6]))
      builder.output("broadcast", x + row.broadcast(to: [4, 6]))
      // Both operands are broadcast: one of them must stay.
      builder.output(
        "square", row.broadcast(to: [6, 6]) * row.reshaped([6, 1]).broadcast(to: [6, 6]))
      builder.output(
        "inside", x.padded(low: [1, 0], high: [2, 0]).slice(from: [1, 0], to: [5, 6]))
      builder.output("all", x.slice(from: [0, 0], to: [4, 6]))
    }
  }

  /// The gradient of one of three stacked passes: the slice moves up, through the product, to the
  /// values that are kept.
  @Test func simplificationMovesSlicesUp() throws {
    try expectGolden("simplification-slices", .simplification) { builder in
      let w = parameter(builder, "w", [4, 6])
      let parts = (0..<3).map { builder.input("x_\($0)", shape: [1, 8, 6]) }
      let stacked = builder.concatenate(parts, axis: 0)
      let product = (stacked * 2).product(w, .transposedRight).reshaped([3, 32])
      builder.output("first", product.entry(0))
      builder.output("part", stacked.slice(from: [1, 2, 0], to: [2, 8, 6]))
      builder.output("across", stacked.slice(from: [0, 0, 0], to: [2, 8, 6]))
      // Read twice: the whole product is computed anyway.
      let shared = stacked.product(w, .transposedRight)
      builder.output("whole", shared)
      builder.output("entry", shared.entry(2))
    }
  }

  // Dead code and common subexpressions.

  @Test func deadCode() throws {
    try expectGolden("dead-code", .deadCode) { builder in
      let x = builder.input("x", shape: [4])
      _ = builder.random(.normal, shape: [4], stream: "unread")
      _ = x.apply(.exp).square()
      let state = builder.variable(
        "state", shape: [4], distribution: .perReplica, role: .state, initial: .constant(0))
      _ = parameter(builder, "unread", [2])
      builder.assign("state", state * 0.5 + x)
      builder.output("y", -x)
    }
  }

  @Test func commonSubexpressions() throws {
    try expectGolden("common-subexpressions", .commonSubexpressions) { builder in
      let x = builder.input("x", shape: [4])
      let y = builder.inLayer("first") { x.square() * 2 }
      let z = builder.inLayer("second") { x.square() * 2 }
      builder.output("same", y + z)
      // Neither the order of operands nor an attribute may differ.
      builder.output("order", (x - y) / (y - x))
      builder.output("slopes", x.apply(.leakyReLU(slope: 0.2)) + x.apply(.leakyReLU(slope: 0.1)))
      let row = builder.constant(1, shape: [1])
      let norms = (0..<2).map { _ in
        x.reshaped([4, 1]).batchNorm(
          scale: row, shift: row, BatchNormAttributes(axes: [0], epsilon: 1e-3))
      }
      builder.output("norms", norms[0].normalized + norms[1].variance)
    }
  }

  /// Two streams are two sets of numbers, whatever else is the same.
  @Test func randomStreamsStayApart() throws {
    try expectGolden("common-subexpressions-random", .commonSubexpressions) { builder in
      let draws = ["dropout_0", "dropout_1"].map {
        builder.random(.uniform, shape: [8, 2], stream: $0).apply(.greater, builder.constant(0.25))
      }
      builder.output("kept", draws[0] * draws[1])
    }
  }

  // Fusion.

  @Test func fusionOfDenseLayers() throws {
    try expectGolden("fusion-dense", .fusion) { builder in
      let x = builder.input("x", shape: [8, 5])
      let (w, b) = (parameter(builder, "w", [5, 5]), parameter(builder, "b", [5]))
      let activations: [Activation] = [.leakyReLU(slope: 0.2), .tanh, .identity, .sigmoid]
      let y = activations.enumerated().reduce(x) { x, layer in
        builder.inLayer("net/dense_\(layer.offset)") {
          (x.product(w) + b).activated(layer.element)
        }
      }
      builder.output("y", y)
    }
  }

  /// What something else reads, and what differs between replicas, stays.
  @Test func fusionOfDenseLayersWhereItCannotBe() throws {
    try expectGolden("fusion-dense-refused", .fusion) { builder in
      let x = builder.input("x", shape: [8, 5])
      let (w, b) = (parameter(builder, "w", [5, 5]), parameter(builder, "b", [5]))
      let sum = x.product(w) + b
      builder.output("before the activation", sum)
      builder.output("after it", sum.activated(.tanh))
      let product = x.product(w)
      builder.output("product", product)
      builder.output("with bias", product + b)
      builder.output("own bias", x.product(w) + builder.input("own", shape: [5]))
      builder.output("residual", x.product(w) + builder.constant(1, shape: [8, 5]))
    }
  }

  @Test func fusionOfBatchNormAndActivation() throws {
    try expectGolden("fusion-batch-norm", .fusion) { builder in
      let x = builder.input("x", shape: [8, 5])
      let (scale, shift) = (parameter(builder, "gamma", [5]), parameter(builder, "beta", [5]))
      let norm = builder.inLayer("net/batch_norm_0") {
        x.batchNorm(scale: scale, shift: shift, BatchNormAttributes(axes: [0], epsilon: 0.8))
      }
      let y = builder.inLayer("net") { norm.normalized.activated(.leakyReLU(slope: 0.2)) }
      let target = (y * builder.input("weight", shape: [8, 5])).sum(axes: [0, 1])
      builder.output("mean", norm.mean)
      for (name, gradient) in zip(
        ["dx", "dgamma", "dbeta"],
        builder.gradients(of: target, withRespectTo: [x, scale, shift]))
      {
        builder.output(name, gradient)
      }
    }
  }

  @Test func fusionOfActivationGradientAndBias() throws {
    try expectGolden("fusion-activation-gradient-bias", .fusion) { builder in
      let dy = builder.input("dy", shape: [3, 8, 5])
      let y = builder.input("y", shape: [3, 8, 5])
      for (index, function) in [Elementwise.tanhGradient, .leakyReLUGradient(slope: 0.2)]
        .enumerated()
      {
        let dx = dy.apply(function, y)
        builder.output("dx_\(index)", dx)
        builder.output("bias_\(index)", dx.sum(axes: [0, 1]))
      }
      // A sum over other axes is no bias gradient.
      let dx = dy.apply(.sigmoidGradient, y)
      builder.output("other", dx.sum(axes: [1]))
    }
  }

  @Test func fusionOfWeightGradientAndAverage() throws {
    try expectGolden("fusion-reduced-product", .fusion) { builder in
      let (x, dy) = (builder.input("x", shape: [8, 5]), builder.input("dy", shape: [8, 3]))
      let gradient = x.product(dy, .transposedLeft)
      builder.output("average", gradient.allReduce(.mean))
      let other = x.product(x, .transposedLeft)
      builder.output("total", other.allReduce(.sum))
      // A replica's own gradient is asked for: its product stays.
      builder.output("norm", other.square().sum(axes: [0, 1]).squareRoot())
    }
  }

  // Fusion of operations on images.

  @Test func fusionOfAnUpscaledConvolution() throws {
    try expectGolden("fusion-upscaled-convolution", .fusion) { builder in
      let x = builder.input("x", shape: [2, 3, 4, 5])
      let k = parameter(builder, "kernel", [3, 3, 5, 6])
      let upscaled = builder.inLayer("net/up_sampling_0") { x.upscaled(by: 2) }
      let y = builder.inLayer("net/conv_0") {
        upscaled.convolution(k, .padded(1, stride: 1))
      }
      let target = builder.inLayer("loss") {
        (y * builder.input("weight", shape: [2, 6, 8, 6])).sum(axes: [0, 1, 2, 3])
      }
      builder.output("y", y)
      let gradients = builder.gradients(of: target, withRespectTo: [x, k])
      builder.output("dx", gradients[0])
      builder.output("dkernel", gradients[1])
    }
  }

  @Test func fusionOfANormalizationWithDropout() throws {
    try expectGolden("fusion-normalization-dropout", .fusion) { builder in
      let x = builder.input("x", shape: [3, 2, 4, 4, 5])
      let (scale, shift) = (parameter(builder, "gamma", [5]), parameter(builder, "beta", [5]))
      let norm = builder.inLayer("net/batch_norm_0") {
        x.batchNorm(
          scale: scale, shift: shift, BatchNormAttributes(axes: [1, 2, 3], epsilon: 1e-3))
      }
      let activated = builder.inLayer("net") {
        norm.normalized.activated(.leakyReLU(slope: 0.2))
      }
      let y = builder.inLayer("net/dropout_0") {
        activated.dropout(
          DropoutAttributes(
            rate: 0.25, streams: PassName.allCases.map { "net/dropout_0/\($0.rawValue)" },
            perChannel: false))
      }
      builder.output("y", y)
      let target = (y * builder.input("weight", shape: x.shape)).sum(axes: [0, 1, 2, 3, 4])
      for (name, gradient) in zip(
        ["dx", "dgamma", "dbeta"],
        builder.gradients(of: target, withRespectTo: [x, scale, shift]))
      {
        builder.output(name, gradient)
      }
    }
  }

  /// Of a transposed convolution, which takes no bias itself.
  @Test func fusionOfABiasBeforeANormalization() throws {
    try expectGolden("fusion-bias-before-normalization", .fusion) { builder in
      let x = builder.input("x", shape: [2, 3, 4, 5])
      let (k, b) = (parameter(builder, "kernel", [4, 4, 6, 5]), parameter(builder, "bias", [6]))
      let (scale, shift) = (parameter(builder, "gamma", [6]), parameter(builder, "beta", [6]))
      let y = builder.inLayer("net/conv_0") {
        x.transposedConvolution(k, .padded(1, stride: 2), height: 6, width: 8) + b
      }
      let norm = builder.inLayer("net/batch_norm_0") {
        y.batchNorm(
          scale: scale, shift: shift, BatchNormAttributes(axes: [0, 1, 2], epsilon: 1e-3))
      }
      let target = (norm.normalized * builder.input("weight", shape: y.shape))
        .sum(axes: [0, 1, 2, 3])
      builder.output("mean", norm.mean)
      for (name, gradient) in zip(
        ["dx", "dkernel", "dbias"], builder.gradients(of: target, withRespectTo: [x, k, b]))
      {
        builder.output(name, gradient)
      }
    }
  }

  @Test func fusionOfBiasedConvolutions() throws {
    try expectGolden("fusion-biased-convolution", .fusion) { builder in
      let x = builder.input("x", shape: [2, 4, 4, 5])
      let (k, b) = (parameter(builder, "kernel", [3, 3, 5, 5]), parameter(builder, "bias", [5]))
      let activations: [Activation] = [.leakyReLU(slope: 0.2), .identity, .tanh]
      let y = activations.enumerated().reduce(x) { x, layer in
        builder.inLayer("net/conv_\(layer.offset)") {
          (x.convolution(k, .padded(1, stride: 1)) + b).activated(layer.element)
        }
      }
      builder.output("y", y)
    }
  }

  /// All passes, one after the other, over a training step of a small network with a discriminator
  /// that is built once over stacked passes.
  @Test func loweringOfATrainingStep() throws {
    try ProgramPassesTests.expectGolden(
      "lowered-training-step",
      "\(try ReplicaProgram.smallTrainingStep())\nbecomes\n\n\(try ReplicaProgram.smallTrainingStep().lowered())"
    )
  }
}
