import Program

extension ReplicaProgram {
  /// A step of a small SelfGAN: a generator with batch norm, a discriminator over three stacked
  /// passes, dynamic weights, averaged gradients, one Adam, and the previous images.
  ///
  /// - Parameter showsGradients: whether the averaged gradients are outputs, `gradient/<parameter>`.
  static func smallTrainingStep(showsGradients: Bool = false) throws(ProgramError) -> ReplicaProgram
  {
    let builder = ProgramBuilder(name: "small training step")
    let noise = builder.random(.normal, shape: [4, 3], stream: "noise")
    let real = builder.input("real", shape: [4, 6])
    let last = builder.variable(
      "last", shape: [4, 6], distribution: .perReplica, role: .state, initial: .constant(0))

    let generated = smallGenerator(noise)
    let passes = builder.concatenate(
      [generated, real, last].map { $0.reshaped([1, 4, 6]) }, axis: 0)
    let validity = smallDiscriminator(passes)

    let objective = builder.inLayer("objective") {
      let clamped = validity.clamped(1e-7, 1 - 1e-7)
      let losses = [
        -clamped.entry(0).log().mean(), -clamped.entry(1).log().mean(),
        -(1 - clamped.entry(2)).log().mean(),
      ]
      let weight = losses[0] / (losses[0] + losses[1] + losses[2])
      return losses[0] * weight + losses[1] * 0.5 + losses[2] * (1 - weight)
    }
    let parameters = builder.program.variables.filter { $0.role == .parameter }.map(\.name)
    let gradients = builder.gradients(of: objective, withRespectTo: parameters.map(builder.read))
      .map { $0.allReduce(.mean) }
    builder.update(
      parameters,
      with: Adam(learningRate: 2e-4, beta1: 0.5, beta2: 0.999, epsilon: 1e-7, variant: .keras),
      gradients: gradients)
    builder.assign("last", generated)
    for (name, gradient) in zip(parameters, gradients) where showsGradients {
      builder.output("gradient/\(name)", gradient)
    }
    builder.output("generated", generated)
    builder.output("loss.self", objective)
    return try builder.finish()
  }
}

private func smallGenerator(_ noise: Tensor) -> Tensor {
  var layers = LayerStack(
    noise, network: "generator", conventions: .keras(.init(count: 2)), mode: .training)
  layers.dense(5)
  layers.activation(.leakyReLU(slope: 0.2))
  layers.batchNorm()
  layers.dense(6)
  layers.activation(.tanh)
  return layers.value
}

private func smallDiscriminator(_ images: Tensor) -> Tensor {
  var layers = LayerStack(
    images, network: "discriminator", conventions: .keras(.init(count: 2)), mode: .training)
  layers.dense(4)
  layers.batchNorm(firstAxis: 1)
  layers.activation(.leakyReLU(slope: 0.2))
  layers.dense(1)
  layers.activation(.sigmoid)
  layers.reshape([3, 4])
  return layers.value
}
