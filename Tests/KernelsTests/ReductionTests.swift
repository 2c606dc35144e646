import Kernels
import TestSupport
import Testing

struct ReductionTests {
  @Test(arguments: 1...9, [1, 15, 512, 513, 1500])
  func partialSumsAreAddedAlongTheTree(partials: Int, count: Int) throws {
    let bench = try Workbench()
    var numbers = SeededNumbers(seed: partials)
    let leaves = (0..<partials).map { _ in bench.floats(numbers.floats(count)) }
    let out = bench.floats(count: count)
    bench.run([
      bench.factory.sumTree(
        leaves.map { UnsafePointer($0.pointer) }, merges: ReplicaTree.merges(partials),
        out: out.pointer, count: count, scale: 0.125)
    ])
    let expected = ReplicaTree.sum(leaves.map(\.values)[...]).map { 0.125 * $0 }
    expectSameBits(out.values, expected)
  }

  /// ((a + b) + c) + d instead of (a + b) + (c + d): the order is the caller's.
  @Test func anyTreeMayBeGiven() throws {
    let bench = try Workbench()
    var numbers = SeededNumbers(seed: 4)
    let leaves = (0..<4).map { _ in bench.floats(numbers.floats(100)) }
    let out = bench.floats(count: 100)
    bench.run([
      bench.factory.sumTree(
        leaves.map { UnsafePointer($0.pointer) }, merges: [0, 1, 1, 1], out: out.pointer,
        count: 100)
    ])
    let values = leaves.map(\.values)
    let expected = (0..<100).map {
      ((values[0][$0] + values[1][$0]) + values[2][$0]) + values[3][$0]
    }
    expectSameBits(out.values, expected)
  }

  @Test(arguments: [true, false], [1, 2, 3, 4, 8])
  func adamAgreesWithTheReference(keras: Bool, partials: Int) throws {
    let bench = try Workbench()
    let rule = AdamKernel(
      learningRate: 2e-4, beta1: 0.5, beta2: 0.999, epsilon: keras ? 1e-7 : 1e-8, keras: keras)
    let (count, scale) = (1037, Float(0.125))
    var numbers = SeededNumbers(seed: partials)
    let leaves = (0..<partials).map { _ in bench.floats(numbers.floats(count, in: -0.1...0.1)) }
    let parameters = bench.floats(numbers.floats(count, in: -0.1...0.1))
    let first = bench.floats(Array(repeating: 0, count: count))
    let second = bench.floats(Array(repeating: 0, count: count))
    let stored = bench.floats(count: count)
    let step = UnsafeMutablePointer<Int64>.allocate(capacity: 1)
    defer { step.deallocate() }
    let call = bench.factory.adam(
      rule, partials: leaves.map { UnsafePointer($0.pointer) },
      merges: ReplicaTree.merges(partials), scale: scale, stored: stored.pointer,
      parameters: parameters.pointer, firstMoments: first.pointer, secondMoments: second.pointer,
      count: count, step: step)

    for completed in [0, 1, 2, 100, 68_000] {
      step.initialize(to: Int64(completed))
      for leaf in leaves {
        leaf.pointer.update(from: numbers.floats(count, in: -0.1...0.1), count: count)
      }
      let before = parameters.values
      var expected = DoubleTensor([count], before)
      var (m, v) = (DoubleTensor([count], first.values), DoubleTensor([count], second.values))
      let sum = ReplicaTree.sum(leaves.map(\.values)[...]).map { scale * $0 }
      bench.run(call)
      Reference.adam(
        rule, parameters: &expected, firstMoments: &m, secondMoments: &v,
        gradient: DoubleTensor([count], sum), step: completed + 1)

      expectSameBits(stored.values, sum)
      expectClose(first.values, m.values) { 1e-6 * abs(m.values[$0]) + 1e-8 }
      expectClose(second.values, v.values) { 1e-6 * v.values[$0] + 1e-12 }
      // The parameter's own rounding, and that of the update.
      expectClose(parameters.values, expected.values) {
        0x1p-24 * abs(expected.values[$0]) + 1e-5 * abs(expected.values[$0] - Double(before[$0]))
          + 1e-10
      }
    }
  }

  /// Adam's first step moves every parameter by the learning rate against its gradient's sign
  /// (Kingma and Ba 2015, section 2.1).
  @Test(arguments: [true, false])
  func theReferencesFirstStepIsTheLearningRate(keras: Bool) {
    let rule = AdamKernel(
      learningRate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-12, keras: keras)
    var (p, m, v) = (
      DoubleTensor(shape: [3]), DoubleTensor(shape: [3]), DoubleTensor(shape: [3])
    )
    Reference.adam(
      rule, parameters: &p, firstMoments: &m, secondMoments: &v,
      gradient: DoubleTensor(shape: [3], values: [0.5, -3, 200]), step: 1)
    for (actual, expected) in zip(p.values, [-0.01, 0.01, -0.01]) {
      #expect(abs(actual - expected) < 1e-9)
    }
  }
}
