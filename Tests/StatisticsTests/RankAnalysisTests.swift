import Foundation
import Statistics
import Testing

@Suite("Kruskal and Wallis's analysis of ranks")
struct RankAnalysisTests {
  @Test("is SciPy's, ties included", arguments: Golden.recorded.groups)
  func sciPy(golden: Golden.Groups) {
    let analysis = RankAnalysis(groups: golden.groups)
    #expect(isClose(analysis?.statistic, golden.rankAnalysis.statistic))
    #expect(isClose(analysis?.pValue, golden.rankAnalysis.pValue))
    #expect(isClose(analysis?.epsilonSquared, golden.rankAnalysis.epsilonSquared))
    #expect(analysis.map { $0.degreesOfFreedom == golden.groups.count - 1 } ?? true)
  }

  @Test("depends on the values' order alone", arguments: Golden.recorded.groups)
  func monotone(golden: Golden.Groups) {
    let straight = RankAnalysis(groups: golden.groups)
    // Twice the value in the upper half, thrice it in the lower: ascending, and not linear.
    let bent = golden.groups.map { $0.map { $0 > 0 ? 2 * $0 : 3 * $0 } }
    #expect(RankAnalysis(groups: bent) == straight)
    let shuffled = golden.groups.map { Array($0.reversed()) } + [[]]
    let other = RankAnalysis(groups: shuffled)
    #expect(other?.degreesOfFreedom == straight?.degreesOfFreedom)
    #expect(straight == nil || isClose(other?.statistic, straight?.statistic))
  }

  @Test(
    "is nil without two groups, or where all values are equal",
    arguments: [[], [[1, 2]], [[1, 2], []], [[5, 5], [5], [5]]])
  func undefined(groups: [[Double]]) {
    #expect(RankAnalysis(groups: groups) == nil)
  }

  @Test("of groups that do not overlap has an ε² near one")
  func separate() throws {
    let analysis = try #require(RankAnalysis(groups: [[1], [2]]))
    #expect(analysis.epsilonSquared == 1)
    #expect(analysis.statistic == 1)
    // χ² of one degree of freedom is the square of a normal number.
    #expect(isClose(analysis.pValue, erfc(0.5.squareRoot())))
  }
}
