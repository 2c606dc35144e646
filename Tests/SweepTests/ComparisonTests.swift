import Foundation
import RunFiles
import RunReport
import Sweep
import TestSupport
import Testing

@Suite struct ComparisonTests {
  private static func comparison(_ plan: SweepPlan) throws -> Comparison {
    let scratch = try ScratchDirectory()
    let directory = SweepDirectory(path: scratch.file("sweep"))
    _ = try SmallSweep.run(plan, in: directory)
    return Comparison(SweepResults(plan, in: directory))
  }

  /// Losses, weights, gradients and samples, and the first step.
  @Test func everyGroupIsAnswered() throws {
    let plan = try SmallSweep.plan(
      objectives: ["selfTPU", "classic"], replicas: [1, 2, 4], seeds: 3)
    let comparison = try Self.comparison(plan)
    func sentences(_ objective: String) -> [String] {
      comparison.headline.filter { $0.hasPrefix(objective) }
    }
    #expect(sentences("selfTPU").count == 4)
    // It has no weights.
    #expect(sentences("classic").count == 3)
    #expect(sentences("selfTPU")[1].contains("dynamic weights"))
    #expect(comparison.headline.count { $0.contains("At step 1") } == 2)
    #expect(comparison.tables.count == 6)
    for table in comparison.tables {
      #expect(table.rows.allSatisfy { $0.count == table.columns.count }, "\(table.title)")
    }
    for chart in comparison.charts {
      #expect(chart.series.map(\.name) == ["1 replica", "2 replicas", "4 replicas"])
      #expect(chart.series.allSatisfy { $0.mean.count == chart.x.count })
    }
  }

  /// A seed that has not run with every number would make its own difference look like the number's.
  @Test func onlySeedsThatHaveRunWithEveryNumberCount() throws {
    let scratch = try ScratchDirectory()
    let plan = try SmallSweep.plan(seeds: 2)
    let directory = SweepDirectory(path: scratch.file("sweep"))
    _ = try SmallSweep.run(plan, in: directory)
    let name = try #require(plan.cells.last).name
    try FileManager.default.removeItem(atPath: scratch.file("sweep/\(name)"))
    let results = SweepResults(plan, in: directory)
    let comparison = Comparison(results)
    #expect(comparison.headline[0].contains("chance cannot be told from an effect"))
    let row = try #require(comparison.tables[0].rows.first)
    let first = try #require(results.cells.first).means["loss_self"]
    guard case .number(let mean) = row[1] else {
      Issue.record("\(row[1])")
      return
    }
    #expect(mean == first)
  }

  @Test func oneSeedSaysThatChanceIsUnknown() throws {
    let comparison = try Self.comparison(try SmallSweep.plan())
    #expect(comparison.headline[0].contains("chance cannot be told from an effect"))
  }
}
