import Program

extension ReplicaProgram {
  /// A bias before a batch norm moves only the mean: batch norm of x + b normalises x, and its mean
  /// is that of x, plus b. Only where x is a transposed convolution, which takes no bias itself.
  func fusingBiasesIntoNormalizations() throws(ProgramError) -> ReplicaProgram {
    let (definitions, readers) = (definitions, readers)
    /// The bias that `value` is a transposed convolution plus, where only batch norm and its
    /// gradient read it.
    func biased(_ value: Value) -> (image: Value, bias: Value)? {
      guard let sum = definitions[value], sum.operation == .elementwise(.add),
        case .transposedConvolution? = definitions[sum.operands[0]]?.operation,
        shape(of: sum.operands[1]).rank == 1,
        type(of: sum.operands[1]).distribution == .replicated,
        !roots.contains(value),
        readers[value, default: []].allSatisfy({ reader in
          switch reader.operation {
          case .batchNorm: reader.operands[0] == value
          case .batchNormGradient: reader.operands[1] == value && reader.operands[0] != value
          default: false
          }
        })
      else { return nil }
      return (sum.operands[0], sum.operands[1])
    }
    var rewrite = ProgramRewrite(self)
    /// The mean without the bias, by the mean with it.
    var means: [Value: Tensor] = [:]
    for instruction in instructions {
      let builder = rewrite.builder
      var operands = rewrite(instruction.operands)
      switch instruction.operation {
      case .batchNorm:
        guard let (image, bias) = biased(instruction.operands[0]) else { break }
        operands[0] = rewrite(image)
        let (results, mean) = builder.inLayer(path: instruction.layer) {
          let results = builder.append(instruction.operation, operands)
          return (results, results[1] + rewrite(bias))
        }
        means[instruction.results[1]] = results[1]
        rewrite.replace(instruction.results, by: [results[0], mean, results[2]])
        continue
      case .batchNormGradient:
        guard let (image, _) = biased(instruction.operands[1]),
          let mean = means[instruction.operands[3]]
        else { break }
        operands[1] = rewrite(image)
        operands[3] = mean
        rewrite.replace(
          instruction.results,
          by: builder.inLayer(path: instruction.layer) {
            builder.append(instruction.operation, operands)
          })
        continue
      default: break
      }
      rewrite.copy(instruction)
    }
    return try rewrite.finish()
  }

  /// Batch norm takes in the activation after it, and the dropout after that; its gradient takes in
  /// theirs.
  func fusingNormalizations() throws(ProgramError) -> ReplicaProgram {
    let chains = normalizationChains()
    var rewrite = ProgramRewrite(self)
    for instruction in instructions {
      let builder = rewrite.builder
      func append(_ operation: Operation, _ operands: [Value]) -> [Tensor] {
        builder.inLayer(path: instruction.layer) { builder.append(operation, rewrite(operands)) }
      }
      switch instruction.operation {
      case .batchNorm(var attributes):
        guard let chain = chains.forward[instruction.results[0]] else { break }
        attributes.activation = chain.activation
        attributes.dropout = chain.dropout
        let results = append(.batchNorm(attributes), instruction.operands)
        rewrite.replace(instruction.results + [chain.result], by: results + [results[0]])
        continue
      case .batchNormGradient(var attributes):
        guard let gradient = chains.backward[instruction.operands[0]] else { break }
        attributes.activation = gradient.chain.activation
        attributes.dropout = gradient.chain.dropout
        rewrite.replace(
          instruction.results,
          by: append(
            .batchNormGradient(attributes),
            [gradient.cotangent] + instruction.operands.dropFirst() + [gradient.shift]))
        continue
      default:
        // What a chain has taken in is replaced with its batch norm, or read by nobody any more.
        if chains.absorbed.contains(instruction.results[0]) { continue }
      }
      rewrite.copy(instruction)
    }
    return try rewrite.finish()
  }

  private struct NormalizationChain {
    let activation: Activation
    var dropout: DropoutAttributes?
    /// The value that the chain ends in.
    var result: Value
  }

  private struct NormalizationChains {
    /// By the normalised value.
    var forward: [Value: NormalizationChain] = [:]
    /// By the cotangent of the normalised value: that of the chain's result, and β.
    var backward: [Value: (chain: NormalizationChain, cotangent: Value, shift: Value)] = [:]
    /// The results of instructions that the chains take in.
    var absorbed: Set<Value> = []
  }

  private func normalizationChains() -> NormalizationChains {
    let (definitions, readers, roots) = (definitions, readers, Set(roots))
    var chains = NormalizationChains()
    /// The only instruction that reads a value.
    func soleReader(_ value: Value) -> Instruction? {
      let all = readers[value, default: []]
      return all.count == 1 && !roots.contains(value) ? all[0] : nil
    }
    /// What `value` is a dropout of, where it is one and has a single reader.
    func droppedCotangent(_ value: Value, _ dropout: DropoutAttributes) -> Value? {
      guard soleReader(value) != nil, let definition = definitions[value],
        definition.operation == .dropout(dropout)
      else { return nil }
      return definition.operands[0]
    }
    for norm in instructions {
      guard case .batchNorm(let attributes) = norm.operation, attributes.activation == .identity,
        let next = soleReader(norm.results[0]), case .elementwise(let function) = next.operation,
        let activation = Activation(function: function)
      else { continue }
      let activated = next.results[0]
      var chain = NormalizationChain(activation: activation, dropout: nil, result: activated)

      // The way back: cotangent → dropout → activation's gradient → batch norm's gradient.
      var others = readers[activated, default: []]
      let gradients = others.filter { reader in
        guard case .elementwise(let function) = reader.operation,
          Activation(gradientFunction: function) == activation, reader.operands[1] == activated,
          reader.operands[0] != activated, shape(of: reader.operands[0]) == shape(of: activated),
          let last = soleReader(reader.results[0]), case .batchNormGradient = last.operation
        else { return false }
        return last.operands[0] == reader.results[0] && last.operands[1] == norm.operands[0]
      }
      others.removeAll { gradients.contains($0) }
      if others.count == 1, !roots.contains(activated),
        case .dropout(let dropout) = others[0].operation,
        gradients.allSatisfy({ droppedCotangent($0.operands[0], dropout) != nil })
      {
        chain.dropout = dropout
        chain.result = others[0].results[0]
        chains.absorbed.insert(chain.result)
      }
      chains.absorbed.insert(activated)
      chains.forward[norm.results[0]] = chain
      for gradient in gradients {
        var cotangent = gradient.operands[0]
        if let dropout = chain.dropout,
          let source = droppedCotangent(cotangent, dropout)
        {
          chains.absorbed.insert(cotangent)
          cotangent = source
        }
        chains.absorbed.insert(gradient.results[0])
        chains.backward[gradient.results[0]] = (chain, cotangent, norm.operands[2])
      }
    }
    return chains
  }
}
