import Statistics
import Testing

@Suite("Moments")
struct MomentsTests {
  @Test("are NumPy's, group by group and of all values", arguments: Golden.recorded.groups)
  func numPy(golden: Golden.Groups) {
    let values = golden.groups + [golden.groups.flatMap { $0 }]
    for (values, expected) in zip(values, golden.moments + [golden.all]) {
      let moments = Moments(values)
      #expect(moments.count == expected.count)
      #expect(isClose(moments.mean, expected.mean))
      #expect(isClose(moments.variance, expected.variance))
      #expect(isClose(moments.standardDeviation, expected.variance?.squareRoot()))
      #expect(moments.minimum == expected.minimum)
      #expect(moments.maximum == expected.maximum)
    }
  }

  @Test("of merged groups are those of all values", arguments: Golden.recorded.groups)
  func merging(golden: Golden.Groups) {
    let parts = golden.groups.map { Moments($0) } + [Moments()]
    for parts in [parts, parts.reversed()] {
      var merged = Moments()
      for part in parts { merged.merge(part) }
      #expect(merged.count == golden.all.count)
      #expect(isClose(merged.mean, golden.all.mean))
      #expect(isClose(merged.variance, golden.all.variance))
      #expect(merged.minimum == golden.all.minimum)
      #expect(merged.maximum == golden.all.maximum)
    }
  }

  @Test("of constants have no spread at all, in whatever parts")
  func constants() {
    var moments = Moments(repeatElement(0.1, count: 1000))
    moments.merge(Moments(repeatElement(0.1, count: 77)))
    #expect(moments.mean == 0.1)
    #expect(moments.sumOfSquares == 0)
    #expect(moments.variance == 0)
  }

  @Test("keep the variance of a million values beside an offset of 2³⁰")
  func offset() throws {
    // ±1/2 in turn: the variance is n / (n − 1) / 4.
    let count = 1_000_000
    let moments = Moments((0..<count).lazy.map { 0x1p30 + ($0 % 2 == 0 ? 0.5 : -0.5) })
    let variance = try #require(moments.variance)
    #expect(isClose(variance, Double(count) / Double(count - 1) / 4, tolerance: 1e-12))
    #expect(moments.mean == 0x1p30)
  }

  @Test("of nothing are NaN, equal each other, and change nothing")
  func empty() {
    let empty = Moments()
    #expect(empty == Moments([]))
    #expect(empty.mean.isNaN && empty.minimum.isNaN && empty.maximum.isNaN)
    #expect(empty.variance == nil && empty.standardDeviation == nil)

    let some = Moments([1, 2])
    var merged = some
    merged.merge(empty)
    #expect(merged == some)
    merged = empty
    merged.merge(some)
    #expect(merged == some)
    #expect(merged != empty)
    #expect(Moments([1, 3]) != Moments([1, 2]))
  }

  @Test("of one value have no variance")
  func one() {
    let one = Moments([3])
    #expect(one.mean == 3 && one.minimum == 3 && one.maximum == 3)
    #expect(one.sumOfSquares == 0)
    #expect(one.variance == nil)
  }
}
