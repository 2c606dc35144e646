import Program
import RunConfiguration

/// Builds one training step as one replica sees it.
package struct TrainingStep: Sendable {
  /// What is recorded beside the losses. Asking for more never changes the bits of the step.
  package struct Recording: OptionSet, Sendable {
    package let rawValue: Int
    package init(rawValue: Int) { self.rawValue = rawValue }
    /// The L2 norm of each replica's own gradient, before averaging, that of the combined one, and
    /// the scalar product of both.
    package static let gradients = Recording(rawValue: 1)
    /// The averaged gradient of each parameter, noise and images.
    package static let tensors = Recording(rawValue: 2)
    /// The mean and variance of each replica's batch at each batch norm.
    package static let batchStatistics = Recording(rawValue: 4)
  }

  package static let last = "last"
  package static let real = "real"
  package static let gradientNorm = "gradient_norm"
  package static let combinedNorm = "combined_norm"
  package static let gradientProduct = "gradient_product"

  private let configuration: Configuration
  private let networks: any AdversarialNetworks
  /// How many examples a replica has.
  private let examples: Int

  package init(_ configuration: Configuration) {
    self.configuration = configuration
    networks = configuration.networks
    examples = configuration.batchSize / configuration.replicas
  }

  /// The step's program. Outputs are named as the columns of `shards.csv`; with `tensors`, also
  /// `noise`, `generated`, `gradient/<parameter>` and `dropout/<layer>`; with `batchStatistics`,
  /// `<layer>/batch_mean` and `<layer>/batch_variance`.
  package func program(recording: Recording = []) throws(ProgramError) -> ReplicaProgram {
    let program = ProgramBuilder(name: configuration.objective.kind.rawValue)
    let imageShape = Shape([examples] + networks.imageShape.dimensions)

    let noise = program.inLayer("generator") {
      program.random(.normal, shape: [examples, networks.latentSize], stream: "noise")
    }
    let generated = networks.generator(noise, mode: .training)
    let real = program.input(Self.real, shape: imageShape)
    // This replica's images of the step before; the classic GAN takes this step's, as data.
    let last = program.variable(
      Self.last, shape: imageShape, distribution: .perReplica, role: .state,
      initial: .constant(0))
    let isClassic = configuration.objective.kind == .classic
    let validity = passes(
      generated: generated, real: real, fake: isClassic ? generated.stopGradient() : last)

    let values: ObjectiveValues
    let objectives: [(objective: Tensor, network: String?)]
    if let objective = configuration.selfObjective {
      values = objective(validity)
      objectives = [(values.total, nil)]
    } else {
      let classic = ClassicObjective(loss: configuration.adversarialLoss)(validity)
      values = classic.values
      objectives = [(classic.generator, "generator"), (classic.discriminator, "discriminator")]
    }

    var gradients: [Gradient] = []
    for (objective, network) in objectives {
      let parameters = program.program.variables.filter { variable in
        variable.role == .parameter
          && network.map { variable.name.hasPrefix($0 + "/") } ?? true
      }.map(\.name)
      let own = program.gradients(
        of: objective, withRespectTo: parameters.map { program.read($0) })
      let combined = own.map { $0.allReduce(configuration.gradientReduction) }
      program.update(parameters, with: configuration.adam, gradients: combined)
      for (index, parameter) in parameters.enumerated() {
        gradients.append(
          Gradient(parameter: parameter, own: own[index], combined: combined[index]))
      }
    }
    program.assign(Self.last, generated)

    output(values, program)
    if recording.contains(.gradients) { output(gradients, program) }
    if recording.contains(.batchStatistics) {
      for (name, tensor) in program.observations { program.output(name, tensor) }
    }
    if recording.contains(.tensors) {
      program.output("noise", noise)
      program.output("generated", generated)
      program.output(Self.real, real)
      for gradient in gradients {
        program.output("gradient/\(gradient.parameter)", gradient.combined)
      }
      outputDropout(program)
    }
    return try program.finish()
  }

  /// The discriminator's three passes, merged into one over [passes, examples, …]: one product over
  /// three times the rows.
  private func passes(generated: Tensor, real: Tensor, fake: Tensor) -> Passes {
    let stacked = Shape([1] + generated.shape.dimensions)
    let images = generated.builder.inLayer("discriminator") {
      generated.builder.concatenate([generated, real, fake].map { $0.reshaped(stacked) }, axis: 0)
    }
    let validity = networks.discriminator(images, mode: .training)
    return Passes(
      generated: validity.entry(0), real: validity.entry(1), fake: validity.entry(2))
  }

  /// The multipliers of each dropout layer, [passes, examples, …]: what it makes of ones.
  private func outputDropout(_ program: ProgramBuilder) {
    for instruction in program.program.instructions {
      guard case .dropout(let dropout) = instruction.operation else { continue }
      var shape = program.program.shape(of: instruction.results[0])
      if dropout.perChannel {
        shape = Shape(
          shape.dimensions.enumerated().map { axis, extent in
            (2..<(shape.rank - 1)).contains(axis) ? 1 : extent
          })
      }
      program.output(
        "dropout/\(instruction.layer)",
        program.inLayer(path: instruction.layer) {
          program.constant(1, shape: shape).dropout(dropout)
        })
    }
  }

  /// A parameter's gradient: one replica's own, and the mean or sum of all.
  private struct Gradient {
    let parameter: String
    let own: Tensor
    let combined: Tensor
  }

  /// ‖g‖ of the replica's own gradient over all parameters, ‖G‖ of the combined one, and g · G.
  private func output(_ gradients: [Gradient], _ program: ProgramBuilder) {
    func total(_ part: (Gradient) -> Tensor) -> Tensor? {
      let parts = gradients.map { gradient in
        let product = part(gradient)
        return product.sum(axes: Array(0..<product.shape.rank))
      }
      return parts.first.map { parts.dropFirst().reduce($0, +) }
    }
    let outputs = [
      (Self.gradientNorm, total { $0.own.square() }?.squareRoot()),
      (Self.combinedNorm, total { $0.combined.square() }?.squareRoot()),
      (Self.gradientProduct, total { $0.own * $0.combined }),
    ]
    for case (let name, let value?) in outputs { program.output(name, value) }
  }

  private func output(_ values: ObjectiveValues, _ program: ProgramBuilder) {
    program.output("loss_self", values.total)
    for (prefix, passes) in [
      ("loss", values.losses), ("weight", values.shares), ("validity", values.validities),
    ] {
      guard let passes else { continue }
      program.output("\(prefix)_generated", passes.generated)
      program.output("\(prefix)_real", passes.real)
      program.output("\(prefix)_fake", passes.fake)
    }
  }
}
