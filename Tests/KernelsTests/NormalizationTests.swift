import Kernels
import TestSupport
import Testing

struct NormalizationTests {
  /// (groups, rows, columns), with columns that fill no vector, and more than one strip and one
  /// chunk of them, and rows that fill no tile, and more than one block.
  static let sizes = [
    (1, 1, 1), (1, 8, 16), (4, 8, 256), (3, 8, 77), (12, 8, 130), (2, 5, 33), (1, 37, 64),
    (2, 300, 19), (2, 197, 128), (1, 1001, 3), (1, 33, 325),
  ]

  @Test(arguments: sizes, allActivations)
  func batchNormAgreesWithTheReference(
    size: (groups: Int, rows: Int, columns: Int), activation: KernelActivation
  ) throws {
    let bench = try Workbench()
    let (groups, rows, columns) = size
    let (shape, statistics) = ([groups, rows, columns], groups * columns)
    var numbers = SeededNumbers(seed: columns)
    let x = bench.floats(numbers.floats(groups * rows * columns, in: -1...3))
    let (gamma, beta) = (
      bench.floats(numbers.floats(columns)), bench.floats(numbers.floats(columns))
    )
    let expected = Reference.batchNorm(
      DoubleTensor(shape, x.values), gamma: DoubleTensor([columns], gamma.values),
      beta: DoubleTensor([columns], beta.values), axes: [1], epsilon: 1e-3)
    let activated = Reference.elementwise(activation.function, [expected.y], shape: shape)
    for inPlace in [false, true] {
      let y = inPlace ? x : bench.floats(count: x.count)
      let (mean, variance) = (bench.floats(count: statistics), bench.floats(count: statistics))
      bench.run(
        bench.factory.batchNorm(
          x: x.pointer, gamma: gamma.pointer, beta: beta.pointer, y: y.pointer,
          mean: mean.pointer, variance: variance.pointer,
          .init(groups: groups, rows: rows, columns: columns), epsilon: 1e-3, activation))
      // 1/√ε makes a rounding of x − mean up to 30 times as large.
      expectClose(y.values, activated.values) { _ in 5e-5 }
      expectClose(mean.values, expected.mean.values) { _ in 3e-7 }
      expectClose(variance.values, expected.variance.values) { _ in 2e-6 }
    }
  }

  /// Means far from 0, a first row or first rows unlike the others, and a drift: what sums of squares
  /// of the numbers themselves, or of distances from the first row, would get wrong.
  @Test(
    arguments: [
      { _ in 1000 }, { row in row == 0 ? -3000 : 1000 }, { row in row < 200 ? 0 : 500 },
      { row in Float(row) },
    ] as [@Sendable (Int) -> Float], [3, 64])
  func statisticsAreExactFarFromZero(
    centre: @Sendable (Int) -> Float, columns: Int
  ) throws {
    let bench = try Workbench()
    let rows = 3000
    var numbers = SeededNumbers(seed: columns)
    let x = bench.floats(
      (0..<rows).flatMap { row in numbers.floats(columns, in: -2...2).map { $0 + centre(row) } })
    let unit = bench.floats(Array(repeating: 1, count: columns))
    let zero = bench.floats(Array(repeating: 0, count: columns))
    let y = bench.floats(count: x.count)
    let (mean, variance) = (bench.floats(count: columns), bench.floats(count: columns))
    bench.run(
      bench.factory.batchNorm(
        x: x.pointer, gamma: unit.pointer, beta: zero.pointer, y: y.pointer, mean: mean.pointer,
        variance: variance.pointer, .init(groups: 1, rows: rows, columns: columns), epsilon: 1e-3,
        .identity))
    let ones = DoubleTensor(shape: [columns], repeating: 1)
    let expected = Reference.batchNorm(
      DoubleTensor([rows, columns], x.values), gamma: ones,
      beta: DoubleTensor(shape: [columns]), axes: [0], epsilon: 1e-3)
    expectClose(mean.values, expected.mean.values) {
      0x1p-23 * abs(expected.mean.values[$0]) + 1e-6 * expected.variance.values[$0].squareRoot()
    }
    expectClose(variance.values, expected.variance.values) {
      4e-6 * expected.variance.values[$0]
    }
    // The mean's own rounding is up to 2⁻²⁴ of it.
    expectClose(y.values, expected.y.values) { index in
      let column = index % columns
      let shift = 0x1p-23 * abs(expected.mean.values[column])
      return 4e-6 * (1 + abs(expected.y.values[index]))
        + shift / expected.variance.values[column].squareRoot()
    }
  }

  @Test(arguments: sizes.filter { $0.1 > 1 }, allActivations)
  func batchNormsGradientAgreesWithTheReference(
    size: (groups: Int, rows: Int, columns: Int), activation: KernelActivation
  ) throws {
    try expectGradient(size, activation, dropout: nil)
  }

