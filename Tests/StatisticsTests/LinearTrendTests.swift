import Statistics
import Testing

@Suite("The line of least squares")
struct LinearTrendTests {
  @Test("is SciPy's", arguments: Golden.recorded.trends)
  func sciPy(golden: Golden.Trend) throws {
    let trend = try #require(LinearTrend(golden.x, golden.y))
    #expect(isClose(trend.slope, golden.slope))
    #expect(isClose(trend.intercept, golden.intercept))
    #expect(isClose(trend.correlation, golden.correlation))
    #expect(isClose(trend.pValue, golden.pValue))
    // SciPy has none for constant y, since it takes it from the correlation.
    let isConstant = golden.correlation == nil
    #expect(isClose(trend.standardError, isConstant ? 0 : golden.standardError))
  }

  @Test("stays the same beside an offset of 2³⁰", arguments: Golden.recorded.trends)
  func offset(golden: Golden.Trend) throws {
    // To whole multiples of 2⁻¹⁰, which the offset leaves as they are.
    let y = golden.y.map { ($0 * 1024).rounded() / 1024 }
    let near = try #require(LinearTrend(golden.x, y))
    let far = try #require(LinearTrend(golden.x.map { $0 + 0x1p30 }, y.map { $0 - 0x1p30 }))
    guard near.correlation.isFinite, golden.x.allSatisfy({ $0 == $0.rounded() }) else { return }
    #expect(isClose(far.slope, near.slope, tolerance: 1e-12))
    #expect(isClose(far.correlation, near.correlation, tolerance: 1e-12))
    #expect(near.pValue == nil || isClose(far.pValue, near.pValue))
  }

  @Test("of points on a line has no error, and a p value of 0")
  func exact() throws {
    let trend = try #require(LinearTrend([0, 1, 2, 3, 4], [3, 2.5, 2, 1.5, 1]))
    #expect(trend.slope == -0.5)
    #expect(trend.intercept == 3)
    #expect(isClose(trend.correlation, -1))
    #expect(trend.standardError == 0)
    #expect(trend.pValue == 0)
  }

  @Test("of equal heights has no correlation and no p value")
  func flat() throws {
    let trend = try #require(LinearTrend([1, 2, 3], [0.1, 0.1, 0.1]))
    #expect(trend.slope == 0)
    #expect(trend.intercept == 0.1)
    #expect(trend.correlation.isNaN)
    #expect(trend.pValue == nil)
  }

  @Test("is nil for fewer than two points, and where all x are equal", arguments: 0...3)
  func undefined(count: Int) {
    let x = [Double](repeating: 0.1, count: count)
    #expect(LinearTrend(x, (0..<count).map { Double($0) }) == nil)
  }
}
