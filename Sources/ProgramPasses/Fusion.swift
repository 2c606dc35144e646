import Program

/// What fusion may join. Each can be left out: the program then computes the same, apart from
/// rounding.
package struct Fusions: OptionSet, Hashable, Sendable {
  package let rawValue: Int
  package init(rawValue: Int) { self.rawValue = rawValue }

  /// Upscaling by 2 and a 3×3 convolution become one transposed convolution.
  package static let upscaledConvolution = Fusions(rawValue: 1)
  /// A product or convolution, its bias and its activation become one.
  package static let biasActivation = Fusions(rawValue: 2)
  /// Batch norm, the activation and the dropout after it become one, and so do their gradients; a
  /// bias before it moves only its mean.
  package static let normalization = Fusions(rawValue: 4)
  /// An activation's gradient and the bias gradient that sums it become one.
  package static let biasGradient = Fusions(rawValue: 8)
  /// A weight gradient and its average become one product over the rows of all replicas. The
  /// gradient of each replica stays where something else reads it.
  package static let reducedProduct = Fusions(rawValue: 16)

  package static let all: Fusions = [
    .upscaledConvolution, .biasActivation, .normalization, .biasGradient, .reducedProduct,
  ]
}

extension ReplicaProgram {
  /// Joins what one kernel does at once: see `Fusions`.
  ///
  /// - Complexity: O(instructions)
  package func fused(_ fusions: Fusions = .all) throws(ProgramError) -> ReplicaProgram {
    var program = self
    if fusions.contains(.upscaledConvolution) {
      program = try program.fusingUpscaledConvolutions().eliminatingDeadCode()
    }
    if fusions.contains(.normalization) {
      program = try program.fusingBiasesIntoNormalizations().eliminatingDeadCode()
      program = try program.fusingNormalizations().eliminatingDeadCode()
    }
    if fusions.contains(.biasActivation) {
      program = try program.fusingBiasActivations().eliminatingDeadCode()
    }
    if fusions.contains(.biasGradient) { program = try program.fusingBiasGradients() }
    if fusions.contains(.reducedProduct) { program = try program.fusingReducedProducts() }
    return try program.eliminatingDeadCode()
  }

  // MARK: Bias and activation

  private func fusingBiasActivations() throws(ProgramError) -> ReplicaProgram {
    let (definitions, uses) = (definitions, useCounts)
    /// The instruction that defines `value`, where nothing else reads it.
    func soleDefinition(_ value: Value) -> Instruction? {
      uses[value] == 1 ? definitions[value] : nil
    }
    var rewrite = ProgramRewrite(self)
    for instruction in instructions {
      if case .elementwise(let function) = instruction.operation {
        let activation = Activation(function: function)
        let sum = activation == nil ? instruction : soleDefinition(instruction.operands[0])
        if let sum, let (linear, bias) = biasedLinearMap(sum, soleDefinition),
          let operation = linear.operation.biased(activation ?? .identity)
        {
          let results = rewrite.builder.inLayer(path: sum.layer) {
            rewrite.builder.append(operation, rewrite(linear.operands + [bias]))
          }
          rewrite.replace(instruction.results, by: results)
          continue
        }
      }
      rewrite.copy(instruction)
    }
    return try rewrite.finish()
  }

  /// The product or convolution and the bias whose sum `instruction` is, if it is one.
  private func biasedLinearMap(
    _ instruction: Instruction, _ soleDefinition: (Value) -> Instruction?
  ) -> (Instruction, bias: Value)? {
    guard instruction.operation == .elementwise(.add) else { return nil }
    let (sum, bias) = (instruction.operands[0], instruction.operands[1])
    guard let linear = soleDefinition(sum), linear.operation.biased(.identity) != nil,
      type(of: linear.operands[1]).distribution == .replicated,
      type(of: bias).distribution == .replicated,
      let features = shape(of: linear.operands[1]).dimensions.last, shape(of: bias) == [features]
    else { return nil }
    return (linear, bias)
  }

  // MARK: Gradients

  private func fusingBiasGradients() throws(ProgramError) -> ReplicaProgram {
    let definitions = definitions
    // An activation's gradient that is summed over its rows gets its bias gradient with it.
    var summed: [Value: Value] = [:]
    for instruction in instructions {
      if case .sum(let axes) = instruction.operation,
        axes == Array(0..<(shape(of: instruction.operands[0]).rank - 1)),
        let inner = definitions[instruction.operands[0]], activationGradient(inner) != nil
      {
        summed[instruction.operands[0]] = instruction.results[0]
      }
    }
    let sums = Set(summed.values)
    var rewrite = ProgramRewrite(self)
    for instruction in instructions where !sums.contains(instruction.results[0]) {
      if let activation = activationGradient(instruction),
        let sum = summed[instruction.results[0]]
      {
        let results = rewrite.builder.inLayer(path: instruction.layer) {
          rewrite.builder.append(
            .activationGradientBias(activation), rewrite(instruction.operands))
        }
        rewrite.replace([instruction.results[0], sum], by: results)
      } else {
        rewrite.copy(instruction)
      }
    }
    return try rewrite.finish()
  }

  /// The activation whose gradient the instruction computes from each replica's own operands of one
  /// shape, if it does. A linear loss with constant weights has a gradient that all replicas share.
  private func activationGradient(_ instruction: Instruction) -> Activation? {
    guard case .elementwise(let function) = instruction.operation,
      let activation = Activation(gradientFunction: function),
      instruction.operands.allSatisfy({
        type(of: $0) == TensorType(shape(of: instruction.results[0]), .perReplica)
      })
    else { return nil }
    return activation
  }

  private func fusingReducedProducts() throws(ProgramError) -> ReplicaProgram {
    let definitions = definitions
    var rewrite = ProgramRewrite(self)
    for instruction in instructions {
      if case .allReduce(let reduction) = instruction.operation,
        let inner = definitions[instruction.operands[0]],
        inner.operation == .product(.transposedLeft),
        inner.operands.allSatisfy({ type(of: $0).distribution == .perReplica })
      {
        let averaged = rewrite.builder.inLayer(path: inner.layer) {
          rewrite.builder.append(.reducedProduct(reduction), rewrite(inner.operands))
        }
        rewrite.replace(instruction.results, by: averaged)
      } else {
        rewrite.copy(instruction)
      }
    }
    return try rewrite.finish()
  }
}

extension Operation {
  /// The operation followed by a bias and an activation, where one kernel does that.
  fileprivate func biased(_ activation: Activation) -> Operation? {
    switch self {
    case .product(.plain): .dense(activation)
    case .convolution(let attributes): .biasedConvolution(attributes, activation)
    default: nil
    }
  }
}
