import Kernels
import Program
import ProgramPasses
import RandomStreams

/// Operations on images. Their leading axes are examples, which lie one after another.
extension Binding {
  /// The three forms of a convolution.
  func convolution(
    _ instruction: Instruction, _ unsupported: (String) -> ProgramError
  ) throws -> [KernelCall] {
    guard let (shape, form) = program.convolution(instruction) else { return [] }
    // Each replica's images are convolved in a turn of a loop.
    guard width == 1 else { throw unsupported("images that all replicas share") }
    let (operands, result) = (instruction.operands, instruction.results[0])
    let kernel = operands[1]
    var bias: UnsafePointer<Float>?
    var activation = Activation.identity
    if case .biasedConvolution(_, let next) = instruction.operation {
      bias = UnsafePointer(pointer(operands[2]))
      activation = next
    }
    let convolution = try factory.convolution(
      shape, form, pointer(operands[0]), pointer(kernel), out: pointer(result),
      kernelIdentifier: isPerReplica(kernel) ? nil : kernel.index,
      leavesPacked: canStayPacked(result), bias: bias, activation: activation.kernel)
    packedGradient = convolution.packedGradient.map { (result, $0) }
    if let packed = convolution.packedGradient {
      packedValues.insert(result)
      elsewhere = [
        WrittenPart(replicas: replicas, memory: tensor(packed, program.shape(of: result)))
      ]
    }
    preparations += convolution.preparation.map {
      ($0, CallOrigin(layer: instruction.layer, operation: "pack"))
    }
    return convolution.calls
  }

  /// A packed gradient as its program sees it.
  func tensor(_ packed: PackedGradient, _ shape: Shape) -> StridedTensor {
    packed.tensor(height: shape[0], width: shape[1], channels: shape[2], filters: shape[3])
  }
}

// MARK: - Sizes

extension Binding {
  /// Resizing, upscaling and pooling, and their gradients: images one after another.
  func images(
    _ instruction: Instruction, _ unsupported: (String) -> ProgramError
  ) throws -> [KernelCall] {
    let (x, result) = (instruction.operands[0], instruction.results[0])
    guard width == 1 || !isPerReplica(result) else {
      throw unsupported("images are taken replica by replica")
    }
    let (from, to) = (program.shape(of: x), program.shape(of: result))
    let count = from.count(before: from.rank - 3)
    func images(_ shape: Shape) -> KernelFactory.Images {
      KernelFactory.Images(
        images: count, height: shape[shape.rank - 3], width: shape[shape.rank - 2],
        channels: shape[shape.rank - 1])
    }
    let (source, target) = (images(from), images(to))
    switch instruction.operation {
    case .resize(let method, let height, let width):
      return [
        factory.resize(
          pointer(x), source, height: height, width: width, method: method.kernel,
          out: pointer(result))
      ]
    case .resizeGradient(let method, _, _):
      return [
        factory.resizeGradient(
          pointer(x), target, height: source.height, width: source.width, method: method.kernel,
          dx: pointer(result))
      ]
    case .averagePool(let pool):
      return [
        factory.averagePool(
          pointer(x), source, window: (pool.window[0], pool.window[1]),
          stride: (pool.strides[0], pool.strides[1]), out: pointer(result))
      ]
    case .averagePoolGradient(let pool, _, _):
      return [
        factory.averagePoolGradient(
          pointer(x), target, window: (pool.window[0], pool.window[1]),
          stride: (pool.strides[0], pool.strides[1]), dx: pointer(result))
      ]
    case .upscale(let factor):
      // Reshape to [rows, 1, columns, 1, C], tile, and reshape back: reading with strides of 0.
      let blocks = [count * source.height, factor, source.width, factor, source.channels]
      let row = source.width * source.channels
      return [
        try factory.elementwise(
          .identity, out: dense(pointer(result), blocks),
          StridedTensor(
            pointer: pointer(x), dimensions: blocks, strides: [row, 0, source.channels, 0, 1]))
      ]
    case .upscaleGradient(let factor):
      let blocks = [count * target.height, factor, target.width, factor, target.channels]
      return [
        try factory.sum(
          out: dense(
            pointer(result), [count * target.height, target.width, target.channels]),
          of: dense(pointer(x), blocks), axes: [1, 3])
      ]
    default: return []
    }
  }
}

