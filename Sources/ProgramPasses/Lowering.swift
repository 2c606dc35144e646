import Program

extension Program {
  /// From a program as it was written to one that is ready to be planned: gradients expanded,
  /// simplified, fused.
  ///
  /// - Throws: `ProgramError`
  package func lowered() throws(ProgramError) -> Program {
    try expandingGradients()
      .eliminatingDeadCode()
      .eliminatingCommonSubexpressions()
      .simplified()
      .eliminatingCommonSubexpressions()
      .fused()
  }
}
