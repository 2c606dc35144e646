import Program

/// The paper's training step: networks of three passes, loss-weighted objective, averaged gradients and Adam, with the averaged
/// gradients as outputs.
struct SelfGANStep {
  let program: Program
  let parameters: [String]
  static let losses = ["loss_self", "loss_generated", "loss_real", "loss_fake"]

  init(
    _ layout: MultilayerPerceptron.Layout, replicas: Int, examples: Int,
    movingStatistics: LayerConventions.MovingStatistics
  ) throws {
    let networks = MultilayerPerceptron(
      layout: layout, latentSize: 100, imageShape: [28, 28, 1],
      movingStatistics: movingStatistics)
    let builder = ProgramBuilder(name: "self")
    let generated = networks.generator(
      builder.random(.normal, shape: [examples, 100], stream: "noise"), mode: .training)
    let real = builder.input("real", shape: [examples, 28, 28, 1])
    let last = builder.variable(
      "last", shape: [examples, 28, 28, 1], distribution: .perReplica, role: .state,
      initial: .uniform(bound: 1))
    let images = builder.concatenate(
      [generated, real, last].map { $0.reshaped([1, examples, 28, 28, 1]) }, axis: 0)
    let validity = networks.discriminator(images, mode: .training)
    let isReal = [true, true, false]
    let losses = isReal.indices.map { pass -> Tensor in
      let clipped = validity.entry(pass).clamped(1e-7, 1 - 1e-7)
      return -(isReal[pass] ? clipped : 1 - clipped).log()
    }
    let weights = losses.map { $0.mean() }
    let weighted = zip(weights, losses).map { $0 * $1 }
    let total =
      ((weighted[0] + weighted[1] + weighted[2]) / (weights[0] + weights[1] + weights[2])).mean()

    parameters = builder.program.variables.filter { $0.role == .parameter }.map(\.name)
    let averaged = builder.gradients(
      of: total, withRespectTo: parameters.map { builder.read($0) }
    ).map { $0.allReduce(.mean) }
    builder.update(
      parameters,
      with: Adam(
        learningRate: 2e-4, beta1: 0.5, beta2: 0.999, epsilon: 1e-7,
        variant: layout == .keras ? .keras : .pytorch),
      gradients: averaged)
    builder.assign("last", generated)
    for (name, loss) in zip(Self.losses, [total] + weights) { builder.output(name, loss) }
    for (name, gradient) in zip(parameters, averaged) { builder.output("gradient/\(name)", gradient) }
    program = try builder.finish()
  }
}
