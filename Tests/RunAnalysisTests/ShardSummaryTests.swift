import Foundation
import RunAnalysis
import Testing

/// Summaries against NumPy and SciPy on the same files (`Tests/Goldens/shards/make_goldens.py`).
@Suite struct ShardSummaryTests {
  struct Case: CustomTestStringConvertible, Sendable {
    let run: String
    var file = "expected.json"
    var steps: ClosedRange<Int>?
    var testDescription: String { "\(run)/\(file)" }
  }

  @Test(arguments: [
    Case(run: "ordinary"),
    Case(run: "ordinary", file: "expected-50-99.json", steps: 50...99),
    Case(run: "constant"), Case(run: "one-replica"), Case(run: "two-rows"),
    Case(run: "not-finite"), Case(run: "classic"),
  ])
  func agreesWithSciPy(_ golden: Case) throws {
    let expected = try #require(
      Goldens.json("\(golden.run)/\(golden.file)") as? [String: Any])
    let names = try #require(expected["columns"] as? [[String: Any]]).compactMap {
      $0["column"] as? String
    }
    let archive = try RunArchive(path: "\(Goldens.path)/\(golden.run)")
    let summary = try ShardSummary(archive, steps: golden.steps, columns: names)
    expectEqual(try object(summary), expected, at: golden.run)
  }

  @Test func summarisesEveryColumnThatTheRunHas() throws {
    let all = try summary(of: "ordinary")
    #expect(all.columns.map(\.column) == ShardSummary.knownColumns.map(\.name))
    #expect(all["gradient_norm"]?.file == "gradients.csv")
    let classic = try summary(of: "classic")
    #expect(classic["gradient_norm"]?.file == "shards.csv")
    #expect(classic["cosine"] == nil)
  }

  @Test(arguments: [
    ("constant", "loss_self", "all values are equal: nothing to compare"),
    ("one-replica", "loss_self", "one replica: nothing to compare it with"),
    ("two-rows", "loss_self", "one value a replica: differences cannot be told from chance"),
    ("two-rows", "loss_self", "one step: there is no drift"),
    ("not-finite", "loss_self", "4 values are not finite and left out"),
    ("not-finite", "loss_fake", "there is no finite value"),
    ("classic", "weight_real", "not measured"),
  ])
  func saysWhySomethingIsUnknown(_ run: String, _ column: String, _ reason: String) throws {
    let column = try #require(try summary(of: run)[column])
    #expect(column.notes.contains(reason), "\(column.notes)")
  }

  @Test func cautionsWhereStepsDependOnEachOther() throws {
    let lines = (1...50).map { "\($0),\($0 % 2),\($0)" }
    let folder = try RunFolder([
      "shards.csv": RunFolder.table(lines.joined(separator: "\n"))
    ])
    let summary = try ShardSummary(folder.archive())
    #expect(summary["loss_self"]?.cautions.count == 1)
    #expect(try self.summary(of: "one-replica")["loss_self"]?.differences.stepsDepend == false)
  }

  @Test func findsTheOddReplicaAndNoOther() throws {
    let summary = try summary(of: "ordinary")
    #expect(summary["loss_self"]?.outliers.map(\.replica) == [5])
    #expect(summary["loss_self"]?.verdict == .much)
    // Differences within the noise are none, however they lie.
    #expect(summary["cosine"]?.outliers.isEmpty == true)
    #expect(summary["cosine"]?.verdict == .alike)
  }

  @Test func splitsTiesOfWeightsEvenly() throws {
    let header = "step,replica,weight_generated,weight_real,weight_fake\n"
    let folder = try RunFolder([
      "shards.csv": header + "1,0,0.4,0.4,0.2\n1,1,0.4,0.3,0.3\n2,0,0.5,0.2,0.3\n2,1,0.1,0.1,0.8\n"
    ])
    let weights = try ShardSummary(folder.archive()).weights
    #expect(weights.map(\.largestOfItsOwn) == [[0.75, 0.25, 0], [0.5, 0, 0.5]])
    #expect(weights.map(\.largestAmongReplicas) == [[0.75, 1, 0], [0.25, 0, 1]])
  }

  @Test func writesWhatOverflowsAsNull() throws {
    let folder = try RunFolder([
      "shards.csv": RunFolder.table("1,0,1e308", "1,1,-1e308", "2,0,1.5e308", "2,1,-1.7e308")
    ])
    let columns = try object(ShardSummary(folder.archive()))["columns"] as? [[String: Any]]
    let differences = try #require(columns?.first?["differences"] as? [String: Any])
    #expect(differences["withinVariance"] is NSNull)
  }

  private func summary(of run: String) throws -> ShardSummary {
    try ShardSummary(RunArchive(path: "\(Goldens.path)/\(run)"))
  }
}

private func object(_ summary: ShardSummary) throws -> [String: Any] {
  let data = try JSONEncoder().encode(summary)
  return try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
}

/// Checks that everything in `expected` is in `actual`, with numbers to 9 digits.
private func expectEqual(_ actual: Any?, _ expected: Any, at path: String) {
  switch (actual, expected) {
  case (let actual as [String: Any], let expected as [String: Any]):
    for (key, value) in expected { expectEqual(actual[key], value, at: "\(path).\(key)") }
  case (let actual as [Any], let expected as [Any]):
    #expect(actual.count == expected.count, "\(path)")
    for (index, pair) in zip(actual, expected).enumerated() {
      expectEqual(pair.0, pair.1, at: "\(path)[\(index)]")
    }
  case (let actual as Double, let expected as Double):
    let scale = max(abs(actual), abs(expected))
    #expect(abs(actual - expected) <= 1e-9 * scale + 1e-14, "\(path): \(actual), \(expected)")
  case (let actual as String, let expected as String): #expect(actual == expected, "\(path)")
  case (is NSNull, is NSNull): break
  default: Issue.record("\(path): \(String(describing: actual)), expected \(expected)")
  }
}
