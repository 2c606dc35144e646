import Program

/// A step whose objective is a mean over all examples, so that how they are shared among replicas matters to nothing but batch
/// norm: networks with statistics of groups of replicas compute what fewer replicas with more examples each do.
package struct PooledStatisticsStep: Sendable {
  package static let real = "real"

  /// As written, not lowered.
  package let program: ReplicaProgram
  package let parameters: [String]

  /// - Parameter examples: of each replica.
  package init(_ networks: some AdversarialNetworks, examples: Int) throws {
    let imageShape = Shape([examples] + networks.imageShape.dimensions)
    let stacked = Shape([1] + imageShape.dimensions)
    let builder = ProgramBuilder(name: "pooled")
    let noise = builder.random(.normal, shape: [examples, networks.latentSize], stream: "noise")
    let generated = networks.generator(noise, mode: .training)
    let real = builder.input(Self.real, shape: imageShape)
    let images = [generated, real, generated.stopGradient() * 0.5]
    let validity = networks.discriminator(
      builder.concatenate(images.map { $0.reshaped(stacked) }, axis: 0), mode: .training)
    let loss = [validity.entry(0), validity.entry(1), 1 - validity.entry(2)]
      .map { -$0.clamped(1e-7, 1 - 1e-7).log().mean() }
    parameters = builder.program.variables.filter { $0.role == .parameter }.map(\.name)
    let gradients = builder.gradients(
      of: loss[0] + loss[1] + loss[2], withRespectTo: parameters.map { builder.read($0) }
    ).map { $0.allReduce(.mean) }
    builder.update(
      parameters,
      with: Adam(learningRate: 2e-4, beta1: 0.5, beta2: 0.999, epsilon: 1e-7, variant: .keras),
      gradients: gradients)
    builder.output("generated", generated)
    for (index, pass) in PassName.allCases.enumerated() {
      builder.output("validity/\(pass.rawValue)", validity.entry(index))
    }
    for (name, gradient) in zip(parameters, gradients) {
      builder.output("gradient/\(name)", gradient)
    }
    program = try builder.finish()
  }
}
