import Program
import ProgramPasses

/// The passes, each as it is run after differentiation.
enum Pass: String, CaseIterable {
  case differentiation, deadCode, commonSubexpressions, simplification, fusion, lowering

  func callAsFunction(_ program: ReplicaProgram) throws(ProgramError) -> ReplicaProgram {
    switch self {
    case .differentiation: try program.expandingGradients()
    case .deadCode: try program.expandingGradients().eliminatingDeadCode()
    case .commonSubexpressions: try program.expandingGradients().eliminatingCommonSubexpressions()
    case .simplification: try program.expandingGradients().simplified()
    case .fusion: try program.expandingGradients().fused()
    case .lowering: try program.lowered()
    }
  }
}
