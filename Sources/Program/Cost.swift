extension ReplicaProgram {
  /// The multiplications and additions of the matrix products that one replica does in one step.
  package var floatingPointOperations: Int {
    instructions.reduce(0) { $0 + floatingPointOperations(of: $1) }
  }

  /// The multiplications and additions of an instruction's matrix product, if it has one.
  package func floatingPointOperations(of instruction: Instruction) -> Int {
    switch instruction.operation {
    case .product(.transposedLeft), .reducedProduct:
      2 * shape(of: instruction.operands[0]).count
        * (shape(of: instruction.operands[1]).dimensions.last ?? 1)
    case .product, .dense:
      2 * shape(of: instruction.results[0]).count
        * (shape(of: instruction.operands[0]).dimensions.last ?? 1)
    default: 0
    }
  }
}
