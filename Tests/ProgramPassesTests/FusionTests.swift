import Program
import ProgramPasses
import Testing

/// Programs that almost have the form that a fusion looks for: what comes out computes the same.
struct FusionTests {
  private func expectSameResults(
    _ pass: Pass, sourceLocation: SourceLocation = #_sourceLocation,
    _ build: (ProgramBuilder) -> Void
  ) throws {
    let builder = ProgramBuilder(name: "fusion")
    build(builder)
    let program = try builder.finish()
    let fused = try pass(program)
    let inputs = program.seededInputs(replicas: 2, seed: 5)
    let error = difference(
      fused.interpreted(inputs, replicas: 2),
      try program.expandingGradients().interpreted(inputs, replicas: 2))
    #expect(error <= 1e-12, "\(fused)", sourceLocation: sourceLocation)
    #expect(try pass(fused) == fused, sourceLocation: sourceLocation)
  }

  private func norm(
    _ builder: ProgramBuilder, activation: Activation = .identity
  ) -> (normalized: Tensor, mean: Tensor, variance: Tensor) {
    builder.input("x", shape: [8, 5]).batchNorm(
      scale: builder.input("gamma", shape: [5]), shift: builder.input("beta", shape: [5]),
      BatchNormAttributes(axes: [0], epsilon: 1e-3, activation: activation))
  }

  @Test func activationOfABatchMean() throws {
    try expectSameResults(.fusion) { builder in
      let norm = norm(builder)
      builder.output("mean", norm.mean.activated(.tanh))
      builder.output("y", norm.normalized)
    }
  }

  @Test func activationOfABatchMeanBesideTheActivation() throws {
    try expectSameResults(.fusion) { builder in
      let norm = norm(builder)
      builder.output("mean", norm.mean.activated(.tanh))
      builder.output("variance", norm.variance.activated(.sigmoid))
      builder.output("y", norm.normalized.activated(.leakyReLU(slope: 0.2)))
    }
  }

  @Test func activationOfAFusedActivation() throws {
    try expectSameResults(.fusion) { builder in
      builder.output("y", norm(builder, activation: .tanh).normalized.activated(.sigmoid))
    }
  }

  @Test func twoActivationsOfABatchNorm() throws {
    try expectSameResults(.fusion) { builder in
      let y = norm(builder).normalized
      builder.output("tanh", y.activated(.tanh))
      builder.output("sigmoid", y.activated(.sigmoid))
    }
  }

  @Test func twoActivationsInARow() throws {
    try expectSameResults(.fusion) { builder in
      builder.output("y", norm(builder).normalized.activated(.tanh).activated(.sigmoid))
    }
  }

  /// The cotangent of a plain mean is one number: no tensor that a kernel of batch norm's gradient
  /// could read.
  @Test func meanOfAnActivatedBatchNorm() throws {
    try expectSameResults(.lowering) { builder in
      let x = builder.input("x", shape: [8, 5])
      let row = builder.input("row", shape: [5])
      let y = x.batchNorm(
        scale: row, shift: row, BatchNormAttributes(axes: [0], epsilon: 1e-3)
      ).normalized.activated(.leakyReLU(slope: 0.2))
      let gradients = builder.gradients(of: y.mean(), withRespectTo: [x, row])
      builder.output("dx", gradients[0])
      builder.output("drow", gradients[1])
    }
  }

  @Test func meanOfAnActivatedDenseLayer() throws {
    try expectSameResults(.lowering) { builder in
      let w = builder.variable("w", shape: [5, 3], role: .parameter, initial: .uniform(bound: 1))
      let b = builder.variable("b", shape: [3], role: .parameter, initial: .uniform(bound: 1))
      let y = (builder.input("x", shape: [2, 4, 5]).product(w) + b).activated(.tanh)
      let gradients = builder.gradients(of: y.mean(), withRespectTo: [w, b])
      builder.output("dw", gradients[0].allReduce(.mean))
      builder.output("db", gradients[1].allReduce(.mean))
    }
  }

  /// An activation's gradient with the output of another activation is not the gradient of this
  /// one.
  @Test func gradientOfAnotherActivation() throws {
    try expectSameResults(.fusion) { builder in
      let x = builder.input("x", shape: [8, 5])
      let row = builder.input("row", shape: [5])
      let attributes = BatchNormAttributes(axes: [0], epsilon: 1e-3)
      let norm = x.batchNorm(scale: row, shift: row, attributes)
      let y = norm.normalized.activated(.tanh)
      let dy = builder.input("dy", shape: [8, 5])
      for (name, function) in [("same", Elementwise.tanhGradient), ("other", .sigmoidGradient)] {
        let gradient = builder.append(
          .batchNormGradient(attributes),
          [dy.apply(function, y), x, row, norm.mean, norm.variance])
        builder.output(name, gradient[0])
      }
    }
  }

  @Test func secondSumOfAnActivationGradient() throws {
    try expectSameResults(.fusion) { builder in
      let dx = builder.input("dy", shape: [3, 8, 5]).apply(
        .tanhGradient, builder.input("y", shape: [3, 8, 5]))
      builder.output("dx", dx)
      builder.output("bias", dx.sum(axes: [0, 1]))
      builder.output("bias again", dx.sum(axes: [0, 1]))
      builder.output("all", dx.sum(axes: [0, 1, 2]))
    }
  }

  @Test func biasOnTheLeft() throws {
    try expectSameResults(.fusion) { builder in
      let w = builder.variable("w", shape: [5, 3], role: .parameter, initial: .uniform(bound: 1))
      let b = builder.variable("b", shape: [3], role: .parameter, initial: .uniform(bound: 1))
      builder.output("y", (b + builder.input("x", shape: [8, 5]).product(w)).activated(.tanh))
    }
  }
}
