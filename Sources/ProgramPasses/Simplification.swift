import Program

extension ReplicaProgram {
  /// Algebra that costs nothing at run time: constants are folded, reshapes merged, broadcasts left
  /// to the operation that reads them, and slices moved towards the inputs, so that the gradient of
  /// one pass through a merged discriminator is a product over that pass's rows only.
  ///
  /// - Complexity: O(instructions) a round, until nothing changes
  package func simplified() throws(ProgramError) -> ReplicaProgram {
    var program = self
    while true {
      let next = try program.simplifiedOnce().eliminatingDeadCode()
      if next == program { return next }
      program = next
    }
  }

  private func simplifiedOnce() throws(ProgramError) -> ReplicaProgram {
    let uses = useCounts
    var rewrite = ProgramRewrite(self)
    // Values of the new program that had a single reader in the old one, and may be recomputed in
    // another form.
    var readOnce: Set<Value> = []
    for instruction in instructions {
      let operands = rewrite(instruction.operands)
      let builder = rewrite.builder
      let simplification = builder.inLayer(path: instruction.layer) {
        Simplification(
          operation: instruction.operation, operands: operands, readOnce: readOnce,
          definitions: { value in builder.program.definition(of: value) }
        ).result(shape: shape(of: instruction.results[0]))
      }
      if let simplification {
        rewrite.replace(instruction.results[0], by: simplification)
      } else {
        rewrite.copy(instruction)
      }
      for result in instruction.results where uses[result] == 1 {
        readOnce.insert(rewrite(result).value)
      }
    }
    return try rewrite.finish()
  }

  /// The instruction that defines `value`, looked for from the end, where it mostly is.
  private func definition(of value: Value) -> Instruction? {
    instructions.last { $0.results.contains(value) }
  }
}

/// The rewrite of one instruction, if there is a simpler form.
struct Simplification {
  let operation: Operation
  let operands: [Tensor]
  let readOnce: Set<Value>
  let definitions: (Value) -> Instruction?

  func result(shape: Shape) -> Tensor? {
    switch operation {
    case .elementwise(let function): elementwise(function, shape)
    case .reshape(let shape): reshape(shape)
    case .broadcast(let shape): operands[0].shape == shape ? operands[0] : nil
    case .slice(let from, let to): slice(from, to)
    case .sum(let axes): sumOfProduct(axes)
    default: nil
    }
  }

  func definition(_ tensor: Tensor) -> (operation: Operation, operands: [Tensor])? {
    definitions(tensor.value).map { instruction in
      (
        instruction.operation,
        instruction.operands.map { Tensor(value: $0, builder: tensor.builder) }
      )
    }
  }

  /// The number that a scalar constant is.
  private func constant(_ tensor: Tensor) -> Double? {
    if case .constant(let number, []) = definition(tensor)?.operation { number } else { nil }
  }

  private func elementwise(_ function: Elementwise, _ shape: Shape) -> Tensor? {
    let constants = operands.map(constant)
    if let folded = fold(function, constants) { return operands[0].builder.constant(folded) }
    if operands.count == 2 {
      switch (function, constants[0], constants[1]) {
      case (.multiply, 1, _) where operands[1].shape == shape: return operands[1]
      case (.multiply, _, 1) where operands[0].shape == shape,
        (.divide, _, 1) where operands[0].shape == shape:
        return operands[0]
      default: break
      }
    }
    // a + broadcast(b) is a + b where a has the full shape already.
    for (position, operand) in operands.enumerated() where operands.count == 2 {
      guard case (.broadcast, let inner)? = definition(operand) else { continue }
      let other = operands[1 - position]
      guard inner[0].shape.broadcast(with: other.shape) == shape else { continue }
      return position == 0
        ? inner[0].apply(function, other) : other.apply(function, inner[0])
    }
    return nil
  }

  private func fold(_ function: Elementwise, _ constants: [Double?]) -> Double? {
    let numbers = constants.compactMap { $0 }
    guard numbers.count == constants.count else { return nil }
    let folded: Double? =
      switch function {
      case .negate: -numbers[0]
      case .add: numbers[0] + numbers[1]
      case .subtract: numbers[0] - numbers[1]
      case .multiply: numbers[0] * numbers[1]
      case .divide: numbers[0] / numbers[1]
      default: nil
      }
    return folded.flatMap { $0.isFinite ? $0 : nil }
  }

  private func reshape(_ shape: Shape) -> Tensor? {
    if operands[0].shape == shape { return operands[0] }
    if case (.reshape, let inner)? = definition(operands[0]) { return inner[0].reshaped(shape) }
    return nil
  }

  private func slice(_ from: [Int], _ to: [Int]) -> Tensor? {
    let x = operands[0]
    if Shape(zip(from, to).map { $1 - $0 }) == x.shape { return x }
    guard let (operation, inner) = definition(x) else { return nil }
    let onlyLeading = zip(from.dropFirst(), zip(to.dropFirst(), x.shape.dimensions.dropFirst()))
      .allSatisfy { $0 == 0 && $1.0 == $1.1 }
    let recomputable = readOnce.contains(x.value)
    switch operation {
    case .pad(let low, _):
      let end = zip(low, inner[0].shape.dimensions).map { $0 + $1 }
      return from == low && to == end ? inner[0] : nil
    case .concatenate(let axis):
      var start = 0
      for part in inner {
        defer { start += part.shape[axis] }
        guard from[axis] >= start, to[axis] <= start + part.shape[axis] else { continue }
        var (partFrom, partTo) = (from, to)
        partFrom[axis] -= start
        partTo[axis] -= start
        return part.slice(from: partFrom, to: partTo)
      }
      return nil
    case .reshape where onlyLeading && recomputable:
      guard inner[0].shape.rank > 0, inner[0].shape[0] == x.shape[0] else { return nil }
      return leading(inner[0], from[0], to[0])
        .reshaped(Shape([to[0] - from[0]] + x.shape.dimensions.dropFirst()))
    case .product(let form)
    where form != .transposedLeft && onlyLeading && recomputable && x.shape.rank > 1:
      let rows = leading(inner[0], from[0], to[0])
      // It stays the product of its own layer.
      return x.builder.inLayer(path: definitions(x.value)?.layer ?? x.builder.layer) {
        rows.product(inner[1], form)
      }
    case .transposedConvolution(let attributes, let height, let width)
    where onlyLeading && recomputable && x.shape.rank > 3:
      let images = leading(inner[0], from[0], to[0])
      return x.builder.inLayer(path: definitions(x.value)?.layer ?? x.builder.layer) {
        images.transposedConvolution(inner[1], attributes, height: height, width: width)
      }
    case .elementwise(let function) where onlyLeading && recomputable:
      guard inner.allSatisfy({ $0.shape == x.shape }) else { return nil }
      return x.builder.append(
        .elementwise(function), inner.map { leading($0, from[0], to[0]) })[0]
    default: return nil
    }
  }

  /// Entries `from ..< to` of the first axis.
  private func leading(_ tensor: Tensor, _ from: Int, _ to: Int) -> Tensor {
    let rest = Array(tensor.shape.dimensions.dropFirst())
    return tensor.slice(from: [from] + rest.map { _ in 0 }, to: [to] + rest)
  }
}