  static let dropouts: [(rate: Double, perChannel: Bool)] = [
    (0.25, false), (0.5, true), (0.1, false), (0.3, true),
  ]

  /// (streams, groups a stream, examples, positions, channels)
  static let droppedSizes = [
    (3, 1, 4, 16, 64), (3, 2, 2, 9, 130), (1, 1, 3, 49, 16), (2, 1, 2, 5, 20), (1, 3, 8, 1, 77),
    (1, 1, 2, 64, 320),
  ]

  @Test(arguments: droppedSizes, dropouts)
  func dropoutFollowsTheActivation(
    size: (streams: Int, groups: Int, examples: Int, positions: Int, channels: Int),
    kind: (rate: Double, perChannel: Bool)
  ) throws {
    for activation in allActivations {
      let bench = try Workbench()
      let dropout = DropoutCase(
        rate: kind.rate, perChannel: kind.perChannel, streams: size.streams,
        segmentsAStream: size.groups, examples: size.examples, positions: size.positions,
        channels: size.channels)
      let (groups, columns) = (dropout.segments, size.channels)
      let shape = [groups, size.examples * size.positions, columns]
      var numbers = SeededNumbers(seed: columns)
      let x = bench.floats(numbers.floats(dropout.count))
      let (gamma, beta) = (
        bench.floats(numbers.floats(columns)), bench.floats(numbers.floats(columns))
      )
      let y = bench.floats(count: x.count)
      let (mean, variance) = (
        bench.floats(count: groups * columns), bench.floats(count: groups * columns)
      )
      bench.run(
        bench.factory.batchNorm(
          x: x.pointer, gamma: gamma.pointer, beta: beta.pointer, y: y.pointer,
          mean: mean.pointer, variance: variance.pointer,
          .init(groups: groups, rows: shape[1], columns: columns), epsilon: 1e-3, activation,
          dropout: dropout.kernel))
      let normalized = Reference.batchNorm(
        DoubleTensor(shape, x.values), gamma: DoubleTensor([columns], gamma.values),
        beta: DoubleTensor([columns], beta.values), axes: [1], epsilon: 1e-3)
      let activated = Reference.elementwise(activation.function, [normalized.y], shape: shape)
      let multipliers = dropout.multipliers
      expectClose(y.values, zip(activated.values, multipliers).map { $0 * $1 }) { _ in 5e-5 }
      let dropped = zip(y.values, multipliers).filter { $1 == 0 }
      #expect(dropped.allSatisfy { $0.0 == 0 })
      #expect(!dropped.isEmpty)
    }
  }

  @Test(arguments: droppedSizes, dropouts)
  func theGradientDrawsTheSameDropout(
    size: (streams: Int, groups: Int, examples: Int, positions: Int, channels: Int),
    kind: (rate: Double, perChannel: Bool)
  ) throws {
    let dropout = DropoutCase(
      rate: kind.rate, perChannel: kind.perChannel, streams: size.streams,
      segmentsAStream: size.groups, examples: size.examples, positions: size.positions,
      channels: size.channels)
    for activation in allActivations {
      try expectGradient(
        (dropout.segments, size.examples * size.positions, size.channels), activation,
        dropout: dropout)
    }
  }

