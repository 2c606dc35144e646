import Kernels
import Program
import TestSupport
import Testing

/// A replica's results have the same bits however many replicas are run together: what `--reduction ordered` rests on.
struct WidthTests {
  static let operations =
    OperationCase.unary + OperationCase.binary + OperationCase.mixed + OperationCase.sums
    + OperationCase.shapes + OperationCase.products + OperationCase.normalizations(over: [1])

  /// Operations that only one of the layouts has.
  static let replicaMajorOperations =
    OperationCase.ownMatrices + OperationCase.normalizations(over: [0, 1])

  static let reducingOperations = OperationCase.activationGradients + OperationCase.reductions

  private func expectSameBits(
    _ program: ReplicaProgram, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let replicas = 4
    let inputs = program.seededInputs(replicas: replicas, seed: 8)
    for stage in Stage.allCases {
      let staged = try stage(program)
      for backend in backends {
        let results = try (1...replicas).map { width in
          let run = try ProgramRun(
            staged, replicas: replicas, width: width, backend: backend, order: .separate)
          try run.run(inputs)
          return program.outputs.flatMap { output in
            (0..<replicas).map { bits(run.output(output.name, replica: $0)) }
          }
        }
        let differing = (1...replicas).filter { results[$0 - 1] != results[replicas - 1] }
        #expect(
          differing == [], "\(stage), \(backend): widths that differ from \(replicas)",
          sourceLocation: sourceLocation)
      }
    }
  }

  @Test(arguments: operations, Layout.allCases)
  func sameBits(_ operation: OperationCase, _ layout: Layout) throws {
    try expectSameBits(operation.program(layout))
  }

  @Test(arguments: replicaMajorOperations)
  func sameBitsInOneLayout(_ operation: OperationCase) throws {
    try expectSameBits(operation.program(.replicaMajor))
  }

  @Test(arguments: reducingOperations, [Layout.replicaMajor, .stacked])
  func sameBitsOfSums(_ operation: OperationCase, _ layout: Layout) throws {
    try expectSameBits(operation.program(layout))
  }
}
