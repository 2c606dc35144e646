import Program

/// For which TPU a program is made legal, and what is fused.
package struct LoweringOptions: Hashable, Sendable {
  package var runtime: TPURuntime
  /// Whether operations without a kernel on the TPU are replaced; otherwise they are refused.
  package var legalizes: Bool
  package var fusions: Fusions

  package init(
    runtime: TPURuntime = .v113, legalizes: Bool = true, fusions: Fusions = .all
  ) {
    self.runtime = runtime
    self.legalizes = legalizes
    self.fusions = fusions
  }
}

extension ReplicaProgram {
  /// From a program as it was written to one that is ready to be planned: legal on the TPU,
  /// gradients expanded, simplified, fused.
  ///
  /// - Throws: `ProgramError`, `.unsupportedOnTPU` where the TPU's compiler would refuse.
  package func lowered(
    _ options: LoweringOptions = LoweringOptions()
  ) throws(ProgramError) -> ReplicaProgram {
    let legal = options.legalizes ? try legalized(for: options.runtime).program : self
    let expanded = try legal.expandingGradients().eliminatingDeadCode()
    let refused = expanded.unsupportedOperations(on: options.runtime)
    if !refused.isEmpty {
      throw .unsupportedOnTPU(
        program: name, runtime: options.runtime.rawValue,
        operations: refused.map { "\($0.name) (\($0.layer))" })
    }
    return
      try expanded
      .eliminatingCommonSubexpressions()
      .simplified()
      .eliminatingCommonSubexpressions()
      .fused(options.fusions)
  }
}
