import Program

extension ReplicaProgram {
  /// Computes what is written twice once. Random draws are left alone: two streams are two sets of
  /// numbers.
  ///
  /// - Complexity: O(instructions)
  package func eliminatingCommonSubexpressions() throws(ProgramError) -> ReplicaProgram {
    struct Expression: Hashable {
      let operation: Operation
      let operands: [Value]
    }
    var known: [Expression: [Tensor]] = [:]
    var rewrite = ProgramRewrite(self)
    for instruction in instructions {
      if case .random = instruction.operation {
        rewrite.copy(instruction)
        continue
      }
      let expression = Expression(
        operation: instruction.operation,
        operands: rewrite(instruction.operands).map(\.value))
      if let results = known[expression] {
        rewrite.replace(instruction.results, by: results)
      } else {
        rewrite.copy(instruction)
        known[expression] = rewrite(instruction.results)
      }
    }
    return try rewrite.finish()
  }
}
