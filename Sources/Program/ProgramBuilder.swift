/// Appends instructions to a program. The first constraint that fails is kept and thrown by
/// `finish()`, so that networks and objectives read as formulas, without a `try` a line.
package final class ProgramBuilder {
  package private(set) var program: ReplicaProgram
  /// The layer that new instructions belong to.
  package private(set) var layer = ""
  /// What layers show of their inner values, under names such as `generator/batch_norm_0/batch_mean`.
  /// It costs nothing until somebody makes it an output.
  package private(set) var observations: [(name: String, tensor: Tensor)] = []
  private var failure: ProgramError?
  private var variableReads: [String: Tensor] = [:]

  package init(name: String) { program = ReplicaProgram(name: name) }

  /// Starts a rewrite of `program`: its variables, and none of its instructions yet.
  package init(rewriting program: ReplicaProgram) {
    self.program = ReplicaProgram(name: program.name)
    self.program.variables = program.variables
  }

  /// Runs `body` with its instructions placed in `name`, below the present layer.
  package func inLayer<Result>(_ name: String, _ body: () -> Result) -> Result {
    let outer = layer
    layer = outer.isEmpty ? name : outer + "/" + name
    defer { layer = outer }
    return body()
  }

  /// Runs `body` with its instructions placed in `path`, whatever the present layer is.
  package func inLayer<Result>(path: String, _ body: () -> Result) -> Result {
    let outer = layer
    layer = path
    defer { layer = outer }
    return body()
  }

  /// Appends an instruction and returns its results. After a failure the results are scalars, never
  /// executed.
  @discardableResult
  package func append(_ operation: Operation, _ operands: [Tensor]) -> [Tensor] {
    var types: [TensorType]
    do {
      types = try operation.resultTypes(
        of: operands.map(\.type), variables: program.variables, layer: layer)
    } catch {
      failure = failure ?? error
      let count = operation == .gradient ? max(operands.count - 1, 0) : operation.resultCount
      types = Array(repeating: TensorType([], .perReplica), count: count)
    }
    let results = types.map { type in
      program.types.append(type)
      return Value(index: program.types.count - 1)
    }
    program.instructions.append(
      Instruction(operation, operands.map(\.value), results: results, layer: layer))
    return results.map { Tensor(value: $0, builder: self) }
  }

  /// The value of a variable, read once a program.
  package func read(_ name: String) -> Tensor {
    if let tensor = variableReads[name] { return tensor }
    let tensor = append(.variable(name: name), [])[0]
    variableReads[name] = tensor
    return tensor
  }

  /// Declares a variable and reads it. Declaring it again, as a second pass through a network does,
  /// reads it again.
  package func variable(
    _ name: String, shape: Shape, distribution: Distribution = .replicated, role: Variable.Role,
    initial: InitialValue
  ) -> Tensor {
    let variable = Variable(
      name: name, type: TensorType(shape, distribution), role: role, initial: initial)
    if let present = program.variable(named: name) {
      if present != variable {
        failure =
          failure
          ?? .constraint(
            .variables, operation: "variable", layer: layer,
            operands: [present.type, variable.type],
            detail: "\"\(name)\" is declared twice, differently")
      }
    } else {
      program.variables.append(variable)
    }
    return read(name)
  }

  package func input(_ name: String, shape: Shape) -> Tensor {
    append(.input(name: name, shape: shape), [])[0]
  }

  package func constant(_ number: Double, shape: Shape = []) -> Tensor {
    append(.constant(number, shape: shape), [])[0]
  }

  package func replicaConstant(_ numbers: [Double]) -> Tensor {
    append(.replicaConstant(numbers), [])[0]
  }

  package func random(
    _ distribution: RandomDistribution, shape: Shape, stream: String
  ) -> Tensor {
    append(.random(distribution, stream: stream, shape: shape), [])[0]
  }

  package func concatenate(_ tensors: [Tensor], axis: Int) -> Tensor {
    append(.concatenate(axis: axis), tensors)[0]
  }

  /// The gradients of the scalar `target` with respect to `sources`.
  package func gradients(of target: Tensor, withRespectTo sources: [Tensor]) -> [Tensor] {
    append(.gradient, [target] + sources)
  }

  package func assign(_ variable: String, _ tensor: Tensor) {
    program.updates.append(.assign(variable: variable, value: tensor.value))
  }

  package func update(_ parameters: [String], with adam: Adam, gradients: [Tensor]) {
    program.updates.append(
      .adam(adam, parameters: parameters, gradients: gradients.map(\.value)))
  }

  package func output(_ name: String, _ tensor: Tensor) {
    program.outputs.append(ReplicaProgram.Output(name: name, value: tensor.value))
  }

  /// Shows a value of the present layer to those who want to record it.
  package func observe(_ name: String, _ tensor: Tensor) {
    observations.append((layer.isEmpty ? name : "\(layer)/\(name)", tensor))
  }

  /// The program, verified.
  package func finish() throws(ProgramError) -> ReplicaProgram {
    if let failure { throw failure }
    try program.verify()
    return program
  }
}

/// A value of a program under construction, with the arithmetic to write formulas in.
package struct Tensor {
  package let value: Value
  package let builder: ProgramBuilder

  package init(value: Value, builder: ProgramBuilder) {
    self.value = value
    self.builder = builder
  }

  package var type: TensorType { builder.program.type(of: value) }
  package var shape: Shape { type.shape }
}

