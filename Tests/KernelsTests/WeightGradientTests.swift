import Kernels
import TestSupport
import Testing

struct WeightGradientTests {
  /// (k, n, segments, rows of a replica in a segment)
  static let sizes = [
    (784, 512, 3, 8), (100, 256, 1, 8), (7, 5, 1, 1), (8, 32, 1, 8), (9, 33, 2, 3), (65, 16, 3, 5),
    (31, 129, 1, 13), (1, 40, 2, 8), (256, 1, 3, 8),
  ]

  private struct Rows {
    let x: GuardedFloats
    let y: GuardedFloats
    let (k, n, segments, rows, replicas): (Int, Int, Int, Int, Int)
    private let bench: Workbench

    init(_ size: (Int, Int, Int, Int), replicas: Int) throws {
      bench = try Workbench()
      (k, n, segments, rows) = size
      self.replicas = replicas
      var numbers = SeededNumbers(seed: k + 31 * n + replicas)
      x = bench.floats(numbers.floats(segments * replicas * rows * k))
      y = bench.floats(numbers.floats(segments * replicas * rows * n))
    }

    /// The weight gradient of some of the replicas, in one call.
    func gradient(of run: Range<Int>) -> [Float] {
      let out = bench.floats(count: k * n)
      bench.run([
        bench.factory.weightGradient(
          x: x.pointer + run.lowerBound * rows * k, y: y.pointer + run.lowerBound * rows * n,
          out: out.pointer, merges: ReplicaTree.merges(run.count), segments: segments,
          segmentRows: replicas * rows, rows: rows, k: k, n: n)
      ])
      return out.values
    }
  }

  @Test(arguments: sizes, 1...8)
  func theSumFollowsTheTreeBitForBit(size: (Int, Int, Int, Int), replicas: Int) throws {
    let rows = try Rows(size, replicas: replicas)
    let alone = (0..<replicas).map { rows.gradient(of: $0..<($0 + 1)) }
    let together = rows.gradient(of: 0..<replicas)
    expectSameBits(together, ReplicaTree.sum(alone[...]))
  }

  /// A worker that has only part of the replicas makes the same subtree.
  @Test(arguments: sizes)
  func aSubtreeDoesNotDependOnTheOtherReplicas(size: (Int, Int, Int, Int)) throws {
    let rows = try Rows(size, replicas: 8)
    let halves = [rows.gradient(of: 0..<4), rows.gradient(of: 4..<8)]
    expectSameBits(ReplicaTree.sum(halves[...]), rows.gradient(of: 0..<8))
  }

  /// The same rows give the same bits wherever among the replicas they lie.
  @Test(arguments: sizes)
  func aReplicasContributionDoesNotDependOnItsPlace(size: (Int, Int, Int, Int)) throws {
    let rows = try Rows(size, replicas: 3)
    for segment in 0..<rows.segments {
      for (memory, width) in [(rows.x, rows.k), (rows.y, rows.n)] {
        let count = rows.rows * width
        let base = memory.pointer + segment * 3 * count
        base.update(from: base + 2 * count, count: count)
      }
    }
    expectSameBits(rows.gradient(of: 0..<1), rows.gradient(of: 2..<3))
  }

  @Test(arguments: sizes)
  func theSumAgreesWithTheReference(size: (Int, Int, Int, Int)) throws {
    let rows = try Rows(size, replicas: 4)
    let count = rows.segments * 4 * rows.rows
    let (x, y) = (
      DoubleTensor([count, rows.k], rows.x.values), DoubleTensor([count, rows.n], rows.y.values)
    )
    let expected = Reference.product(x, y, form: .transposedLeft).values
    let magnitudes = Reference.product(x.mapValues(abs), y.mapValues(abs), form: .transposedLeft)
    expectClose(rows.gradient(of: 0..<4), expected) {
      1e-6 * magnitudes.values[$0]
    }
  }
}
