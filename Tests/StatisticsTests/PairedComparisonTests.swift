import Statistics
import Testing

@Suite("Comparison of pairs")
struct PairedComparisonTests {
  @Test("is SciPy's", arguments: Golden.recorded.paired)
  func sciPy(golden: Golden.Paired) throws {
    let comparison = try #require(PairedComparison(golden.differences))
    #expect(isClose(comparison.mean, golden.mean))
    #expect(isClose(comparison.standardError, golden.standardError))
    #expect(isClose(comparison.pValue, golden.pValue))
    #expect(isClose(comparison.interval?.lowerBound, golden.interval[0]))
    #expect(isClose(comparison.interval?.upperBound, golden.interval[1]))
    #expect(comparison.agreeInSign == golden.agreeInSign)
  }

  @Test("turns its signs with the differences", arguments: Golden.recorded.paired)
  func antisymmetry(golden: Golden.Paired) throws {
    let one = try #require(PairedComparison(golden.differences))
    let other = try #require(PairedComparison(golden.differences.map { -$0 }))
    #expect(other.mean == -one.mean)
    #expect(other.pValue == one.pValue)
    #expect(other.interval?.lowerBound == one.interval.map { -$0.upperBound })
    #expect(other.agreeInSign == one.agreeInSign)
  }

  @Test("of no differences at all has no p value")
  func zero() throws {
    let comparison = try #require(PairedComparison([0, 0, 0]))
    #expect(comparison.pValue == nil)
    #expect(comparison.interval == 0...0)
    #expect(!comparison.agreeInSign)
  }

  @Test("of equal differences is certain")
  func constant() throws {
    let comparison = try #require(PairedComparison([-0.1, -0.1, -0.1]))
    #expect(comparison.standardError == 0)
    #expect(comparison.pValue == 0)
    #expect(comparison.interval == -0.1 ... -0.1)
    #expect(comparison.agreeInSign)
  }

  @Test("is nil for fewer than two differences", arguments: [[], [1.0]])
  func undefined(differences: [Double]) {
    #expect(PairedComparison(differences) == nil)
  }
}
