import Statistics
import Testing

@Suite("Analysis of randomised blocks")
struct BlockAnalysisTests {
  @Test(
    "is that of the linear models with and without treatments", arguments: Golden.recorded.blocks)
  func linearModel(golden: Golden.Blocks) throws {
    let analysis = try #require(BlockAnalysis(golden.values))
    for (mean, expected) in zip(analysis.treatmentMeans, golden.treatmentMeans) {
      #expect(isClose(mean, expected))
    }
    #expect(analysis.treatmentMeans.count == golden.treatmentMeans.count)
    #expect(isClose(analysis.residualMeanSquare, golden.residualMeanSquare))
    #expect(analysis.residualDegreesOfFreedom == golden.residualDegreesOfFreedom)
    #expect(isClose(analysis.statistic, golden.statistic))
    #expect(isClose(analysis.pValue, golden.pValue))
  }

  @Test("compares treatments as the linear model does", arguments: Golden.recorded.blocks)
  func contrasts(golden: Golden.Blocks) throws {
    let analysis = try #require(BlockAnalysis(golden.values))
    for expected in golden.contrasts {
      let contrast = analysis.contrast(expected.treatment, against: expected.against)
      #expect(isClose(contrast.difference, expected.difference))
      #expect(isClose(contrast.standardError, expected.standardError))
      #expect(isClose(contrast.pValue, expected.pValue))
      #expect(isClose(contrast.interval?.lowerBound, expected.low))
      #expect(isClose(contrast.interval?.upperBound, expected.high))
    }
  }

  @Test("of two treatments is the comparison of their pairs", arguments: Golden.recorded.paired)
  func pairs(golden: Golden.Paired) throws {
    let blocks = golden.differences.indices.map { Double($0 * $0) }
    let analysis = try #require(
      BlockAnalysis([zip(blocks, golden.differences).map { $0 + $1 }, blocks]))
    let contrast = analysis.contrast(0, against: 1)
    #expect(isClose(contrast.difference, golden.mean))
    #expect(isClose(contrast.standardError, golden.standardError))
    #expect(isClose(contrast.pValue, golden.pValue))
    #expect(isClose(analysis.pValue, golden.pValue))
  }

  @Test("does not see what a whole block has more", arguments: Golden.recorded.blocks)
  func blockEffects(golden: Golden.Blocks) throws {
    let near = try #require(BlockAnalysis(golden.values))
    let raised = golden.values.map { $0.enumerated().map { $1 + Double($0) * 0x1p10 } }
    let other = try #require(BlockAnalysis(raised))
    // The raise costs ten bits of the values.
    #expect(isClose(other.residualMeanSquare, near.residualMeanSquare, tolerance: 1e-7))
    #expect(isClose(other.statistic, near.statistic, tolerance: 1e-7))
  }

  @Test("of treatments that are equal in every block has neither F nor p")
  func equal() throws {
    let row = [0.1, 0.7, 0.3]
    let analysis = try #require(BlockAnalysis([row, row, row]))
    #expect(analysis.residualMeanSquare == 0)
    #expect(analysis.statistic == nil && analysis.pValue == nil)
    let contrast = analysis.contrast(0, against: 2)
    #expect(contrast.difference == 0 && contrast.standardError == 0)
    #expect(contrast.pValue == nil)
    #expect(contrast.interval == 0...0)
  }

  @Test("of treatments that differ by the same everywhere has an infinite F")
  func additive() throws {
    let analysis = try #require(BlockAnalysis([[1, 2, 4], [1.5, 2.5, 4.5]]))
    #expect(analysis.statistic == .infinity)
    #expect(analysis.pValue == 0)
    #expect(analysis.contrast(1, against: 0).pValue == 0)
    #expect(analysis.contrast(1, against: 0).interval == 0.5...0.5)
  }

  @Test(
    "is nil without two treatments, two blocks, or all values",
    arguments: [[], [[1, 2]], [[1], [2]], [[], []], [[1, 2], [3]], [[1, 2], [3, 4, 5]]])
  func undefined(values: [[Double]]) {
    #expect(BlockAnalysis(values) == nil)
  }

  @Test("of values near the end of the range has no interval, and does not trap")
  func overflow() throws {
    let analysis = try #require(BlockAnalysis([[1e200, -1e200], [3e200, 1e300]]))
    #expect(analysis.contrast(0, against: 1).interval == nil)
  }
}
