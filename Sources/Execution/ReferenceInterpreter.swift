import Kernels
import Program
import RandomStreams

/// Runs a program as it is written, in float64, one operation after another, for all replicas: the
/// oracle that the executor and the passes are tested against. It knows every operation, those that
/// only fusion makes included.
package struct ReferenceInterpreter {
  package let program: ReplicaProgram
  package let replicas: Int
  private let seed: UInt64
  /// The values of each variable: one of each replica, or one for all where it is replicated.
  package var variables: [String: [DoubleTensor]]
  /// Adam's first and second moments of each parameter.
  package var moments: [String: (first: DoubleTensor, second: DoubleTensor)] = [:]
  /// How many steps have been completed.
  package private(set) var step = 0

  /// Starts with the initial values that the program's variables have with `seed`.
  package init(_ program: ReplicaProgram, replicas: Int, seed: UInt64) {
    self.program = program
    self.replicas = replicas
    self.seed = seed
    variables = [:]
    for variable in program.variables {
      let values = variable.initialValues(seed: seed).map(Double.init)
      let tensor = DoubleTensor(shape: variable.type.shape.dimensions, values: values)
      let copies = variable.type.distribution == .perReplica ? replicas : 1
      variables[variable.name] = Array(repeating: tensor, count: copies)
    }
  }

  /// Runs one step.
  ///
  /// - Parameters:
  ///   - inputs: for each input's name, a tensor a replica.
  ///   - kept: what is kept of the results of the instruction at an index, which are ordered as it has
  ///     them, each by replica: their roundings to float32, say.
  /// - Returns: for each output's name, a tensor a replica, or one where it is replicated.
  package mutating func run(
    _ inputs: [String: [DoubleTensor]],
    keeping kept: (_ instruction: Int, _ results: [[DoubleTensor]]) -> [[DoubleTensor]] = { $1 }
  ) -> [String: [DoubleTensor]] {
    var values = [[DoubleTensor]](repeating: [], count: program.types.count)
    for (index, instruction) in program.instructions.enumerated() {
      let results = evaluate(instruction, inputs: inputs) { value in values[value.index] }
      for (value, result) in zip(instruction.results, kept(index, results)) {
        values[value.index] = result
      }
    }
    for update in program.updates {
      switch update {
      case .assign(let variable, let value):
        let count = variables[variable]?.count ?? 1
        let assigned = values[value.index]
        variables[variable] = (0..<count).map { assigned[min($0, assigned.count - 1)] }
      case .adam(let adam, let parameters, let gradients):
        for (parameter, gradient) in zip(parameters, gradients) {
          apply(adam, to: parameter, values[gradient.index][0])
        }
      }
    }
    step += 1
    return Dictionary(
      uniqueKeysWithValues: program.outputs.map { ($0.name, values[$0.value.index]) })
  }

  /// The results of one instruction: for each result, one tensor a replica, or a single one where
  /// it is replicated.
  private func evaluate(
    _ instruction: Instruction, inputs: [String: [DoubleTensor]],
    operand: (Value) -> [DoubleTensor]
  ) -> [[DoubleTensor]] {
    switch instruction.operation {
    case .input(let name, _): return [inputs[name] ?? []]
    case .variable(let name): return [variables[name] ?? []]
    case .allReduce(let reduction): return [[reduced(operand(instruction.operands[0]), reduction)]]
    case .reducedProduct(let reduction):
      let (x, y) = (operand(instruction.operands[0]), operand(instruction.operands[1]))
      let products = (0..<replicas).map {
        Reference.product(x[$0], y[$0], form: .transposedLeft)
      }
      return [[reduced(products, reduction)]]
    default:
      let perReplica = program.type(of: instruction.results[0]).distribution == .perReplica
      let results = (0..<(perReplica ? replicas : 1)).map { replica in
        evaluate(
          instruction,
          replica: replica,
          instruction.operands.map { value in
            let tensors = operand(value)
            return tensors[min(replica, tensors.count - 1)]
          })
      }
      return instruction.results.indices.map { index in results.map { $0[index] } }
    }
  }

  private func reduced(_ tensors: [DoubleTensor], _ reduction: Reduction) -> DoubleTensor {
    let scale = reduction == .mean ? 1 / Double(replicas) : 1
    var sum = tensors[0]
    for tensor in tensors.dropFirst() {
      for index in sum.values.indices { sum.values[index] += tensor.values[index] }
    }
    for index in sum.values.indices { sum.values[index] *= scale }
    return sum
  }

  private func evaluate(
    _ instruction: Instruction, replica: Int, _ x: [DoubleTensor]
  ) -> [DoubleTensor] {
    let shape = program.shape(of: instruction.results[0])
    switch instruction.operation {
    case .constant(let number, _):
      return [
        DoubleTensor(
          shape: shape.dimensions, values: Array(repeating: number, count: shape.count))
      ]
    case .replicaConstant(let numbers): return [DoubleTensor(shape: [], values: [numbers[replica]])]
    case .random(let distribution, let name, _):
      let stream = RandomStream(seed: seed, name: name)
      let examples = shape.rank == 0 ? 1 : shape[0]
      let elements = shape.count / examples
      let values = (0..<shape.count).map { index in
        let example = replica * examples + index / elements
        let element = index % elements
        return switch distribution {
        case .normal: stream.normal(element: element, example: example, step: step)
        case .uniform: stream.uniform(element: element, example: example, step: step)
        }
      }
      return [DoubleTensor(shape: shape.dimensions, values: values)]
    case .elementwise(let function):
      return [Reference.elementwise(function.kernel, x, shape: shape.dimensions)]
    case .product(let form): return [Reference.product(x[0], x[1], form: form.kernel)]
    case .dense(let activation):
      let product = Reference.product(x[0], x[1], form: .plain)
      let sum = Reference.elementwise(.add, [product, x[2]], shape: shape.dimensions)
      return [activated(sum, activation)]
    case .sum(let axes): return [Reference.sum(x[0], axes: axes)]
    case .broadcast: return [Reference.broadcast(x[0], to: shape.dimensions)]
    case .reshape: return [DoubleTensor(shape: shape.dimensions, values: x[0].values)]
    case .transpose(let permutation): return [Reference.transpose(x[0], permutation: permutation)]
    case .pad(let low, let high): return [Reference.pad(x[0], low: low, high: high)]
    case .slice(let from, let to): return [Reference.slice(x[0], from: from, to: to)]
    case .concatenate(let axis): return [Reference.concatenate(x, axis: axis)]
    case .convolution, .biasedConvolution, .transposedConvolution, .kernelGradient:
      return [convolution(instruction, x)]
    case .resize(let method, let height, let width):
      return [Reference.resize(x[0], height: height, width: width, method: method.kernel)]
    case .resizeGradient(let method, let height, let width):
      return [
        Reference.resizeGradient(x[0], height: height, width: width, method: method.kernel)
      ]
    case .upscale:
      return [
        Reference.resize(
          x[0], height: shape[shape.rank - 3], width: shape[shape.rank - 2], method: .nearest)
      ]
    case .upscaleGradient:
      return [
        Reference.resizeGradient(
          x[0], height: shape[shape.rank - 3], width: shape[shape.rank - 2], method: .nearest)
      ]
    case .averagePool(let pool):
      return [
        Reference.averagePool(
          x[0], window: (pool.window[0], pool.window[1]), stride: (pool.strides[0], pool.strides[1])
        )
      ]
    case .averagePoolGradient(let pool, let height, let width):
      return [
        Reference.averagePoolGradient(
          x[0], window: (pool.window[0], pool.window[1]),
          stride: (pool.strides[0], pool.strides[1]), height: height, width: width)
      ]
    case .dropout(let attributes):
      return [dropped(x[0], attributes, replica)]
    case .upscaledKernel: return [Reference.upscaledKernel(x[0])]
    case .upscaledKernelGradient: return [Reference.upscaledKernelGradient(x[0])]
    case .batchNorm(let attributes):
      let (y, mean, variance) = Reference.batchNorm(
        x[0], gamma: x[1], beta: x[2], axes: attributes.axes, epsilon: attributes.epsilon)
      let activated = activated(y, attributes.activation)
      return [
        attributes.dropout.map { dropped(activated, $0, replica) } ?? activated, mean, variance,
      ]
    case .batchNormGradient(let attributes):
      var dy = attributes.dropout.map { dropped(x[0], $0, replica) } ?? x[0]
      if let gradient = attributes.activation.gradientFunction {
        // As the batch norm that computed them: the statistics are the operand's own.
        let (normalized, _, _) = Reference.batchNorm(
          x[1], gamma: x[2], beta: x[5], axes: attributes.axes, epsilon: attributes.epsilon)
        dy = Reference.elementwise(
          gradient.kernel, [dy, activated(normalized, attributes.activation)], shape: dy.shape)
      }
      let (dx, dgamma, dbeta) = Reference.batchNormGradient(
        dy, x[1], gamma: x[2], mean: x[3], variance: x[4], axes: attributes.axes,
        epsilon: attributes.epsilon)
      return [dx, dgamma, dbeta]
    case .activationGradientBias(let activation):
      var dx = x[0]
      if let gradient = activation.gradientFunction {
        dx = Reference.elementwise(gradient.kernel, x, shape: dx.shape)
      }
      return [dx, Reference.sum(dx, axes: Array(0..<(dx.shape.count - 1)))]
    case .stopGradient: return [x[0]]
    case .input, .variable, .allReduce, .reducedProduct, .gradient:
      preconditionFailure("\(instruction.operation.mnemonic) is not evaluated replica by replica")
    }
  }

  private func convolution(_ instruction: Instruction, _ x: [DoubleTensor]) -> DoubleTensor {
    guard let (shape, form) = program.convolution(instruction) else {
      preconditionFailure("\(instruction.operation.mnemonic) is no convolution")
    }
    /// With all leading axes of images as one.
    func flat(_ tensor: DoubleTensor) -> DoubleTensor {
      DoubleTensor(
        shape: [tensor.shape.dropLast(3).reduce(1, *)] + tensor.shape.suffix(3),
        values: tensor.values)
    }
    let result = program.shape(of: instruction.results[0]).dimensions
    let convolved = DoubleTensor(
      shape: result,
      values: Reference.convolution(
        flat(x[0]), form == .kernelGradient ? flat(x[1]) : x[1], shape, form: form
      ).values)
    guard case .biasedConvolution(_, let activation) = instruction.operation else {
      return convolved
    }
    return activated(
      Reference.elementwise(.add, [convolved, x[2]], shape: result), activation)
  }

  /// `x` [passes, examples, .., channels] times the multipliers that this step's draws decide.
  private func dropped(
    _ x: DoubleTensor, _ attributes: DropoutAttributes, _ replica: Int
  ) -> DoubleTensor {
    var result = x
    let (examples, channels) = (x.shape[1], x.shape[x.shape.count - 1])
    let elements = x.values.count / x.shape[0] / examples
    for (pass, name) in attributes.streams.enumerated() {
      let stream = RandomStream(seed: seed, name: name)
      for example in 0..<examples {
        for element in 0..<elements {
          result.values[(pass * examples + example) * elements + element] *=
            stream.dropoutMultiplier(
              rate: attributes.rate, element: attributes.perChannel ? element % channels : element,
              example: replica * examples + example, step: step)
        }
      }
    }
    return result
  }

  private func activated(_ x: DoubleTensor, _ activation: Activation) -> DoubleTensor {
    activation.function.map { Reference.elementwise($0.kernel, [x], shape: x.shape) } ?? x
  }

  private mutating func apply(_ adam: Adam, to parameter: String, _ gradient: DoubleTensor) {
    guard var value = variables[parameter]?[0] else { return }
    let zero = DoubleTensor(
      shape: value.shape, values: Array(repeating: 0, count: value.values.count))
    var (first, second) = moments[parameter] ?? (zero, zero)
    Reference.adam(
      adam.kernel, parameters: &value, firstMoments: &first, secondMoments: &second,
      gradient: gradient, step: step + 1)
    variables[parameter] = [value]
    moments[parameter] = (first, second)
  }
}
