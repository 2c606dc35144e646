import Program

/// The paper's training step over any pair of networks: three passes through the discriminator, the loss-weighted objective, one
/// Adam over the averaged gradients.
package struct SelfGANStep: Sendable {
  /// What is put out beside the losses.
  package struct Recording: OptionSet, Sendable {
    package let rawValue: Int
    package init(rawValue: Int) { self.rawValue = rawValue }
    /// `gradient_norm`: the norm of each replica's own gradient.
    package static let gradientNorm = Recording(rawValue: 1)
    /// `gradient/<parameter>`, averaged.
    package static let averagedGradients = Recording(rawValue: 2)
  }

  package static let losses = ["loss_generated", "loss_real", "loss_fake", "loss_self"]
  /// The input of real images.
  package static let real = "real"

  /// As written, not lowered.
  package let program: ReplicaProgram
  package let parameters: [String]

  package init(
    _ networks: some AdversarialNetworks, examples: Int, adam: Adam.Variant,
    recording: Recording = []
  ) throws {
    let imageShape = Shape([examples] + networks.imageShape.dimensions)
    let builder = ProgramBuilder(name: "self")
    let noise = builder.random(.normal, shape: [examples, networks.latentSize], stream: "noise")
    let generated = networks.generator(noise, mode: .training)
    let last = builder.variable(
      "last", shape: imageShape, distribution: .perReplica, role: .state,
      initial: .uniform(bound: 1))
    let images = [generated, builder.input(Self.real, shape: imageShape), last]
    let validity = networks.discriminator(
      builder.concatenate(
        images.map { $0.reshaped(Shape([1] + imageShape.dimensions)) }, axis: 0),
      mode: .training)
    let losses = [true, true, false].enumerated().map { pass, isReal in
      let clipped = validity.entry(pass).clamped(1e-7, 1 - 1e-7)
      return -(isReal ? clipped : 1 - clipped).log()
    }
    let weights = losses.map { $0.mean() }
    let weighted = zip(weights, losses).map { $0 * $1 }
    let total =
      ((weighted[0] + weighted[1] + weighted[2]) / (weights[0] + weights[1] + weights[2])).mean()

    parameters = builder.program.variables.filter { $0.role == .parameter }.map(\.name)
    let own = builder.gradients(of: total, withRespectTo: parameters.map { builder.read($0) })
    let averaged = own.map { $0.allReduce(.mean) }
    builder.update(
      parameters,
      with: Adam(learningRate: 2e-4, beta1: 0.5, beta2: 0.999, epsilon: 1e-7, variant: adam),
      gradients: averaged)
    builder.assign("last", generated)

    for (name, loss) in zip(Self.losses, weights + [total]) { builder.output(name, loss) }
    if recording.contains(.gradientNorm) {
      let squares = own.map { $0.square().sum(axes: Array(0..<$0.shape.rank)) }
      builder.output("gradient_norm", squares.dropFirst().reduce(squares[0], +).squareRoot())
    }
    if recording.contains(.averagedGradients) {
      for (name, gradient) in zip(parameters, averaged) {
        builder.output("gradient/\(name)", gradient)
      }
    }
    program = try builder.finish()
  }
}
