import Execution
import Kernels
import Program
import ProgramPasses
import TestSupport
import Testing

/// Statistics that a group of replicas pools are those of one replica with all of the group's images: so are the outputs, the
/// averaged gradient and the moving statistics.
struct BatchNormScopeTests {
  /// Networks whose batch norm is as it is told.
  enum Networks: CaseIterable {
    case kerasConvolutional, pytorchConvolutional, keras, pytorch

    func callAsFunction(
      _ replicas: BatchNormConventions.Replicas
    ) -> any AdversarialNetworks {
      switch self {
      case .kerasConvolutional: SmallConvolutionalNetworks(.keras, replicas)
      case .pytorchConvolutional: SmallConvolutionalNetworks(.pytorch, replicas, channels: 3)
      case .keras: SmallNetworks(.keras(replicas))
      case .pytorch: SmallNetworks(.pytorch(replicas))
      }
    }
  }

  /// Twelve examples, shared among replicas whose batch norms are grouped.
  struct Sharing {
    static let examples = 12
    let replicas: Int
    let groupSize: Int
  }

  private struct Result {
    /// Outputs of all examples, and gradients, by name.
    var outputs: [String: [Double]] = [:]
    /// The moving statistics of the first and of the last replica.
    var statistics: [String: [Double]] = [:]
    var parameters: [String] = []

    var images: [Double] { outputs["generated"] ?? [] }
    var gradient: [Double] { parameters.flatMap { outputs["gradient/\($0)"] ?? [] } }
  }

  private func step(_ networks: Networks, _ sharing: Sharing) throws -> PooledStatisticsStep {
    let (replicas, size) = (sharing.replicas, sharing.groupSize)
    return try PooledStatisticsStep(
      networks(.init(count: replicas, groupSize: size)), examples: Sharing.examples / replicas)
  }

  private func inputs(
    _ step: PooledStatisticsStep, _ sharing: Sharing
  ) -> [String: [DoubleTensor]] {
    guard let shape = step.program.output(named: "generated").map({ step.program.shape(of: $0) })
    else { return [:] }
    var numbers = SeededNumbers(seed: 3)
    // The same images, in the same order, whoever gets them.
    return [
      PooledStatisticsStep.real: (0..<sharing.replicas).map { _ in
        DoubleTensor(
          shape: shape.dimensions,
          values: numbers.floats(shape.count, in: -1...1).map(Double.init))
      }
    ]
  }

  private func reference(_ networks: Networks, _ sharing: Sharing) throws -> Result {
    let step = try step(networks, sharing)
    var run = ReferenceInterpreter(
      try step.program.expandingGradients(), replicas: sharing.replicas, seed: 7)
    var result = Result(parameters: step.parameters)
    result.outputs = run.run(inputs(step, sharing)).mapValues { $0.flatMap(\.values) }
    for variable in step.program.variables where variable.role == .state {
      let all = run.variables[variable.name] ?? []
      result.statistics[variable.name] = [all.first, all.last].flatMap { $0?.values ?? [] }
    }
    return result
  }

  private func executed(
    _ networks: Networks, _ sharing: Sharing, _ backend: MatrixBackend
  ) throws -> Result {
    let step = try step(networks, sharing)
    let run = try ProgramRun(
      try step.program.lowered(), replicas: sharing.replicas, width: (sharing.replicas + 1) / 2,
      backend: backend)
    try run.run(inputs(step, sharing))
    var result = Result(parameters: step.parameters)
    for output in step.program.outputs {
      let isOwn = step.program.type(of: output.value).distribution == .perReplica
      result.outputs[output.name] = (0..<(isOwn ? sharing.replicas : 1)).flatMap {
        run.output(output.name, replica: $0).map(Double.init)
      }
    }
    for variable in step.program.variables where variable.role == .state {
      result.statistics[variable.name] = [0, sharing.replicas - 1].flatMap {
        run.store.read(variable.name, replica: $0).map(Double.init)
      }
    }
    return result
  }

  private func distance(_ a: [Double], _ b: [Double]) -> Double {
    guard a.count == b.count, !a.isEmpty else { return .infinity }
    let difference = zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    let size = b.reduce(0) { $0 + $1 * $1 }
    return (difference / size).squareRoot()
  }

  private func expectEqual(
    _ actual: Result, _ expected: Result, tolerance: Double,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    for name in ["generated"] + PassName.allCases.map({ "validity/\($0.rawValue)" }) {
      #expect(
        distance(actual.outputs[name] ?? [], expected.outputs[name] ?? []) <= tolerance, "\(name)",
        sourceLocation: sourceLocation)
    }
    #expect(
      distance(actual.gradient, expected.gradient) <= tolerance, "averaged gradient",
      sourceLocation: sourceLocation)
    #expect(actual.statistics.keys == expected.statistics.keys, sourceLocation: sourceLocation)
    for (name, statistics) in expected.statistics {
      #expect(
        distance(actual.statistics[name] ?? [], statistics) <= tolerance, "\(name)",
        sourceLocation: sourceLocation)
    }
  }

  private static let alone = Sharing(replicas: 1, groupSize: 1)

  @Test(arguments: Networks.allCases)
  func allReplicasAreLikeOne(_ networks: Networks) throws {
    let one = try reference(networks, Self.alone)
    for replicas in [2, 3, 4] {
      let pooled = try reference(networks, Sharing(replicas: replicas, groupSize: replicas))
      expectEqual(pooled, one, tolerance: 1e-12)
    }
  }

  @Test(arguments: Networks.allCases)
  func twoGroupsOfTwoAreLikeTwo(_ networks: Networks) throws {
    let two = try reference(networks, Sharing(replicas: 2, groupSize: 1))
    let groups = try reference(networks, Sharing(replicas: 4, groupSize: 2))
    expectEqual(groups, two, tolerance: 1e-12)
  }

  @Test(arguments: Networks.allCases, backends)
  func executedReplicasAreLikeOne(_ networks: Networks, _ backend: MatrixBackend) throws {
    let one = try executed(networks, Self.alone, backend)
    expectEqual(
      try executed(networks, Sharing(replicas: 2, groupSize: 2), backend), one, tolerance: 1e-5)
    expectEqual(
      try executed(networks, Sharing(replicas: 4, groupSize: 4), backend), one, tolerance: 1e-5)
    expectEqual(
      try executed(networks, Sharing(replicas: 4, groupSize: 2), backend),
      try executed(networks, Sharing(replicas: 2, groupSize: 1), backend), tolerance: 1e-5)
  }

  /// What is executed is what is written.
  @Test(arguments: Networks.allCases)
  func executedStatisticsAreTheReferences(_ networks: Networks) throws {
    let sharing = Sharing(replicas: 4, groupSize: 2)
    expectEqual(
      try executed(networks, sharing, .best), try reference(networks, sharing), tolerance: 1e-5)
  }

  /// Statistics of a replica's own images are others: the tests above could fail.
  @Test(arguments: Networks.allCases)
  func ownStatisticsDiffer(_ networks: Networks) throws {
    let one = try reference(networks, Self.alone)
    let own = try reference(networks, Sharing(replicas: 2, groupSize: 1))
    #expect(distance(own.images, one.images) > 1e-3)
    #expect(distance(own.gradient, one.gradient) > 1e-3)
  }
}
