import Execution
import Kernels
import Program
import ProgramPasses
import TestSupport
import Testing

/// What is executed: the program as it is written, or after all passes.
enum Stage: CaseIterable {
  case written
  case lowered

  func callAsFunction(_ program: ReplicaProgram) throws -> ReplicaProgram {
    switch self {
    case .written: try program.expandingGradients()
    case .lowered: try program.lowered()
    }
  }
}

/// The largest error seen, and where.
struct WorstError {
  private(set) var error = 0.0
  private(set) var place = ""

  mutating func note(_ error: Double, _ place: @autoclosure () -> String) {
    if error > self.error || error.isNaN { (self.error, self.place) = (error, place()) }
  }
}

/// Expects all outputs and variables of `steps` steps to agree with the reference's float64, for four replicas in groups of
/// 1, 2, 3 and 4, both backends, both orders, before and after the passes.
///
/// - Parameter stages: without `lowered` for what the TPU's compiler refuses.
func expectAgreement(
  _ program: ReplicaProgram, steps: Int = 1, tolerance: Double = 1e-5,
  stages: [Stage] = Stage.allCases,
  sourceLocation: SourceLocation = #_sourceLocation
) throws {
  let replicas = 4
  let inputs = (0..<steps).map { program.seededInputs(replicas: replicas, seed: 40 + $0) }
  var reference = ReferenceInterpreter(
    try program.expandingGradients(), replicas: replicas, seed: 7)
  let expected = inputs.map { reference.run($0) }

  for stage in stages {
    let staged = try stage(program)
    var worst = WorstError()
    for width in 1...replicas {
      for backend in backends {
        for order in ProgramRun.Order.allCases {
          let run = try ProgramRun(
            staged, replicas: replicas, width: width, backend: backend, order: order)
          let how = "width \(width), \(backend), \(order)"
          for step in 0..<steps {
            try run.run(inputs[step])
            for (name, tensors) in expected[step] {
              for replica in 0..<replicas {
                worst.note(
                  relativeError(
                    run.output(name, replica: replica),
                    tensors[min(replica, tensors.count - 1)].values),
                  "\(name) of replica \(replica) in step \(step), \(how)")
              }
            }
          }
          for (name, tensors) in reference.variables {
            for (replica, tensor) in tensors.enumerated() {
              worst.note(
                relativeError(run.store.read(name, replica: replica), tensor.values),
                "variable \(name) of replica \(replica), \(how)")
            }
          }
        }
      }
    }
    #expect(
      worst.error <= tolerance, "\(stage): \(worst.place)", sourceLocation: sourceLocation)
  }
}
