import Program

/// Builds a program anew from another one, instruction by instruction; a pass decides what becomes
/// of each.
struct ProgramRewrite {
  let source: ReplicaProgram
  let builder: ProgramBuilder
  private var replacements: [Value: Tensor] = [:]

  init(_ source: ReplicaProgram) {
    self.source = source
    builder = ProgramBuilder(rewriting: source)
  }

  /// What `value` of the source has become.
  func callAsFunction(_ value: Value) -> Tensor {
    guard let tensor = replacements[value] else {
      preconditionFailure("\(value) is used before the pass has replaced it")
    }
    return tensor
  }

  func callAsFunction(_ values: [Value]) -> [Tensor] { values.map { self($0) } }

  mutating func replace(_ value: Value, by tensor: Tensor) { replacements[value] = tensor }

  mutating func replace(_ values: [Value], by tensors: [Tensor]) {
    for (value, tensor) in zip(values, tensors) { replace(value, by: tensor) }
  }

  /// Appends the instruction as it is.
  mutating func copy(_ instruction: Instruction) {
    let results = builder.inLayer(path: instruction.layer) {
      builder.append(instruction.operation, self(instruction.operands))
    }
    replace(instruction.results, by: results)
  }

  /// The new program, with the source's outputs and updates, verified.
  func finish() throws(ProgramError) -> ReplicaProgram {
    for output in source.outputs { builder.output(output.name, self(output.value)) }
    for update in source.updates {
      switch update {
      case .assign(let variable, let value): builder.assign(variable, self(value))
      case .adam(let adam, let parameters, let gradients):
        builder.update(parameters, with: adam, gradients: self(gradients))
      }
    }
    return try builder.finish()
  }
}

extension ReplicaProgram {
  /// The instruction that defines each value, by the value's index.
  var definitions: [Value: Instruction] {
    var definitions: [Value: Instruction] = [:]
    for instruction in instructions {
      for result in instruction.results { definitions[result] = instruction }
    }
    return definitions
  }

  /// How often each value is read, outputs and updates included.
  package var useCounts: [Value: Int] {
    var counts: [Value: Int] = [:]
    for value in instructions.flatMap(\.operands) + roots { counts[value, default: 0] += 1 }
    return counts
  }

  /// The instructions that read each value, once for every operand that it is.
  var readers: [Value: [Instruction]] {
    var readers: [Value: [Instruction]] = [:]
    for instruction in instructions {
      for operand in instruction.operands { readers[operand, default: []].append(instruction) }
    }
    return readers
  }
}
