import Execution
import Kernels
import Program
import ProgramPasses
import Testing

struct DifferentiationTests {
  @Test(
    arguments: DifferentiatedOperation.elementwise + DifferentiatedOperation.broadcastOperands
      + DifferentiatedOperation.products + DifferentiatedOperation.shapes
      + DifferentiatedOperation.normalizations + DifferentiatedOperation.formulas)
  func firstDerivative(_ operation: DifferentiatedOperation) throws {
    try expectDerivatives(operation.firstDerivative())
  }

  @Test(
    arguments: DifferentiatedOperation.elementwise + DifferentiatedOperation.broadcastOperands
      + DifferentiatedOperation.products + DifferentiatedOperation.shapes
      + DifferentiatedOperation.formulas)
  func secondDerivative(_ operation: DifferentiatedOperation) throws {
    try expectDerivatives(operation.secondDerivative())
  }

  private static let ofImages =
    DifferentiatedOperation.convolutions + DifferentiatedOperation.sizes
    + DifferentiatedOperation.dropouts + DifferentiatedOperation.layersOfImages

  @Test(arguments: ofImages)
  func firstDerivativeOfImages(_ operation: DifferentiatedOperation) throws {
    try expectDerivatives(operation.firstDerivative())
  }

  @Test(arguments: ofImages)
  func secondDerivativeOfImages(_ operation: DifferentiatedOperation) throws {
    try expectDerivatives(operation.secondDerivative())
  }

  /// Batch norm whose statistics are pooled: every replica's images enter its group's results.
  @Test(arguments: [(2, 2), (4, 2), (3, 3)])
  func batchNormAcrossReplicas(_ replicas: Int, _ groupSize: Int) throws {
    let builder = ProgramBuilder(name: "pooled statistics")
    let x = builder.input("x", shape: [2, 3, 4])
    var layers = LayerStack(
      x, network: "net",
      conventions: .keras(.init(count: replicas, groupSize: groupSize)), mode: .batch)
    layers.batchNorm()
    // Weights of each replica, so that the gradients differ, and a square, as the sum is constant.
    let weights = builder.input("weights", shape: [2, 3, 4])
    let target = (layers.value.square() * weights + layers.value * weights).sum(axes: [0, 1, 2])
    builder.output("target", target)
    for (name, gradient) in zip(
      ["x", "weights"], builder.gradients(of: target, withRespectTo: [x, weights]))
    {
      builder.output("d \(name)", gradient)
    }
    try expectDerivatives(try builder.finish(), replicas: replicas)
  }

  /// The penalty of WGAN-GP, (‖∂D(x)/∂x‖ − 1)², by the discriminator's parameters and by x.
  @Test(arguments: [Activation.leakyReLU(slope: 0.2), .tanh, .sigmoid])
  func gradientPenalty(_ activation: Activation) throws {
    let builder = ProgramBuilder(name: "gradient penalty")
    let sources = [
      ("x", Shape([6, 4])), ("kernel_0", [4, 5]), ("bias_0", [5]), ("kernel_1", [5, 1]),
      ("bias_1", [1]),
    ].map { ($0.0, builder.input($0.0, shape: $0.1)) }
    let parameters = sources.map(\.1)
    let (x, kernels, biases) = (
      parameters[0], [parameters[1], parameters[3]], [parameters[2], parameters[4]]
    )
    let hidden = (x.product(kernels[0]) + biases[0]).activated(activation)
    let validity = (hidden.product(kernels[1]) + biases[1]).activated(.sigmoid)
    let first = builder.gradients(of: validity.sum(axes: [0, 1]), withRespectTo: [x])[0]
    let norms = first.square().sum(axes: [1]).squareRoot()
    let penalty = (norms - 1).square().mean()
    builder.output("target", penalty)
    for (source, gradient) in zip(
      sources, builder.gradients(of: penalty, withRespectTo: parameters))
    {
      builder.output("d \(source.0)", gradient)
    }
    try expectDerivatives(try builder.finish())
  }

  /// Every replica's operand enters every replica's result.
  @Test(arguments: [Reduction.mean, .sum])
  func allReduce(_ reduction: Reduction) throws {
    let builder = ProgramBuilder(name: "all-reduce")
    let x = builder.input("x", shape: [3])
    let y = builder.input("y", shape: [3])
    let target = (x.square().allReduce(reduction) * y.square()).sum(axes: [0])
    builder.output("target", target)
    let gradients = builder.gradients(of: target, withRespectTo: [x, y])
    builder.output("d x", gradients[0])
    builder.output("d y", gradients[1])
    try expectDerivatives(try builder.finish(), replicas: 3)
  }

  @Test func meanOverReplicasOfAReplicatedTarget() throws {
    let builder = ProgramBuilder(name: "replicated target")
    let x = builder.input("x", shape: [3])
    let target = x.square().allReduce(.mean).sum(axes: [0])
    builder.output("target", target)
    // The same number in every replica; as a replica's own, so that each has an output of its own.
    let gradient = builder.gradients(of: target, withRespectTo: [x])[0]
    builder.output("d x", gradient + builder.replicaConstant([0, 0]))
    try expectDerivatives(try builder.finish(), replicas: 2)
  }

  @Test func whatIsStoppedIsConstant() throws {
    let builder = ProgramBuilder(name: "stopped")
    let x = builder.input("x", shape: [3])
    let target = (x.square().stopGradient() * x).sum(axes: [0])
    builder.output("gradient", builder.gradients(of: target, withRespectTo: [x])[0])
    builder.output("square", x.square())
    let program = try builder.finish().expandingGradients()
    let outputs = program.interpreted(program.seededInputs(replicas: 1, seed: 1), replicas: 1)
    #expect(outputs["gradient of step 0"] == outputs["square of step 0"])
  }

