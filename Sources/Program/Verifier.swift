extension ReplicaProgram {
  /// Checks the whole program anew, whoever made it: every pass's result goes through here.
  ///
  /// - Throws: `ProgramError.constraint`; the constraints are numbered in `docs/operations.md`.
  /// - Complexity: O(instructions · variables)
  package func verify() throws(ProgramError) {
    func failure(
      _ constraint: Constraint, _ operation: String, _ layer: String, _ detail: String,
      _ values: [Value] = []
    ) -> ProgramError {
      .constraint(
        constraint, operation: operation, layer: layer,
        operands: values.filter { types.indices.contains($0.index) }.map(type(of:)), detail: detail)
    }

    var names: Set<String> = []
    for variable in variables where !names.insert(variable.name).inserted {
      throw failure(.variables, "variable", variable.name, "\"\(variable.name)\" is declared twice")
    }
    for variable in variables {
      // The rules of a read hold for every declaration.
      _ = try Operation.variable(name: variable.name)
        .resultTypes(of: [], variables: [variable], layer: variable.name)
      if !variable.initial.isFinite {
        throw failure(
          .numbers, "variable", variable.name, "the initial value is not finite")
      }
    }
    for variable in variables
    where variable.role == .parameter && variable.type.distribution == .perReplica {
      throw failure(
        .distribution, "variable", variable.name, "a parameter must be the same in every replica")
    }

    var defined: Set<Value> = []
    var streams: Set<String> = []
    var dropouts: [String: DropoutDraw] = [:]
    var inputs: Set<String> = []
    for instruction in instructions {
      let operation = instruction.operation
      for operand in instruction.operands where !defined.contains(operand) {
        throw failure(
          .singleAssignment, operation.mnemonic, instruction.layer,
          "\(operand) is used before it is defined")
      }
      let inferred = try operation.resultTypes(
        of: instruction.operands.map(type(of:)), variables: variables, layer: instruction.layer)
      let fits =
        inferred.count == instruction.results.count
        && zip(inferred, instruction.results).allSatisfy { type, result in
          types.indices.contains(result.index) && types[result.index] == type
        }
      guard fits else {
        throw failure(
          .singleAssignment, operation.mnemonic, instruction.layer,
          "the results must have the types \(inferred.map(\.description).joined(separator: ", "))",
          instruction.operands)
      }
      for result in instruction.results where !defined.insert(result).inserted {
        throw failure(
          .singleAssignment, operation.mnemonic, instruction.layer, "\(result) is defined twice")
      }
      if case .random(_, let stream, _) = operation,
        !streams.insert(stream).inserted || dropouts[stream] != nil
      {
        throw failure(
          .streams, operation.mnemonic, instruction.layer,
          "the stream \"\(stream)\" is drawn from twice")
      }
      if let dropout = operation.dropout {
        let draw = DropoutDraw(
          rate: dropout.rate, perChannel: dropout.perChannel,
          example: dropout.decided(of: shape(of: instruction.operands[0])))
        for stream in dropout.streams
        where streams.contains(stream) || dropouts.updateValue(draw, forKey: stream) ?? draw != draw
        {
          throw failure(
            .streams, operation.mnemonic, instruction.layer,
            "the stream \"\(stream)\" is drawn from twice, differently")
        }
      }
      if case .input(let name, _) = operation, !inputs.insert(name).inserted {
        throw failure(
          .streams, operation.mnemonic, instruction.layer, "the input \"\(name)\" is read twice")
      }
    }

    for root in roots where !defined.contains(root) {
      throw failure(.singleAssignment, "output", "", "\(root) is not defined")
    }
    try verifyUpdates(failure: failure)
  }

  private func verifyUpdates(
    failure: (Constraint, String, String, String, [Value]) -> ProgramError
  ) throws(ProgramError) {
    var updated: Set<String> = []
    func check(_ name: String, takes value: Value, _ operation: String) throws(ProgramError) {
      guard let variable = variable(named: name) else {
        throw failure(.variables, operation, name, "no variable is named \"\(name)\"", [value])
      }
      guard variable.type.shape == shape(of: value) else {
        throw failure(
          .updates, operation, name, "a value of shape \(variable.type.shape) is expected", [value])
      }
      guard
        variable.type.distribution == .perReplica || type(of: value).distribution == .replicated
      else {
        throw failure(
          .distribution, operation, name,
          "the value differs between replicas, the variable does not", [value])
      }
      guard updated.insert(name).inserted else {
        throw failure(.updates, operation, name, "\"\(name)\" is updated twice", [value])
      }
    }
    for update in updates {
      switch update {
      case .assign(let variable, let value): try check(variable, takes: value, "assign")
      case .adam(let adam, let parameters, let gradients):
        guard adam.isUsable else {
          throw failure(.numbers, "adam", "", "\(adam) cannot be computed with", [])
        }
        guard parameters.count == gradients.count else {
          throw failure(
            .operandCount, "adam", "",
            "\(parameters.count) parameters have \(gradients.count) gradients", [])
        }
        for (parameter, gradient) in zip(parameters, gradients) {
          try check(parameter, takes: gradient, "adam")
        }
      }
    }
  }
}

/// What decides the numbers that a dropout draws from a stream.
private struct DropoutDraw: Equatable {
  let rate: Double
  let perChannel: Bool
  let example: [Int]
}

extension DropoutAttributes {
  /// The axes of an operand, but for the passes, along which decisions are made.
  fileprivate func decided(of shape: Shape) -> [Int] {
    perChannel ? [shape[1], shape[shape.rank - 1]] : Array(shape.dimensions.dropFirst())
  }
}

extension Operation {
  fileprivate var dropout: DropoutAttributes? {
    switch self {
    case .dropout(let dropout): dropout
    case .batchNorm(let norm), .batchNormGradient(let norm): norm.dropout
    default: nil
    }
  }
}