extension Tensor {
  package func apply(_ function: Elementwise) -> Tensor {
    builder.append(.elementwise(function), [self])[0]
  }

  package func apply(_ function: Elementwise, _ other: Tensor) -> Tensor {
    builder.append(.elementwise(function), [self, other])[0]
  }

  package func activated(_ activation: Activation) -> Tensor {
    activation.function.map { apply($0) } ?? self
  }

  /// `other` is the right operand of `form`.
  package func product(_ other: Tensor, _ form: ProductForm = .plain) -> Tensor {
    builder.append(.product(form), [self, other])[0]
  }

  package func sum(axes: [Int]) -> Tensor {
    axes.isEmpty ? self : builder.append(.sum(axes: axes), [self])[0]
  }

  /// The mean of all elements, a scalar.
  package func mean() -> Tensor {
    sum(axes: Array(0..<shape.rank)) * (1 / Double(shape.count))
  }

  package func broadcast(to shape: Shape) -> Tensor {
    self.shape == shape ? self : builder.append(.broadcast(shape: shape), [self])[0]
  }

  package func reshaped(_ shape: Shape) -> Tensor {
    self.shape == shape ? self : builder.append(.reshape(shape: shape), [self])[0]
  }

  package func transposed(_ permutation: [Int]) -> Tensor {
    builder.append(.transpose(permutation: permutation), [self])[0]
  }

  package func padded(low: [Int], high: [Int]) -> Tensor {
    builder.append(.pad(low: low, high: high), [self])[0]
  }

  package func slice(from: [Int], to: [Int]) -> Tensor {
    builder.append(.slice(from: from, to: to), [self])[0]
  }

  /// Entry `index` of the first axis, which is dropped.
  package func entry(_ index: Int) -> Tensor {
    guard shape.rank > 0 else { return slice(from: [index], to: [index + 1]) }
    let rest = Array(shape.dimensions.dropFirst())
    return slice(from: [index] + rest.map { _ in 0 }, to: [index + 1] + rest)
      .reshaped(Shape(rest))
  }

  package func batchNorm(
    scale: Tensor, shift: Tensor, _ attributes: BatchNormAttributes
  ) -> (normalized: Tensor, mean: Tensor, variance: Tensor) {
    let results = builder.append(.batchNorm(attributes), [self, scale, shift])
    return (results[0], results[1], results[2])
  }

  /// [.., height, width, channels] and kernel [height, width, channels, filters].
  package func convolution(_ kernel: Tensor, _ attributes: ConvolutionAttributes) -> Tensor {
    builder.append(.convolution(attributes), [self, kernel])[0]
  }

  /// The transpose of a convolution with `kernel`, to images of `height` × `width`.
  package func transposedConvolution(
    _ kernel: Tensor, _ attributes: ConvolutionAttributes, height: Int, width: Int
  ) -> Tensor {
    builder.append(
      .transposedConvolution(attributes, height: height, width: width), [self, kernel])[0]
  }

  package func resized(_ method: ResizeMethod, height: Int, width: Int) -> Tensor {
    builder.append(.resize(method, height: height, width: width), [self])[0]
  }

  package func upscaled(by factor: Int) -> Tensor {
    builder.append(.upscale(factor: factor), [self])[0]
  }

  package func averagePooled(_ attributes: PoolAttributes) -> Tensor {
    builder.append(.averagePool(attributes), [self])[0]
  }

  package func dropout(_ attributes: DropoutAttributes) -> Tensor {
    builder.append(.dropout(attributes), [self])[0]
  }

  package func stopGradient() -> Tensor { builder.append(.stopGradient, [self])[0] }

  package func allReduce(_ reduction: Reduction) -> Tensor {
    builder.append(.allReduce(reduction), [self])[0]
  }

  package func log() -> Tensor { apply(.log) }
  package func squareRoot() -> Tensor { apply(.squareRoot) }
  package func square() -> Tensor { apply(.square) }
  package func clamped(_ low: Double, _ high: Double) -> Tensor {
    apply(.clamp(low: low, high: high))
  }

  package static prefix func - (a: Tensor) -> Tensor { a.apply(.negate) }
  package static func + (a: Tensor, b: Tensor) -> Tensor { a.apply(.add, b) }
  package static func - (a: Tensor, b: Tensor) -> Tensor { a.apply(.subtract, b) }
  package static func * (a: Tensor, b: Tensor) -> Tensor { a.apply(.multiply, b) }
  package static func / (a: Tensor, b: Tensor) -> Tensor { a.apply(.divide, b) }
  package static func + (a: Tensor, b: Double) -> Tensor { a + a.builder.constant(b) }
  package static func - (a: Tensor, b: Double) -> Tensor { a - a.builder.constant(b) }
  package static func * (a: Tensor, b: Double) -> Tensor { a * a.builder.constant(b) }
  package static func / (a: Tensor, b: Double) -> Tensor { a / a.builder.constant(b) }
  package static func + (a: Double, b: Tensor) -> Tensor { b.builder.constant(a) + b }
  package static func - (a: Double, b: Tensor) -> Tensor { b.builder.constant(a) - b }
  package static func * (a: Double, b: Tensor) -> Tensor { b.builder.constant(a) * b }
  package static func / (a: Double, b: Tensor) -> Tensor { b.builder.constant(a) / b }
}
