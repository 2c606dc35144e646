import Kernels
import TestSupport
import Testing

/// The oracle's own oracles: finite differences, inverses and adjoints.
struct ReferenceTests {
  private func tensor(_ shape: [Int], _ numbers: inout SeededNumbers) -> DoubleTensor {
    let values = (0..<shape.reduce(1, *)).map { _ in Double.random(in: -2...2, using: &numbers) }
    return DoubleTensor(shape: shape, values: values)
  }

  private func inner(_ a: DoubleTensor, _ b: DoubleTensor) -> Double {
    zip(a.values, b.values).reduce(0) { $0 + $1.0 * $1.1 }
  }

  /// Expects `gradient` to be that of `function` at `x`, by central differences.
  private func expectGradient(
    _ gradient: DoubleTensor, at x: DoubleTensor, of function: (DoubleTensor) -> Double,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let h = 1e-5
    #expect(gradient.shape == x.shape, sourceLocation: sourceLocation)
    for index in x.values.indices {
      var (up, down) = (x, x)
      up.values[index] += h
      down.values[index] -= h
      let difference = (function(up) - function(down)) / (2 * h)
      #expect(
        abs(gradient.values[index] - difference) < 1e-7 * max(1, abs(difference)),
        sourceLocation: sourceLocation)
    }
  }

  /// (function, its gradient, whether that reads the function's output)
  static let gradients: [(ElementwiseFunction, ElementwiseFunction, readsOutput: Bool)] = [
    (.tanh, .tanhGradient, true),
    (.sigmoid, .sigmoidGradient, true),
    (.leakyReLU(slope: 0.2), .leakyReLUGradient(slope: 0.2), true),
    (.leakyReLU(slope: 0), .leakyReLUGradient(slope: 0), true),
    (.clamp(low: -0.5, high: 0.75), .clampGradient(low: -0.5, high: 0.75), false),
  ]

  @Test(arguments: gradients.indices)
  func gradientFunctionsAreDerivatives(_ index: Int) {
    let (function, gradient, readsOutput) = Self.gradients[index]
    var numbers = SeededNumbers(seed: index)
    let (x, dy) = (tensor([40], &numbers), tensor([40], &numbers))
    let y = Reference.elementwise(function, [x], shape: [40])
    let dx = Reference.elementwise(gradient, [dy, readsOutput ? y : x], shape: [40])
    expectGradient(dx, at: x) { inner(dy, Reference.elementwise(function, [$0], shape: [40])) }
  }

  /// LeakyReLU has its slope at 0, bounds are inside, a tie is not greater.
  @Test func kinksTakeTheSideThatTheContractSays() {
    let one = DoubleTensor(shape: [1], values: [1])
    func value(_ function: ElementwiseFunction, at x: Double) -> Double {
      Reference.elementwise(function, [one, DoubleTensor(shape: [1], values: [x])], shape: [1])
        .values[0]
    }
    #expect(value(.leakyReLUGradient(slope: 0.2), at: 0) == 0.2)
    #expect(value(.clampGradient(low: -1, high: 1), at: -1) == 1)
    #expect(value(.clampGradient(low: -1, high: 1), at: 1) == 1)
    #expect(value(.clampGradient(low: -1, high: 1), at: 1.001) == 0)
    #expect(value(.greater, at: 1) == 0)
    #expect(value(.greater, at: 0.999) == 1)
  }

  @Test func productsAreEachOthersGradients() {
    var numbers = SeededNumbers(seed: 1)
    let (x, w, dy) = (
      tensor([2, 3, 4], &numbers), tensor([4, 5], &numbers), tensor([2, 3, 5], &numbers)
    )
    expectGradient(Reference.product(dy, w, form: .transposedRight), at: x) {
      inner(dy, Reference.product($0, w, form: .plain))
    }
    expectGradient(Reference.product(x, dy, form: .transposedLeft), at: w) {
      inner(dy, Reference.product(x, $0, form: .plain))
    }
  }

  @Test func aSmallProductIsTheOneDoneByHand() {
    let x = DoubleTensor(shape: [2, 2], values: [1, 2, 3, 4])
    let w = DoubleTensor(shape: [2, 3], values: [1, 0, 2, 0, 1, 3])
    #expect(Reference.product(x, w, form: .plain).values == [1, 2, 8, 3, 4, 18])
  }

  /// Statistics over one axis, with groups beside it, and over two.
  @Test(arguments: [([6, 3], [0]), ([2, 5, 3], [1]), ([2, 4, 3], [0, 1])] as [([Int], [Int])])
  func batchNormsGradientIsItsDerivative(shape: [Int], axes: [Int]) {
    var numbers = SeededNumbers(seed: shape.count)
    let (x, dy) = (tensor(shape, &numbers), tensor(shape, &numbers))
    let (gamma, beta) = (tensor([3], &numbers), tensor([3], &numbers))
    func loss(_ x: DoubleTensor, _ gamma: DoubleTensor, _ beta: DoubleTensor) -> Double {
      inner(dy, Reference.batchNorm(x, gamma: gamma, beta: beta, axes: axes, epsilon: 1e-3).y)
    }
    let (_, mean, variance) = Reference.batchNorm(
      x, gamma: gamma, beta: beta, axes: axes, epsilon: 1e-3)
    let (dx, dgamma, dbeta) = Reference.batchNormGradient(
      dy, x, gamma: gamma, mean: mean, variance: variance, axes: axes, epsilon: 1e-3)
    let leading = Array(0..<(dgamma.shape.count - 1))
    expectGradient(dx, at: x) { loss($0, gamma, beta) }
    expectGradient(Reference.sum(dgamma, axes: leading), at: gamma) { loss(x, $0, beta) }
    expectGradient(Reference.sum(dbeta, axes: leading), at: beta) { loss(x, gamma, $0) }
  }

  @Test func normalisedNumbersHaveTheMeanAndTheVarianceAskedFor() {
    var numbers = SeededNumbers(seed: 2)
    let x = tensor([2, 50, 3], &numbers)
    let (gamma, beta) = (tensor([3], &numbers), tensor([3], &numbers))
    let y = Reference.batchNorm(x, gamma: gamma, beta: beta, axes: [1], epsilon: 0).y
    let again = Reference.batchNorm(y, gamma: gamma, beta: beta, axes: [1], epsilon: 0)
    #expect(again.mean.shape == [2, 3] && again.variance.shape == [2, 3])
    for (index, mean) in again.mean.values.enumerated() {
      #expect(abs(mean - beta.values[index % 3]) < 1e-12)
      let scale = gamma.values[index % 3]
      #expect(abs(again.variance.values[index] - scale * scale) < 1e-12)
    }
  }

  @Test func sumAndBroadcastAreAdjoint() {
    var numbers = SeededNumbers(seed: 3)
    let (x, y) = (tensor([4, 3, 5], &numbers), tensor([4, 5], &numbers))
    let spread = Reference.broadcast(DoubleTensor(shape: [4, 1, 5], values: y.values), to: x.shape)
    #expect(abs(inner(Reference.sum(x, axes: [1]), y) - inner(x, spread)) < 1e-12)
  }

  @Test func broadcastingAlignsAxesOnTheRight() {
    let row = DoubleTensor(shape: [3], values: [1, 2, 3])
    #expect(Reference.broadcast(row, to: [2, 3]).values == [1, 2, 3, 1, 2, 3])
    let column = DoubleTensor(shape: [2, 1], values: [1, 2])
    #expect(Reference.broadcast(column, to: [2, 3]).values == [1, 1, 1, 2, 2, 2])
    let sum = Reference.elementwise(.add, [row, column], shape: [2, 3])
    #expect(sum.values == [2, 3, 4, 3, 4, 5])
  }

  @Test func transposingMovesEveryElement() {
    let x = DoubleTensor(shape: [2, 3, 4], values: (0..<24).map(Double.init))
    let moved = Reference.transpose(x, permutation: [2, 0, 1])
    #expect(moved.shape == [4, 2, 3])
    for i in 0..<2 {
      for j in 0..<3 {
        for k in 0..<4 {
          #expect(moved.values[(k * 2 + i) * 3 + j] == Double((i * 3 + j) * 4 + k))
        }
      }
    }
  }

  @Test func slicesUndoPaddingAndConcatenation() {
    var numbers = SeededNumbers(seed: 4)
    let x = tensor([3, 2, 4], &numbers)
    let padded = Reference.pad(x, low: [1, 0, 2], high: [0, 3, 1])
    #expect(padded.shape == [4, 5, 7])
    #expect(Reference.slice(padded, from: [1, 0, 2], to: [4, 2, 6]) == x)
    #expect(padded.values.reduce(0) { $0 + abs($1) } == x.values.reduce(0) { $0 + abs($1) })
    for axis in 0..<3 {
      var (start, middle, end) = ([0, 0, 0], x.shape, x.shape)
      middle[axis] = 1
      start[axis] = 1
      end[axis] = x.shape[axis]
      let parts = [
        Reference.slice(x, from: [0, 0, 0], to: middle), Reference.slice(x, from: start, to: end),
      ]
      #expect(Reference.concatenate(parts, axis: axis) == x)
    }
  }
}
