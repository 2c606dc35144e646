import Program

extension ReplicaProgram {
  /// Replaces every `gradient` by the instructions that compute it, in reverse order of the forward
  /// pass, so that a gradient is again a program: a later `gradient` may differentiate an earlier
  /// one.
  ///
  /// - Throws: `ProgramError.noGradient` where the rule table ends.
  /// - Complexity: O(gradients · instructions)
  package func expandingGradients() throws(ProgramError) -> ReplicaProgram {
    var rewrite = ProgramRewrite(self)
    for instruction in instructions {
      if instruction.operation == .gradient {
        let operands = rewrite(instruction.operands)
        rewrite.replace(
          instruction.results,
          by: try reverseAccumulation(of: operands[0], withRespectTo: Array(operands.dropFirst())))
      } else {
        rewrite.copy(instruction)
      }
    }
    return try rewrite.finish()
  }
}

/// Appends d target / d sources to the target's program.
private func reverseAccumulation(
  of target: Tensor, withRespectTo sources: [Tensor]
) throws(ProgramError) -> [Tensor] {
  let builder = target.builder
  let forward = builder.program.instructions

  // Only values that depend on a source need a cotangent.
  var active = Set(sources.map(\.value))
  for instruction in forward where instruction.operands.contains(where: active.contains) {
    if instruction.operation == .stopGradient { continue }
    active.formUnion(instruction.results)
  }

  var cotangents: [Value: Tensor] = [:]
  func accumulate(_ cotangent: Tensor, into value: Value) {
    cotangents[value] = cotangents[value].map { $0 + cotangent } ?? cotangent
  }
  accumulate(builder.inLayer(path: "") { builder.constant(1) }, into: target.value)

  for instruction in forward.reversed() {
    let incoming = instruction.results.map { cotangents[$0] }
    let needed = instruction.operands.map(active.contains)
    guard incoming.contains(where: { $0 != nil }), needed.contains(true) else { continue }
    let outgoing: [Tensor?] = try builder.inLayer(path: instruction.layer) {
      Result { () throws(ProgramError) in
        try GradientRule(instruction, builder).cotangents(of: incoming, needed: needed)
      }
    }.get()
    for (operand, cotangent) in zip(instruction.operands, outgoing) {
      if let cotangent, active.contains(operand) { accumulate(cotangent, into: operand) }
    }
  }
  return sources.map { source in
    // A cotangent may still be the scalar seed, or a source may not matter at all.
    (cotangents[source.value] ?? builder.constant(0)).broadcast(to: source.shape)
  }
}

/// The rule table: from an operation and the cotangents of its results to those of its operands.
private struct GradientRule {
  let operation: Operation
  let layer: String
  let operands: [Tensor]
  let results: [Tensor]

  init(_ instruction: Instruction, _ builder: ProgramBuilder) {
    operation = instruction.operation
    layer = instruction.layer
    operands = instruction.operands.map { Tensor(value: $0, builder: builder) }
    results = instruction.results.map { Tensor(value: $0, builder: builder) }
  }

