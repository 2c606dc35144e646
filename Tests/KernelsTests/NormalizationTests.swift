import Kernels
import TestSupport
import Testing

struct NormalizationTests {
  /// (groups, rows, columns), with columns that fill no vector, and more than one strip of them.
  static let sizes = [
    (1, 1, 1), (1, 8, 16), (4, 8, 256), (3, 8, 77), (12, 8, 130), (2, 5, 33), (1, 37, 64),
    (2, 300, 19),
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
    let y = bench.floats(count: x.count)
    let (mean, variance) = (bench.floats(count: statistics), bench.floats(count: statistics))
    bench.run([
      bench.factory.batchNorm(
        x: x.pointer, gamma: gamma.pointer, beta: beta.pointer, y: y.pointer, mean: mean.pointer,
        variance: variance.pointer, .init(groups: groups, rows: rows, columns: columns),
        epsilon: 1e-3, activation)
    ])
    let expected = Reference.batchNorm(
      DoubleTensor(shape, x.values), gamma: DoubleTensor([columns], gamma.values),
      beta: DoubleTensor([columns], beta.values), axes: [1], epsilon: 1e-3)
    let activated = Reference.elementwise(activation.function, [expected.y], shape: shape)
    // A group of one row has x − mean = 0 up to rounding, which 1/√ε makes 30 times as large.
    expectClose(y.values, activated.values) { _ in 5e-5 }
    expectClose(mean.values, expected.mean.values) { _ in 2e-6 }
    expectClose(variance.values, expected.variance.values) { _ in 5e-6 }
  }

  @Test(arguments: sizes.filter { $0.1 > 1 }, allActivations)
  func batchNormsGradientAgreesWithTheReference(
    size: (groups: Int, rows: Int, columns: Int), activation: KernelActivation
  ) throws {
    let bench = try Workbench()
    let (groups, rows, columns) = size
    let (shape, statistics) = ([groups, rows, columns], groups * columns)
    var numbers = SeededNumbers(seed: 50 + columns)
    let count = groups * rows * columns
    let x = DoubleTensor(shape, numbers.floats(count))
    let gamma = DoubleTensor([columns], numbers.floats(columns))
    let beta = DoubleTensor([columns], numbers.floats(columns))
    let forward = Reference.batchNorm(x, gamma: gamma, beta: beta, axes: [1], epsilon: 1e-3)
    let y = Reference.elementwise(activation.function, [forward.y], shape: shape)
    let dy = numbers.floats(count)
    // The reference starts from the floats that the kernel is given.
    let inputs = [x, y, forward.mean, forward.variance, gamma].map {
      bench.floats($0.values.map { Float($0) })
    }
    let (mean, variance) = (
      DoubleTensor([groups, columns], inputs[2].values),
      DoubleTensor([groups, columns], inputs[3].values)
    )
    let expected = Reference.batchNormGradient(
      activation.gradient(DoubleTensor(shape, dy), DoubleTensor(shape, inputs[1].values)), x,
      gamma: gamma, mean: mean, variance: variance, axes: [1], epsilon: 1e-3)

    for inPlace in [false, true] {
      let source = bench.floats(dy)
      let dx = inPlace ? source : bench.floats(count: count)
      let (dgamma, dbeta) = (bench.floats(count: statistics), bench.floats(count: statistics))
      bench.run([
        bench.factory.batchNormGradient(
          dy: source.pointer, x: inputs[0].pointer, gamma: inputs[4].pointer,
          mean: inputs[2].pointer, variance: inputs[3].pointer,
          y: activation == .identity ? nil : inputs[1].pointer, dx: dx.pointer,
          dgamma: dgamma.pointer, dbeta: dbeta.pointer,
          .init(groups: groups, rows: rows, columns: columns), epsilon: 1e-3, activation)
      ])
      let scale = 1e-6 * Double(rows)
      expectClose(dx.values, expected.dx.values) { 2e-5 + 2e-5 * abs(expected.dx.values[$0]) }
      expectClose(dgamma.values, expected.dgamma.values) { _ in 4 * scale }
      expectClose(dbeta.values, expected.dbeta.values) { _ in 4 * scale }
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
