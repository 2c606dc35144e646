import Program
import Testing

/// Operations on images, which run replica by replica, against their formulas in float64.
struct ImageOperationTests {
  private static let layouts = [Layout.replicaMajor, .stacked]

  @Test(arguments: OperationCase.convolutions + OperationCase.biasedConvolutions, layouts)
  func convolutions(_ operation: OperationCase, _ layout: Layout) throws {
    try expectAgreement(operation.program(layout))
  }

  @Test(arguments: OperationCase.upscaledKernels, layouts)
  func upscaledKernels(_ operation: OperationCase, _ layout: Layout) throws {
    try expectAgreement(operation.program(layout))
  }

  /// To any size, which no TPU does.
  @Test(arguments: OperationCase.resizings(.nearest), Layout.allCases)
  func nearestPixels(_ operation: OperationCase, _ layout: Layout) throws {
    try expectAgreement(operation.program(layout), stages: [.written])
  }

  @Test(
    arguments: OperationCase.resizings(.bilinear) + OperationCase.upscalings + OperationCase.pools,
    Layout.allCases)
  func sizes(_ operation: OperationCase, _ layout: Layout) throws {
    try expectAgreement(operation.program(layout))
  }

  /// Every step and every example of the global batch draws numbers of its own.
  @Test(arguments: OperationCase.dropouts, Layout.allCases)
  func dropouts(_ operation: OperationCase, _ layout: Layout) throws {
    try expectAgreement(operation.program(layout), steps: 2)
  }

  @Test(arguments: OperationCase.dropoutsInLoops + OperationCase.normalizationsInLoops, layouts)
  func dropoutsBetweenImages(_ operation: OperationCase, _ layout: Layout) throws {
    try expectAgreement(operation.program(layout), steps: 2)
  }

  /// Fusion joins them, whether or not there is a loop around them.
  @Test(arguments: [[2, 3, 5], [1, 3, 5]], layouts)
  func dropoutAfterABatchNormOfRows(_ rows: [Int], _ layout: Layout) throws {
    let builder = ProgramBuilder(name: "dropout of rows")
    let x = layout.source(builder, "x", Shape([2, 3, 5])).slice(from: [0, 0, 0], to: rows)
    let scale = builder.variable("scale", shape: [5], role: .state, initial: .uniform(bound: 2))
    let shift = builder.variable("shift", shape: [5], role: .state, initial: .uniform(bound: 1))
    let norm = x.batchNorm(
      scale: scale, shift: shift,
      BatchNormAttributes(axes: rows[0] == 1 ? [0, 1] : [1], epsilon: 1e-3))
    let y = norm.normalized.activated(.leakyReLU(slope: 0.2)).dropout(
      DropoutAttributes(
        rate: 0.25, streams: (0..<rows[0]).map { "dropout/\($0)" }, perChannel: false))
    builder.output("y", y)
    try expectAgreement(try builder.finish(), steps: 2)
  }
}