  func cotangents(of incoming: [Tensor?], needed: [Bool]) throws(ProgramError) -> [Tensor?] {
    if case .batchNorm(let attributes) = operation {
      return try batchNorm(attributes, incoming)
    }
    guard incoming.count == 1, let c = incoming[0] else { throw none }
    switch operation {
    case .elementwise(let function):
      let outgoing = elementwise(function, c)
      return zip(zip(outgoing, operands), needed).map { pair, needed in
        needed ? pair.0?.summed(to: pair.1.shape) : nil
      }
    case .product(let form): return product(form, c.broadcast(to: results[0].shape), needed)
    case .sum(let axes):
      var kept = operands[0].shape
      for axis in axes { kept.dimensions[axis] = 1 }
      let full = c.broadcast(to: results[0].shape)
      return [full.reshaped(kept).broadcast(to: operands[0].shape)]
    case .broadcast: return [c.broadcast(to: results[0].shape).summed(to: operands[0].shape)]
    case .reshape: return [c.broadcast(to: results[0].shape).reshaped(operands[0].shape)]
    case .transpose(let permutation):
      let inverse = permutation.indices.map { axis in
        permutation.firstIndex(of: axis) ?? axis
      }
      return [c.broadcast(to: results[0].shape).transposed(inverse)]
    case .pad(let low, _):
      let to = zip(low, operands[0].shape.dimensions).map { $0 + $1 }
      return [c.broadcast(to: results[0].shape).slice(from: low, to: to)]
    case .slice(let from, let to):
      let high = zip(operands[0].shape.dimensions, to).map { $0 - $1 }
      return [c.broadcast(to: results[0].shape).padded(low: from, high: high)]
    case .concatenate(let axis): return concatenate(axis, c.broadcast(to: results[0].shape), needed)
    case .convolution, .transposedConvolution, .kernelGradient:
      return convolution(full(c), needed)
    case .resize(let method, _, _):
      let (height, width) = operands[0].imageSize
      return [full(c).image(.resizeGradient(method, height: height, width: width))]
    case .resizeGradient(let method, _, _):
      let (height, width) = operands[0].imageSize
      return [full(c).resized(method, height: height, width: width)]
    case .upscale(let factor): return [full(c).image(.upscaleGradient(factor: factor))]
    case .upscaleGradient(let factor): return [full(c).upscaled(by: factor)]
    case .averagePool(let pool):
      let (height, width) = operands[0].imageSize
      return [full(c).image(.averagePoolGradient(pool, height: height, width: width))]
    case .averagePoolGradient(let pool, _, _): return [full(c).averagePooled(pool)]
    case .dropout(let dropout): return [full(c).dropout(dropout)]
    case .allReduce(let reduction):
      // Every replica's operand enters every replica's result, and the objective is the replicas'
      // mean.
      if c.type.distribution == .perReplica { return [c.allReduce(reduction)] }
      guard reduction == .mean else { throw none }
      return [c]
    default: throw none
    }
  }

  private var none: ProgramError { .noGradient(operation: operation.mnemonic, layer: layer) }

  /// The cotangents before they are summed over broadcast axes; nil where the derivative is zero
  /// almost everywhere.
  private func elementwise(_ function: Elementwise, _ c: Tensor) -> [Tensor?] {
    let (a, b, y) = (operands[0], operands[operands.count - 1], results[0])
    let zero = 0.0
    switch function {
    case .negate: return [-c]
    case .exp: return [c * y]
    case .log: return [c / a]
    case .squareRoot: return [c * 0.5 / y]
    case .square: return [c * (a * 2)]
    case .absolute:
      let sign =
        a.apply(.greater, a.builder.constant(0)) - (zero - a).apply(.greater, a.builder.constant(0))
      return [c * sign]
    case .tanh: return [full(c).apply(.tanhGradient, y)]
    case .sigmoid: return [full(c).apply(.sigmoidGradient, y)]
    case .leakyReLU(let slope): return [full(c).apply(.leakyReLUGradient(slope: slope), y)]
    case .clamp(let low, let high):
      return [full(c).apply(.clampGradient(low: low, high: high), a)]
    case .add: return [c, c]
    case .subtract: return [c, -c]
    case .multiply: return [c * b, c * a]
    case .divide: return [c / b, -(c * y / b)]
    case .maximum:
      let first = a.apply(.greater, b)
      return [c * first, c * (1 - first)]
    case .minimum:
      let second = a.apply(.greater, b)
      return [c * (1 - second), c * second]
    case .greater: return [nil, nil]
    case .tanhGradient: return [full(c).apply(.tanhGradient, b), c * a * (b * -2)]
    case .sigmoidGradient: return [full(c).apply(.sigmoidGradient, b), c * a * (1 - b * 2)]
    case .leakyReLUGradient(let slope):
      return [full(c).apply(.leakyReLUGradient(slope: slope), b), nil]
    case .clampGradient(let low, let high):
      return [full(c).apply(.clampGradient(low: low, high: high), b), nil]
    }
  }

