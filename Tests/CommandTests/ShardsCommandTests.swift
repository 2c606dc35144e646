import Foundation
import TestSupport
import Testing

/// `selfgan shards` on the recorded run directories.
@Suite struct ShardsCommandTests {
  private static let goldens = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../Goldens/shards").standardized.path

  private func shards(_ arguments: [String]) throws -> CommandProcess.Outcome {
    let scratch = try ScratchDirectory()
    return try CommandProcess.run(
      ["shards"] + arguments.map { $0.replacing("GOLDENS", with: Self.goldens) }, in: scratch)
  }

  @Test(arguments: [
    ["GOLDENS/ordinary"], ["GOLDENS/one-replica"], ["GOLDENS/classic"], ["GOLDENS/two-rows"],
    ["GOLDENS/not-finite"], ["GOLDENS/ordinary", "--columns", "loss_self,weight_real,cosine"],
    ["GOLDENS/classic", "--columns", "weight_real,cosine"],
    ["GOLDENS/ordinary", "GOLDENS/one-replica", "GOLDENS/classic"],
  ])
  func fitsATerminal(_ arguments: [String]) throws {
    let outcome = try shards(arguments)
    #expect(outcome.code == 0, "\(outcome.errors)")
    let lines = outcome.output.split(separator: "\n")
    #expect(lines.allSatisfy { $0.count <= 100 }, "\(outcome.output)")
    for run in arguments where run.hasPrefix("GOLDENS/") {
      #expect(lines.contains { $0.hasPrefix("\(run.dropFirst(8)): ") })
    }
    #expect(!outcome.output.contains("nan") && !outcome.output.contains("inf"))
  }

  @Test func namesTheOddReplica() throws {
    let outcome = try shards(["GOLDENS/ordinary"])
    #expect(outcome.output.contains("loss_self: replicas differ much"))
    #expect(outcome.output.contains("outlier: replica 5"))
  }

  @Test func takesOnlyTheStepsAskedFor() throws {
    let inclusive = try shards(["GOLDENS/ordinary", "--steps", "50-99"])
    #expect(inclusive.output.contains("10 logged steps from 50 to 95"))
    #expect(inclusive.output == (try shards(["GOLDENS/ordinary", "--steps", "50..<100"]).output))
  }

  @Test func printsOneJSONObject() throws {
    let outcome = try shards(["GOLDENS/ordinary", "GOLDENS/classic", "--json"])
    let answer = try #require(
      JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
    let runs = try #require(answer["runs"] as? [[String: Any]])
    #expect(runs.compactMap { $0["run"] as? String } == ["ordinary", "classic"])
    #expect((runs[0]["columns"] as? [Any])?.count == 14)
  }

  @Test func printsALineANumberAsCSV() throws {
    let lines = try shards(["GOLDENS/ordinary", "--csv"]).output.split(separator: "\n")
    #expect(lines.first == "run,column,replica,statistic,value")
    #expect(lines.contains("ordinary,loss_self,3,count,30.0"))
    #expect(lines.contains { $0.hasPrefix("ordinary,loss_self,all,anovaP,") })
    #expect(lines.contains { $0.hasPrefix("ordinary,weights,5,largestAmongReplicas.weight_real,") })
    #expect(lines.allSatisfy { $0.count(where: { $0 == "," }) == 4 })
  }

  @Test func writesIntoAFile() throws {
    let scratch = try ScratchDirectory()
    let run = Self.goldens + "/classic"
    let outcome = try CommandProcess.run(["shards", run, "--output", "text"], in: scratch)
    #expect(outcome.code == 0 && outcome.output == "")
    #expect(try scratch.text("text") == shards([run]).output)
  }

  @Test func takesTheLatestRun() throws {
    let scratch = try ScratchDirectory()
    for name in ["00002-a", "00010-b", "notes"] {
      let path = scratch.file("runs/\(name)")
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      try scratch.write("step,replica,loss_self\n1,0,2\n", as: "runs/\(name)/shards.csv")
    }
    let outcome = try CommandProcess.run(["shards", "latest"], in: scratch)
    #expect(outcome.output.hasPrefix("00010-b: 1 replica, 1 logged step from 1 to 1\n"))
  }

  @Test(arguments: [
    (["/nowhere"], "/nowhere: there is no such directory"),
    (["GOLDENS"], "not a run's directory"), (["latest"], "no numbered run in runs"),
    (["GOLDENS/ordinary", "--columns", "los_self"], "los_self: no such column"),
    (["GOLDENS/ordinary", "--steps", "1000-2000"], "shards.csv has no such steps"),
  ])
  func refusesWhatCannotBeShown(_ arguments: [String], _ fact: String) throws {
    expectSentence(try shards(arguments), code: 65, naming: [fact])
  }

  @Test func showsTheRestOfDamagedRuns() throws {
    let scratch = try ScratchDirectory()
    try scratch.write("step,replica,loss_self\n1,0,2\n1,1,3\n2,0,", as: "shards.csv")
    let outcome = try CommandProcess.run(["shards", ".", "/nowhere"], in: scratch)
    #expect(outcome.code == 0)
    #expect(outcome.output.contains("2 replicas, 1 logged step"))
    #expect(
      outcome.errors.contains("shards.csv: line 4 is cut off; the 3 lines before it are used"))
    #expect(outcome.errors.contains("/nowhere: there is no such directory"))
  }

  @Test(arguments: [
    ["--steps=5"], ["--steps=9-3"], ["--steps=a-b"], ["--steps=-3-4"], ["--steps=1...4"],
    ["--columns="], ["--json", "--csv"],
  ])
  func refusesImpossibleOptions(_ options: [String]) throws {
    let outcome = try shards(["GOLDENS/ordinary"] + options)
    #expect(outcome.code == 64)
    #expect(outcome.errors.contains(options[0].prefix { $0 != "=" }), "\(outcome.errors)")
    #expect(outcome.output == "")
  }
}
