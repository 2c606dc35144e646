import Program

extension ReplicaProgram {
  /// Joins what one kernel does at once:
  ///
  /// - product, bias and activation become `dense`;
  /// - batch norm and the activation after it become one, and so do their gradients;
  /// - an activation's gradient and the bias gradient that sums it become `activation_gradient_bias`;
  /// - a weight gradient and its average become `reduced_product`: one product over the rows of all replicas. The
  ///   gradient of each replica stays where something else reads it.
  ///
  /// - Complexity: O(instructions)
  package func fused() throws(ProgramError) -> ReplicaProgram {
    try fusingForward().fusingBackward().eliminatingDeadCode()
  }

  private func fusingForward() throws(ProgramError) -> ReplicaProgram {
    let (definitions, uses) = (definitions, useCounts)
    /// The instruction that defines `value`, where nothing else reads it.
    func soleDefinition(_ value: Value) -> Instruction? {
      uses[value] == 1 ? definitions[value] : nil
    }
    // A normalised value that only an activation reads.
    var activations: [Value: (activation: Activation, result: Value)] = [:]
    for instruction in instructions {
      if case .elementwise(let function) = instruction.operation,
        let activation = Activation(function: function),
        let norm = soleDefinition(instruction.operands[0]),
        case .batchNorm(let attributes) = norm.operation, attributes.activation == .identity,
        norm.results[0] == instruction.operands[0]
      {
        activations[instruction.operands[0]] = (activation, instruction.results[0])
      }
    }

    var rewrite = ProgramRewrite(self)
    for instruction in instructions {
      let builder = rewrite.builder
      switch instruction.operation {
      case .batchNorm(var attributes):
        if let next = activations[instruction.results[0]] {
          attributes.activation = next.activation
          let results = builder.inLayer(path: instruction.layer) {
            builder.append(.batchNorm(attributes), rewrite(instruction.operands))
          }
          rewrite.replace(instruction.results + [next.result], by: results + [results[0]])
          continue
        }
      case .elementwise(let function):
        if activations[instruction.operands[0]] != nil {
          continue  // replaced with the batch norm
        }
        let activation = Activation(function: function)
        let sum = activation == nil ? instruction : soleDefinition(instruction.operands[0])
        if let sum, let operands = denseOperands(sum, soleDefinition) {
          let results = builder.inLayer(path: sum.layer) {
            builder.append(.dense(activation ?? .identity), rewrite(operands))
          }
          rewrite.replace(instruction.results, by: results)
          continue
        }
      default: break
      }
      rewrite.copy(instruction)
    }
    return try rewrite.finish().eliminatingDeadCode()
  }

  /// The operands (x, kernel, bias) of the dense layer that the sum `instruction` ends, if it ends
  /// one.
  private func denseOperands(
    _ instruction: Instruction, _ soleDefinition: (Value) -> Instruction?
  ) -> [Value]? {
    guard instruction.operation == .elementwise(.add) else { return nil }
    let (sum, bias) = (instruction.operands[0], instruction.operands[1])
    guard let product = soleDefinition(sum), product.operation == .product(.plain),
      type(of: product.operands[1]).distribution == .replicated,
      type(of: bias).distribution == .replicated,
      shape(of: bias) == [shape(of: product.operands[1])[1]]
    else { return nil }
    return product.operands + [bias]
  }

  private func fusingBackward() throws(ProgramError) -> ReplicaProgram {
    let (definitions, uses) = (definitions, useCounts)
    var rewrite = ProgramRewrite(self)

    // An activation's gradient that is summed over its rows gets its bias gradient with it.
    var summed: [Value: Value] = [:]
    for instruction in instructions {
      if case .sum(let axes) = instruction.operation,
        axes == Array(0..<(shape(of: instruction.operands[0]).rank - 1))
      {
        summed[instruction.operands[0]] = instruction.results[0]
      }
    }

    for instruction in instructions {
      let builder = rewrite.builder
      func append(_ operation: Operation, _ operands: [Tensor]) -> [Tensor] {
        builder.inLayer(path: instruction.layer) { builder.append(operation, operands) }
      }
      switch instruction.operation {
      case .elementwise(let function):
        if let activation = Activation(gradientFunction: function),
          let sum = summed[instruction.results[0]],
          instruction.operands.allSatisfy({ shape(of: $0) == shape(of: instruction.results[0]) })
        {
          let results = append(
            .activationGradientBias(activation), rewrite(instruction.operands))
          rewrite.replace([instruction.results[0], sum], by: results)
          continue
        }
      case .sum where summed.values.contains(instruction.results[0]):
        if let inner = definitions[instruction.operands[0]],
          case .elementwise(let function) = inner.operation,
          Activation(gradientFunction: function) != nil,
          inner.operands.allSatisfy({ shape(of: $0) == shape(of: inner.results[0]) })
        {
          continue  // replaced with the activation's gradient
        }
      case .batchNormGradient(var attributes):
        if attributes.activation == .identity,
          let inner = definitions[instruction.operands[0]], uses[inner.results[0]] == 1,
          case .elementwise(let function) = inner.operation,
          let activation = Activation(gradientFunction: function),
          shape(of: inner.operands[0]) == shape(of: inner.results[0]),
          let norm = definitions[inner.operands[1]], case .batchNorm(let forward) = norm.operation,
          forward.activation == activation, norm.results[0] == inner.operands[1],
          norm.operands[0] == instruction.operands[1]
        {
          attributes.activation = activation
          rewrite.replace(
            instruction.results,
            by: append(
              .batchNormGradient(attributes),
              rewrite([inner.operands[0]] + instruction.operands.dropFirst() + [inner.operands[1]])
            ))
          continue
        }
      case .allReduce(let reduction):
        if let inner = definitions[instruction.operands[0]],
          inner.operation == .product(.transposedLeft),
          inner.operands.allSatisfy({ type(of: $0).distribution == .perReplica })
        {
          let averaged = builder.inLayer(path: inner.layer) {
            builder.append(.reducedProduct(reduction), rewrite(inner.operands))
          }
          rewrite.replace(instruction.results, by: averaged)
          continue
        }
      default: break
      }
      rewrite.copy(instruction)
    }
    return try rewrite.finish()
  }
}