  private func full(_ cotangent: Tensor) -> Tensor { cotangent.broadcast(to: results[0].shape) }

  private func product(_ form: ProductForm, _ c: Tensor, _ needed: [Bool]) -> [Tensor?] {
    let (x, y) = (operands[0], operands[1])
    let pair: (() -> Tensor, () -> Tensor) =
      switch form {
      case .plain: ({ c.product(y, .transposedRight) }, { x.product(c, .transposedLeft) })
      case .transposedRight: ({ c.product(y, .plain) }, { c.product(x, .transposedLeft) })
      case .transposedLeft: ({ y.product(c, .transposedRight) }, { x.product(c, .plain) })
      }
    return [needed[0] ? pair.0() : nil, needed[1] ? pair.1() : nil]
  }

  /// The three forms of one bilinear map: each operand's cotangent is the form that its two others
  /// give.
  private func convolution(_ c: Tensor, _ needed: [Bool]) -> [Tensor?] {
    let (a, b) = (operands[0], operands[1])
    switch operation {
    case .convolution(let attributes):
      let (height, width) = a.imageSize
      return [
        needed[0] ? c.transposedConvolution(b, attributes, height: height, width: width) : nil,
        needed[1] ? a.kernelGradient(c, attributes, of: b.shape) : nil,
      ]
    case .transposedConvolution(let attributes, _, _):
      return [
        needed[0] ? c.convolution(b, attributes) : nil,
        needed[1] ? c.kernelGradient(a, attributes, of: b.shape) : nil,
      ]
    case .kernelGradient(let attributes, _, _):
      let (height, width) = a.imageSize
      return [
        needed[0] ? b.transposedConvolution(c, attributes, height: height, width: width) : nil,
        needed[1] ? a.convolution(c, attributes) : nil,
      ]
    default: return []
    }
  }

  private func concatenate(_ axis: Int, _ c: Tensor, _ needed: [Bool]) -> [Tensor?] {
    var start = 0
    return zip(operands, needed).map { operand, needed in
      var from = operand.shape.dimensions.map { _ in 0 }
      var to = operand.shape.dimensions
      from[axis] = start
      to[axis] = start + operand.shape[axis]
      start = to[axis]
      return needed ? c.slice(from: from, to: to) : nil
    }
  }

  /// The batch's statistics are treated as what they are, functions of x; but the results mean and
  /// variance themselves must not matter to the target.
  private func batchNorm(
    _ attributes: BatchNormAttributes, _ incoming: [Tensor?]
  ) throws(ProgramError) -> [Tensor?] {
    guard let c = incoming[0], incoming[1] == nil, incoming[2] == nil,
      attributes.activation == .identity
    else { throw none }
    let outgoing = c.builder.append(
      .batchNormGradient(attributes), [full(c), operands[0], operands[1], results[1], results[2]])
    return [outgoing[0]]
      + [outgoing[1], outgoing[2]].map { $0.summed(to: operands[1].shape) }
  }
}

extension Tensor {
  /// The transpose of broadcasting from `shape` to this tensor's shape: the sum over the repeated
  /// axes.
  fileprivate func summed(to shape: Shape) -> Tensor {
    guard let common = self.shape.broadcast(with: shape), common != shape || self.shape != shape
    else { return self }
    // A cotangent smaller than its operand, such as the scalar seed, counts once for each element.
    let full = broadcast(to: common)
    let repeated = shape.repeatedAxes(in: common)
    return full.sum(axes: repeated).reshaped(shape)
  }
}

extension Tensor {
  fileprivate var imageSize: (height: Int, width: Int) {
    (shape[shape.rank - 3], shape[shape.rank - 2])
  }

  /// An operation of one image.
  fileprivate func image(_ operation: Operation) -> Tensor { builder.append(operation, [self])[0] }

  fileprivate func kernelGradient(
    _ cotangent: Tensor, _ attributes: ConvolutionAttributes, of kernel: Shape
  ) -> Tensor {
    builder.append(
      .kernelGradient(attributes, height: kernel[0], width: kernel[1]), [self, cotangent])[0]
  }
}
