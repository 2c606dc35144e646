import Statistics
import Testing

@Suite("Analysis of variance")
struct VarianceAnalysisTests {
  @Test("is SciPy's and the formulas'", arguments: Golden.recorded.groups)
  func sciPy(golden: Golden.Groups) throws {
    let analysis = VarianceAnalysis(groups: golden.groups.map { Moments($0) })
    guard let expected = golden.varianceAnalysis else {
      #expect(analysis == nil)
      return
    }
    let actual = try #require(analysis)
    #expect(actual.degreesOfFreedom.between == golden.groups.count - 1)
    #expect(actual.degreesOfFreedom.within == golden.all.count - golden.groups.count)
    #expect(isClose(actual.statistic, expected.statistic))
    #expect(isClose(actual.pValue, expected.pValue))
    #expect(isClose(actual.betweenMeanSquare, expected.betweenMeanSquare))
    #expect(isClose(actual.withinMeanSquare, expected.withinMeanSquare))
    #expect(isClose(actual.betweenVariance, expected.betweenVariance))
    #expect(isClose(actual.etaSquared, expected.etaSquared))
    #expect(isClose(actual.omegaSquared, expected.omegaSquared))
    #expect(isClose(actual.intraclassCorrelation, expected.intraclassCorrelation))
  }

  @Test("depends neither on the groups' order nor on empty ones", arguments: Golden.recorded.groups)
  func order(golden: Golden.Groups) {
    let groups = golden.groups.map { Moments($0) }
    let straight = VarianceAnalysis(groups: groups)
    let reversed = VarianceAnalysis(groups: [Moments()] + groups.reversed())
    #expect(straight?.degreesOfFreedom == reversed?.degreesOfFreedom)
    #expect(isSame(straight?.statistic, reversed?.statistic))
    #expect(isSame(straight?.pValue, reversed?.pValue))
  }

  @Test("does not depend on scale", arguments: Golden.recorded.groups)
  func scale(golden: Golden.Groups) {
    // Powers of two, so that the values' own rounding plays no part.
    let scaled = golden.groups.map { Moments($0.map { $0 * 0x1p20 }) }
    let straight = VarianceAnalysis(groups: golden.groups.map { Moments($0) })
    let other = VarianceAnalysis(groups: scaled)
    #expect(other?.statistic == straight?.statistic)
    #expect(other?.etaSquared == straight?.etaSquared)
    #expect(other?.intraclassCorrelation == straight?.intraclassCorrelation)
  }

  @Test("has no F where all values are equal, and an infinite one where only the groups differ")
  func degenerate() throws {
    let equal = try #require(
      VarianceAnalysis(groups: [Moments([0.1, 0.1, 0.1]), Moments([0.1, 0.1])]))
    #expect(equal.statistic == nil && equal.pValue == nil)
    #expect(equal.etaSquared == nil && equal.omegaSquared == nil)
    #expect(equal.intraclassCorrelation == nil)
    #expect(equal.betweenVariance == 0)

    let apart = try #require(
      VarianceAnalysis(groups: [Moments([0.1, 0.1, 0.1]), Moments([0.3, 0.3])]))
    #expect(apart.statistic == .infinity)
    #expect(apart.pValue == 0)
    #expect(apart.etaSquared == 1)
    #expect(apart.intraclassCorrelation == 1)
  }

  @Test(
    "is nil without two groups, or a degree of freedom within",
    arguments: [[], [[1, 2, 3]], [[1, 2], []], [[1], [2], [3]], [[], []]])
  func tooFew(groups: [[Double]]) {
    #expect(VarianceAnalysis(groups: groups.map { Moments($0) }) == nil)
  }

  @Test("of values near the end of the range gives no wrong figures, and does not trap")
  func overflow() throws {
    let groups = [Moments([1e200, -1e200]), Moments([3e200, 1e200])]
    let analysis = try #require(VarianceAnalysis(groups: groups))
    #expect(analysis.statistic == nil)
    #expect(analysis.pValue == nil)
  }
}

private func isSame(_ left: Double?, _ right: Double?) -> Bool {
  left == right || isClose(left, right)
}