  /// Expects the gradient of dropout(activation(norm(x))), apart from its operands and in place of
  /// each.
  private func expectGradient(
    _ size: (groups: Int, rows: Int, columns: Int), _ activation: KernelActivation,
    dropout: DropoutCase?
  ) throws {
    let bench = try Workbench()
    let (groups, rows, columns) = size
    let (shape, statistics) = ([groups, rows, columns], [groups, columns])
    var numbers = SeededNumbers(seed: 50 + columns)
    let (x, dy) = (numbers.floats(shape.reduce(1, *)), numbers.floats(shape.reduce(1, *)))
    let (gamma, beta) = (numbers.floats(columns), numbers.floats(columns))
    let forward = Reference.batchNorm(
      DoubleTensor(shape, x), gamma: DoubleTensor([columns], gamma),
      beta: DoubleTensor([columns], beta), axes: [1], epsilon: 1e-3)
    // The reference starts from the floats that the kernel is given.
    let mean = bench.floats(forward.mean.values.map { Float($0) })
    let variance = bench.floats(forward.variance.values.map { Float($0) })
    let y = Reference.elementwise(activation.function, [forward.y], shape: shape)
    let multipliers = dropout?.multipliers ?? Array(repeating: 1, count: dy.count)
    let arriving = DoubleTensor(
      shape: shape, values: zip(dy, multipliers).map { Double($0) * $1 })
    let expected = Reference.batchNormGradient(
      activation.gradient(arriving, y), DoubleTensor(shape, x),
      gamma: DoubleTensor([columns], gamma), mean: DoubleTensor(statistics, mean.values),
      variance: DoubleTensor(statistics, variance.values), axes: [1], epsilon: 1e-3)
    let expectedBias = Reference.sum(expected.dx, axes: [0, 1]).values

    let scales = bench.floats(gamma)
    let shifts = bench.floats(beta)
    for place in ["apart", "dy", "x"] {
      let (cotangent, input) = (bench.floats(dy), bench.floats(x))
      let dx = place == "dy" ? cotangent : place == "x" ? input : bench.floats(count: dy.count)
      let (dgamma, dbeta) = (
        bench.floats(count: groups * columns), bench.floats(count: groups * columns)
      )
      let bias = bench.floats(count: columns)
      bench.run(
        bench.factory.batchNormGradient(
          dy: cotangent.pointer, x: input.pointer, gamma: scales.pointer,
          beta: activation == .identity ? nil : shifts.pointer, mean: mean.pointer,
          variance: variance.pointer, dx: dx.pointer, dgamma: dgamma.pointer,
          dbeta: dbeta.pointer, bias: place == "x" ? nil : bias.pointer,
          .init(groups: groups, rows: rows, columns: columns), epsilon: 1e-3, activation,
          dropout: dropout?.kernel))
      let scale = 1e-6 * Double(rows)
      expectClose(dx.values, expected.dx.values) { 2e-5 + 2e-5 * abs(expected.dx.values[$0]) }
      expectClose(dgamma.values, expected.dgamma.values) { _ in 4 * scale }
      expectClose(dbeta.values, expected.dbeta.values) { _ in 4 * scale }
      if place == "x" {
        #expect(bias.values.allSatisfy { $0.isNaN }, "a bias that nobody asked for")
      } else {
        // Sums to 0 in exact arithmetic: what is left is rounding, of each of the summands.
        let magnitudes = Reference.sum(
          expected.dx.mapValues(abs), axes: [0, 1]
        ).values
        expectClose(bias.values, expectedBias) { 2e-6 * (1 + magnitudes[$0]) }
      }
    }
  }

  @Test(arguments: sizes, allActivations)
  func theActivationsGradientIsSummedIntoTheBias(
    size: (groups: Int, rows: Int, columns: Int), activation: KernelActivation
  ) throws {
    let bench = try Workbench()
    let (groups, rows, columns) = size
    let shape = [groups, rows, columns]
    var numbers = SeededNumbers(seed: 90 + columns)
    let count = groups * rows * columns
    let dy = numbers.floats(count)
    let y = bench.floats(numbers.floats(count, in: -1...1))
    let expected = activation.gradient(DoubleTensor(shape, dy), DoubleTensor(shape, y.values))
    let sums = Reference.sum(expected, axes: [1]).values
    for inPlace in [false, true] {
      let source = bench.floats(dy)
      let dx = inPlace ? source : bench.floats(count: count)
      let bias = bench.floats(count: groups * columns)
      bench.run([
        bench.factory.activationGradientBias(
          dy: source.pointer, y: y.pointer, dx: dx.pointer, bias: bias.pointer,
          .init(groups: groups, rows: rows, columns: columns), activation)
      ])
      expectClose(dx.values, expected.values) { _ in 1e-6 }
      expectClose(bias.values, sums) { _ in 1e-6 * Double(rows) }
    }
  }

  /// The statistics of a group have the same bits whatever groups are beside it.
  @Test func aGroupDoesNotDependOnItsNeighbours() throws {
    let bench = try Workbench()
    var numbers = SeededNumbers(seed: 5)
    let (rows, columns) = (8, 77)
    let x = bench.floats(numbers.floats(4 * rows * columns))
    let (gamma, beta) = (
      bench.floats(numbers.floats(columns)), bench.floats(numbers.floats(columns))
    )
    func results(from group: Int, count: Int) -> [[Float]] {
      let y = bench.floats(count: count * rows * columns)
      let (mean, variance) = (
        bench.floats(count: count * columns), bench.floats(count: count * columns)
      )
      bench.run([
        bench.factory.batchNorm(
          x: x.pointer + group * rows * columns, gamma: gamma.pointer, beta: beta.pointer,
          y: y.pointer, mean: mean.pointer, variance: variance.pointer,
          .init(groups: count, rows: rows, columns: columns), epsilon: 1e-3, .tanh)
      ])
      return [y.values, mean.values, variance.values]
    }
    let together = results(from: 0, count: 4)
    let alone = (0..<4).map { results(from: $0, count: 1) }
    for index in 0..<3 { expectSameBits(together[index], alone.flatMap { $0[index] }) }
  }
}