  @Test func gradientOfWhatDoesNotMatterIsZero() throws {
    let builder = ProgramBuilder(name: "unrelated")
    let x = builder.input("x", shape: [3])
    let unrelated = builder.input("unrelated", shape: [2, 2])
    let target = (x.apply(.greater, builder.constant(0)) * x.stopGradient()).sum(axes: [0])
    let gradients = builder.gradients(of: target, withRespectTo: [x, unrelated])
    builder.output("x", gradients[0])
    builder.output("unrelated", gradients[1])
    let program = try builder.finish().expandingGradients()
    let outputs = program.interpreted(program.seededInputs(replicas: 1, seed: 1), replicas: 1)
    #expect(outputs["x of step 0"]?[0].values == [0, 0, 0])
    #expect(outputs["unrelated of step 0"]?[0].values == [0, 0, 0, 0])
  }

  @Test func gradientByTheTargetItself() throws {
    let builder = ProgramBuilder(name: "itself")
    let target = builder.input("x", shape: [3]).sum(axes: [0])
    builder.output("one", builder.gradients(of: target, withRespectTo: [target])[0])
    let program = try builder.finish().expandingGradients()
    let outputs = program.interpreted(program.seededInputs(replicas: 1, seed: 1), replicas: 1)
    #expect(outputs["one of step 0"]?[0].values == [1])
  }

  // Where the rule table ends.

  private func expectNoGradient(
    _ message: String, sourceLocation: SourceLocation = #_sourceLocation,
    _ target: (ProgramBuilder, Tensor) -> Tensor
  ) throws {
    let builder = ProgramBuilder(name: "refused")
    let x = builder.input("x", shape: [8, 5])
    let target = builder.inLayer("net/layer_0") { target(builder, x) }
    builder.output("gradient", builder.gradients(of: target, withRespectTo: [x])[0])
    let program = try builder.finish()
    let error = try #require(throws: ProgramError.self, sourceLocation: sourceLocation) {
      try program.expandingGradients()
    }
    #expect(error.description == message, sourceLocation: sourceLocation)
  }

  private let attributes = BatchNormAttributes(axes: [0], epsilon: 1e-3)

  @Test func secondDerivativeOfBatchNormIsRefused() throws {
    try expectNoGradient("net/layer_0: batch_norm_gradient has no gradient") { builder, x in
      let row = builder.constant(1, shape: [5])
      let y = x.batchNorm(scale: row, shift: row, attributes).normalized
      let first = builder.gradients(of: (y * x).sum(axes: [0, 1]), withRespectTo: [x])[0]
      return first.square().sum(axes: [0, 1])
    }
  }

  @Test(arguments: [1, 2])
  func gradientThroughBatchStatisticsIsRefused(_ result: Int) throws {
    try expectNoGradient("net/layer_0: batch_norm has no gradient") { builder, x in
      let row = builder.constant(1, shape: [5])
      return builder.append(.batchNorm(attributes), [x, row, row])[result].sum(axes: [0])
    }
  }

  @Test func gradientOfASumOverReplicasThatAllShareIsRefused() throws {
    try expectNoGradient("net/layer_0: all_reduce has no gradient") { _, x in
      x.sum(axes: [0, 1]).allReduce(.sum)
    }
  }

  @Test func gradientOfAFusedOperationIsRefused() throws {
    try expectNoGradient("net/layer_0: dense has no gradient") { builder, x in
      builder.append(
        .dense(.tanh),
        [x, builder.constant(1, shape: [5, 2]), builder.constant(1, shape: [2])])[0]
        .sum(axes: [0, 1])
    }
    try expectNoGradient("net/layer_0: reduced_product has no gradient") { builder, x in
      builder.append(.reducedProduct(.mean), [x, x])[0].sum(axes: [0, 1])
    }
  }

  // The whole objective.

  /// The averaged gradients of a whole step, batch norm and dynamic weights included, as it is
  /// written and as it is run.
  @Test(arguments: [false, true])
  func trainingStep(_ lowered: Bool) throws {
    let replicas = 2
    let written = try ReplicaProgram.smallTrainingStep(showsGradients: true)
    let program = try lowered ? written.lowered() : written.expandingGradients()
    let forward = try program.keepingOnly("loss.self")
    var numbers = program.seededInputs(replicas: replicas, seed: 4)
    numbers["real"] = numbers["real"]?.map { tensor in
      DoubleTensor(shape: tensor.shape, values: tensor.values.map { $0 / 2 })
    }
    let inputs = numbers
    var start = ReferenceInterpreter(forward, replicas: replicas, seed: 3)
    start.variables["last"] = inputs["real"]?.reversed()
    var run = ReferenceInterpreter(program, replicas: replicas, seed: 3)
    run.variables = start.variables
    let outputs = run.run(inputs)

    for variable in program.variables where variable.role == .parameter {
      let name = variable.name
      let actual = try #require(outputs["gradient/\(name)"]?[0])
      let expected = actual.values.indices.map { element in
        let ends = [1e-5, -1e-5].map { step in
          var moved = start
          moved.variables[name]?[0].values[element] += step
          return moved.run(inputs)["loss.self"]?.reduce(0) { $0 + $1.values[0] / 2 } ?? .nan
        }
        return (ends[0] - ends[1]) / 2e-5
      }
      let magnitude = expected.reduce(1e-3) { max($0, abs($1)) }
      let error = zip(actual.values, expected).reduce(0) { max($0, abs($1.0 - $1.1)) } / magnitude
      #expect(error <= 1e-6, "\(name): \(actual.values), not \(expected)")
    }
  }
}