// MARK: - Dropout and batch norm

extension Binding {
  func dropout(_ attributes: DropoutAttributes, _ x: Value, _ result: Value) -> [KernelCall] {
    let shape = program.shape(of: result)
    let outer = plan.outerCounts[result.index]
    let channels = shape[shape.rank - 1]
    let positions = shape.count / (shape[0] * shape[1] * channels)
    if outer == shape[0] && plan.outerCounts[x.index] == outer && isPerReplica(x) {
      // [passes, replicas, examples, ..]: a pass's examples lie together.
      return [
        factory.dropout(
          draws(attributes, replicas, examples: shape[1]), x: pointer(x), y: pointer(result),
          positions: positions, channels: channels)
      ]
    }
    return replicas.enumerated().map { index, replica in
      factory.dropout(
        draws(attributes, replica..<(replica + 1), examples: shape[1]),
        x: pointer(x) + (isPerReplica(x) ? index * shape.count : 0),
        y: pointer(result) + index * shape.count, positions: positions, channels: channels)
    }
  }

  /// What the examples of `replicas` draw, `examples` of each.
  private func draws(
    _ attributes: DropoutAttributes, _ replicas: Range<Int>, examples: Int
  ) -> DropoutKernel {
    DropoutKernel(
      rate: attributes.rate, seed: seed,
      streams: attributes.streams.map { RandomStream(seed: seed, name: $0).identifier },
      firstExample: replicas.lowerBound * examples, examples: replicas.count * examples,
      perChannel: attributes.perChannel, step: step)
  }

  /// Batch norm or its gradient.
  func normalization(
    _ instruction: Instruction, _ attributes: BatchNormAttributes,
    _ unsupported: (String) -> ProgramError
  ) throws -> [KernelCall] {
    let (operands, results) = (instruction.operands, instruction.results)
    let x = operands[0]
    let isGradient = if case .batchNormGradient = instruction.operation { true } else { false }
    // All layouts of a single replica are the same.
    let others = isGradient ? [results[0], operands[1]] : [results[0]]
    guard
      width == 1 || others.allSatisfy({ plan.outerCounts[$0.index] == plan.outerCounts[x.index] })
    else { throw unsupported("the images are laid out differently") }
    let shape = program.shape(of: x)
    let all = try groups(x, attributes, unsupported)
    guard
      attributes.dropout == nil || attributes.axes.first == 1
        || (attributes.axes.first == 0 && shape[0] == 1)
    else { throw unsupported("dropout is drawn pass by pass") }
    // Dropout is drawn pass by pass: where a pass's replicas do not lie together, replica by replica.
    let parts = attributes.dropout == nil || plan.outerCounts[x.index] == shape[0] ? 1 : width
    let groups = KernelFactory.Groups(
      groups: all.groups / parts, rows: all.rows, columns: all.columns)
    return (0..<parts).map { part in
      func pointer(_ value: Value) -> UnsafeMutablePointer<Float> {
        self.pointer(value) + (isPerReplica(value) ? part * program.shape(of: value).count : 0)
      }
      let replica = replicas.lowerBound + part
      let draws = attributes.dropout.map {
        self.draws($0, replica..<(replica + 1), examples: shape[1])
      }
      guard isGradient else {
        return factory.batchNorm(
          x: pointer(x), gamma: pointer(operands[1]), beta: pointer(operands[2]),
          y: pointer(results[0]), mean: pointer(results[1]), variance: pointer(results[2]), groups,
          epsilon: attributes.epsilon, attributes.activation.kernel, dropout: draws)
      }
      return factory.batchNormGradient(
        dy: pointer(operands[0]), x: pointer(operands[1]), gamma: pointer(operands[2]),
        beta: operands.count > 5 ? UnsafePointer(pointer(operands[5])) : nil,
        mean: pointer(operands[3]), variance: pointer(operands[4]), dx: pointer(results[0]),
        dgamma: pointer(results[1]), dbeta: pointer(results[2]), bias: nil, groups,
        epsilon: attributes.epsilon, attributes.activation.kernel, dropout: draws)
    }
  }
}
