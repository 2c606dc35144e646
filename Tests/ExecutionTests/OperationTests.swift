import Program
import Testing

/// Every operation, executed in float32 against its formula in float64.
struct OperationTests {
  @Test(arguments: OperationCase.unary + OperationCase.binary, Layout.allCases)
  func elementwise(_ operation: OperationCase, _ layout: Layout) throws {
    try expectAgreement(operation.program(layout))
  }

  @Test(arguments: OperationCase.mixed, Layout.allCases)
  func broadcastOperands(_ operation: OperationCase, _ layout: Layout) throws {
    try expectAgreement(operation.program(layout))
  }

  @Test(arguments: OperationCase.sums + OperationCase.shapes, Layout.allCases)
  func sumsAndShapes(_ operation: OperationCase, _ layout: Layout) throws {
    try expectAgreement(operation.program(layout))
  }

  @Test(arguments: OperationCase.products, Layout.allCases)
  func products(_ operation: OperationCase, _ layout: Layout) throws {
    try expectAgreement(operation.program(layout))
  }

  @Test(arguments: OperationCase.ownMatrices)
  func matrixOfEachReplica(_ operation: OperationCase) throws {
    try expectAgreement(operation.program(.replicaMajor))
  }

  @Test(arguments: OperationCase.normalizations(over: [1]), Layout.allCases)
  func batchNormOfEachPass(_ operation: OperationCase, _ layout: Layout) throws {
    try expectAgreement(operation.program(layout))
  }

  @Test(
    arguments: OperationCase.normalizations(over: [0, 1]), [Layout.replicaMajor, .replicated])
  func batchNormOfAllRows(_ operation: OperationCase, _ layout: Layout) throws {
    try expectAgreement(operation.program(layout))
  }

  @Test(arguments: OperationCase.activationGradients, [Layout.replicaMajor, .stacked])
  func activationGradientAndBias(_ operation: OperationCase, _ layout: Layout) throws {
    try expectAgreement(operation.program(layout))
  }

  @Test(arguments: OperationCase.reductions, [Layout.replicaMajor, .stacked])
  func reductions(_ operation: OperationCase, _ layout: Layout) throws {
    try expectAgreement(operation.program(layout))
  }

  @Test(arguments: [RandomDistribution.normal, .uniform], [[1], [4], [3, 7], [2, 3, 5]])
  func randomDraws(_ distribution: RandomDistribution, _ dimensions: [Int]) throws {
    let builder = ProgramBuilder(name: "draws")
    let draws = builder.random(distribution, shape: Shape(dimensions), stream: "noise")
    builder.output("draws", draws)
    builder.output("others", builder.random(distribution, shape: [3, 2], stream: "others"))
    try expectAgreement(try builder.finish(), steps: 3)
  }
}
