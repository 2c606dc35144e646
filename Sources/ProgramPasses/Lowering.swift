import Program

extension ReplicaProgram {
  /// From a program as it was written to one that is ready to be planned: gradients expanded,
  /// simplified, fused.
  ///
  /// - Throws: `ProgramError`
  package func lowered() throws(ProgramError) -> ReplicaProgram {
    try expandingGradients()
      .eliminatingDeadCode()
      .eliminatingCommonSubexpressions()
      .simplified()
      .eliminatingCommonSubexpressions()
      .fused()
  }
}
