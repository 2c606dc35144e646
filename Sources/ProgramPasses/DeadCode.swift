import Program

extension ReplicaProgram {
  /// Drops the instructions whose results no output and no update depends on, and numbers the
  /// values anew.
  ///
  /// - Complexity: O(instructions)
  package func eliminatingDeadCode() throws(ProgramError) -> ReplicaProgram {
    var live = Set(roots)
    for instruction in instructions.reversed()
    where instruction.results.contains(where: live.contains) {
      live.formUnion(instruction.operands)
    }
    var rewrite = ProgramRewrite(self)
    for instruction in instructions where instruction.results.contains(where: live.contains) {
      rewrite.copy(instruction)
    }
    return try rewrite.finish()
  }
}
