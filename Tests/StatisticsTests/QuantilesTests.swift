import Statistics
import Testing

@Suite("Quantiles")
struct QuantilesTests {
  @Test("are NumPy's, in whatever order values come", arguments: Golden.recorded.groups)
  func numPy(golden: Golden.Groups) {
    let values = golden.groups.flatMap { $0 }
    for values in [values, values.reversed(), values.sorted()] {
      #expect(quantiles(values, at: Golden.recorded.fractions) == golden.quantiles)
    }
  }

  @Test("of no values are NaN")
  func empty() {
    let none = quantiles([], at: [0, 0.5])
    #expect(none.count == 2)
    #expect(none.allSatisfy { $0.isNaN })
    #expect(quantiles([1, 2], at: []).isEmpty)
  }

  @Test("of one value are that value")
  func one() {
    #expect(quantiles([7], at: [0, 0.3, 1]) == [7, 7, 7])
  }

  @Test("Modified z scores are those of SciPy's MAD", arguments: Golden.recorded.groups)
  func scores(golden: Golden.Groups) {
    let values = golden.groups.flatMap { $0 }
    let scores = modifiedZScores(values)
    #expect((scores == nil) == (golden.modifiedZScores == nil))
    #expect(scores.map { $0.count == values.count } ?? true)
    for (score, expected) in zip(scores ?? [], golden.modifiedZScores ?? []) {
      #expect(isClose(score, expected))
    }
  }

  @Test(
    "Modified z scores are nil where more than half of the values are equal",
    arguments: [[], [3], [2, 2, 2, 9], [0.1, 0.1, 0.1]])
  func scale(values: [Double]) {
    #expect(modifiedZScores(values) == nil)
  }

  @Test("Modified z scores tell an outlier apart")
  func outlier() throws {
    let scores = try #require(modifiedZScores([1, 2, 3, 4, 100]))
    // The median is 3, and MAD is 1.
    #expect(scores == [-2, -1, 0, 1, 97].map { 0.6745 * $0 })
  }
}
