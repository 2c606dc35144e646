import Kernels
import TestSupport
import Testing

struct SumTests {
  @Test(arguments: 0..<60)
  func sumsAgreeWithTheReferenceForAnyAxesAndStrides(seed: Int) throws {
    let bench = try Workbench()
    var numbers = SeededNumbers(seed: seed)
    let rank = 1 + seed % 5
    let shape = numbers.shape(rank: rank, extents: 1...(rank < 3 ? 70 : 7))
    let axes = shape.indices.filter { _ in numbers.integer(0...1) == 0 }
    let kept = shape.indices.filter { !axes.contains($0) }.map { shape[$0] }
    let a = bench.scattered(shape: shape, using: &numbers)
    let out = bench.scattered(shape: kept, using: &numbers)
    let gaps = out.gaps
    bench.run([try bench.factory.sum(out: out.tensor, of: a.tensor, axes: axes)])

    let operand = DoubleTensor(shape, a.values)
    let expected = Reference.sum(operand, axes: axes).values
    let magnitudes = Reference.sum(operand.mapValues(abs), axes: axes).values
    expectClose(out.values, expected) { 1e-6 * magnitudes[$0] }
    expectSameBits(out.gaps, gaps)
  }

  @Test(arguments: [1, 7, 16, 17, 1000, 100_003])
  func aWholeVectorIsSummed(count: Int) throws {
    let bench = try Workbench()
    var numbers = SeededNumbers(seed: count)
    let (a, out) = (bench.floats(numbers.floats(count, in: 0...1)), bench.floats(count: 1))
    bench.run([try bench.factory.sum(out: out.tensor([]), of: a.tensor([count]), axes: [0])])
    let expected = Reference.sum(DoubleTensor([count], a.values), axes: [0]).values
    expectClose(out.values, expected) { _ in 1e-5 * expected[0] }
  }

  /// A replica's sum has the same bits whether its worker has one replica or several.
  @Test(arguments: [[8], [17], [64], [8, 784]], [2, 4, 8])
  func aReplicasSumDoesNotDependOnHowManyReplicasRunTogether(own: [Int], width: Int) throws {
    let bench = try Workbench()
    var numbers = SeededNumbers(seed: width)
    let count = own.reduce(1, *)
    let all = bench.floats(numbers.floats(width * count))
    let (together, alone) = (bench.floats(count: width), bench.floats(count: width))
    bench.run([
      try bench.factory.sum(
        out: together.tensor([width]), of: all.tensor([width] + own), axes: Array(1...own.count))
    ])
    for replica in 0..<width {
      var tensor = all.tensor(own)
      tensor.pointer += replica * count
      let out = StridedTensor(pointer: alone.pointer + replica, dimensions: [], strides: [])
      bench.run([try bench.factory.sum(out: out, of: tensor, axes: Array(own.indices))])
    }
    expectSameBits(together.values, alone.values)
  }

  /// Merged passes lie as [pass, replica, example]: one replica's rows are apart in memory.
  @Test(arguments: [2, 4])
  func aSumOverPassesDoesNotDependOnHowManyReplicasRunTogether(width: Int) throws {
    let bench = try Workbench()
    var numbers = SeededNumbers(seed: 40 + width)
    let own = numbers.floats(3 * 8)
    let alone = bench.floats(own)
    // Replica 0 of `width`; the others' numbers are as they may be.
    let merged = bench.floats(numbers.floats(3 * width * 8))
    for pass in 0..<3 {
      (merged.pointer + pass * width * 8).update(from: alone.pointer + pass * 8, count: 8)
    }
    let (together, single) = (bench.floats(count: width), bench.floats(count: 1))
    bench.run([
      try bench.factory.sum(
        out: together.tensor([width]), of: merged.tensor([3, width, 8]), axes: [0, 2]),
      try bench.factory.sum(out: single.tensor([]), of: alone.tensor([3, 8]), axes: [0, 1]),
    ])
    expectSameBits([together.values[0]], single.values)
  }

  @Test(arguments: [2, 4])
  func aReplicasColumnSumsDoNotDependOnHowManyReplicasRunTogether(width: Int) throws {
    let bench = try Workbench()
    var numbers = SeededNumbers(seed: 20 + width)
    let (rows, columns) = (24, 37)
    let all = bench.floats(numbers.floats(width * rows * columns))
    let (together, alone) = (
      bench.floats(count: width * columns), bench.floats(count: width * columns)
    )
    bench.run([
      try bench.factory.sum(
        out: together.tensor([width, columns]), of: all.tensor([width, rows, columns]), axes: [1])
    ])
    for replica in 0..<width {
      var (tensor, out) = (all.tensor([rows, columns]), alone.tensor([columns]))
      tensor.pointer += replica * rows * columns
      out.pointer += replica * columns
      bench.run([try bench.factory.sum(out: out, of: tensor, axes: [0])])
    }
    expectSameBits(together.values, alone.values)
  }
}
