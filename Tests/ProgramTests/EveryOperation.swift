import Program

extension ReplicaProgram {
  /// A sound program that holds every operation, every elementwise function, every activation,
  /// every kind of initial value and both variants of Adam.
  static func everyOperation() throws(ProgramError) -> ReplicaProgram {
    let builder = ProgramBuilder(name: "every operation")
    let x = builder.input("x", shape: [8, 5])
    let noise = builder.random(.normal, shape: [8, 5], stream: "noise")
    let uniform = builder.random(.uniform, shape: [8, 5], stream: "dropout")
    let kernel = builder.variable(
      "net/dense_0/kernel", shape: [5, 7], role: .parameter,
      initial: .glorotUniform(inputs: 5, outputs: 7))
    let bias = builder.variable(
      "net/dense_0/bias", shape: [7], role: .parameter,
      initial: .normal(mean: 0, deviation: 0.02))
    let row = builder.variable(
      "net/row", shape: [5], distribution: .perReplica, role: .state, initial: .constant(1))
    let last = builder.variable("last", shape: [5, 7], role: .state, initial: .constant(0))

    builder.inLayer("elementwise") { elementwise(x, noise, uniform) }
    builder.inLayer("net/dense_0") { products(x, kernel, bias) }
    builder.inLayer("shapes") { shapes(x, row) }
    builder.inLayer("net/batch_norm_0") { normalizations(x, row) }
    builder.inLayer("images") { images(builder) }

    let gradients = builder.inLayer("loss") {
      builder.gradients(of: x.product(kernel).mean(), withRespectTo: [kernel, bias])
        .map { $0.allReduce(.mean) }
    }
    let weight = builder.replicaConstant([0.5, 0.25, 1e-9])
    builder.output("weighted", (weight * x).stopGradient())
    for (index, variant) in [Adam.Variant.keras, .pytorch].enumerated() {
      builder.update(
        [["net/dense_0/kernel"], ["net/dense_0/bias"]][index],
        with: Adam(learningRate: 2e-4, beta1: 0.5, beta2: 0.999, epsilon: 1e-7, variant: variant),
        gradients: [gradients[index]])
    }
    builder.assign("last", last * 0.1 + x.product(kernel).sum(axes: [0]).allReduce(.sum))
    builder.assign("net/row", row)
    return try builder.finish()
  }

  private static func elementwise(_ x: Tensor, _ noise: Tensor, _ uniform: Tensor) {
    for function in [
      Elementwise.negate, .exp, .log, .squareRoot, .square, .absolute, .tanh, .sigmoid,
      .leakyReLU(slope: 0.2), .leakyReLU(slope: 0), .clamp(low: -1, high: 1 - 1e-7),
    ] {
      x.builder.output("result", x.apply(function))
    }
    for function in [
      Elementwise.add, .subtract, .multiply, .divide, .maximum, .minimum, .greater, .tanhGradient,
      .sigmoidGradient, .leakyReLUGradient(slope: 0.01), .clampGradient(low: 1e-7, high: 0.5),
    ] {
      x.builder.output("result", noise.apply(function, uniform))
    }
  }

  private static func products(_ x: Tensor, _ kernel: Tensor, _ bias: Tensor) {
    let y = x.product(kernel)
    x.builder.output("dx", y.product(kernel, .transposedRight))
    x.builder.output("dw", x.product(y, .transposedLeft))
    for activation in activations {
      let y = x.builder.append(.dense(activation), [x, kernel, bias])[0]
      x.builder.append(.activationGradientBias(activation), [y, y])
    }
    for reduction in [Reduction.mean, .sum] {
      x.builder.append(.reducedProduct(reduction), [x, y])
    }
  }

  private static func shapes(_ x: Tensor, _ row: Tensor) {
    let builder = x.builder
    _ = row.broadcast(to: [2, 3, 5])
    _ = x.reshaped([2, 2, 10]).transposed([2, 0, 1])
    _ = x.padded(low: [0, 1], high: [2, 0]).slice(from: [1, 0], to: [9, 6])
    _ = builder.concatenate([x, builder.constant(-1.5, shape: [8, 2]), x], axis: 1)
    _ = x.sum(axes: [0, 1])
  }

  private static func normalizations(_ x: Tensor, _ row: Tensor) {
    for activation in activations {
      let attributes = BatchNormAttributes(axes: [0], epsilon: 1e-3, activation: activation)
      let forward = x.builder.append(.batchNorm(attributes), [x, row, row])
      x.builder.append(
        .batchNormGradient(attributes),
        [x, x, row, forward[1], forward[2]] + (activation == .identity ? [] : [row]))
    }
    let passes = x.reshaped([2, 4, 5])
    let dropped = BatchNormAttributes(
      axes: [1], epsilon: 1e-3, activation: .tanh,
      dropout: DropoutAttributes(
        rate: 0.5, streams: ["norm/generated", "norm/real"], perChannel: false))
    let forward = x.builder.append(.batchNorm(dropped), [passes, row, row])
    x.builder.append(
      .batchNormGradient(dropped), [passes, passes, row, forward[1], forward[2], row])
  }

  private static func images(_ builder: ProgramBuilder) {
    let x = builder.input("images", shape: [2, 3, 6, 6, 4])
    let kernel = builder.variable(
      "net/conv_0/kernel", shape: [3, 3, 4, 5], role: .parameter,
      initial: .normal(mean: 0, deviation: 0.02))
    let same = ConvolutionAttributes.same(image: [6, 6], kernel: [3, 3], stride: 2)
    let y = x.convolution(kernel, same)
    _ = y.transposedConvolution(kernel, same, height: 6, width: 6)
    builder.append(.kernelGradient(same, height: 3, width: 3), [x, y])
    for activation in activations {
      builder.append(
        .biasedConvolution(same, activation), [x, kernel, builder.constant(0, shape: [5])])
    }
    for method in [ResizeMethod.nearest, .bilinear] {
      let resized = x.resized(method, height: 9, width: 5)
      builder.append(.resizeGradient(method, height: 6, width: 6), [resized])
    }
    builder.append(.upscaleGradient(factor: 2), [x.upscaled(by: 2)])
    let pool = PoolAttributes(window: [3, 2], strides: [2, 1])
    builder.append(
      .averagePoolGradient(pool, height: 6, width: 6), [x.averagePooled(pool)])
    for (name, perChannel) in [("element", false), ("channel", true)] {
      let dropout = DropoutAttributes(
        rate: 0.25, streams: ["\(name)/generated", "\(name)/real"], perChannel: perChannel)
      builder.output(name, x.dropout(dropout).dropout(dropout))
    }
    let upscaled = builder.append(.upscaledKernel, [kernel])[0]
    builder.append(.upscaledKernelGradient, [upscaled])
  }

  private static let activations: [Activation] = [
    .identity, .tanh, .sigmoid, .leakyReLU(slope: 0.2), .relu,
  ]
}
