import Foundation
import RunAnalysis
import RunConfiguration
import TestSupport
import Testing

/// What an archive tells of whole, unfinished and damaged run directories.
@Suite struct RunArchiveTests {
  private static let line =
    #"{"examples":64,"loss.fake":null,"loss.self":0.5,"millisecondsPerStep":2.5,"seconds":0.1,"step":"#

  /// A run of 8 replicas and 20 steps that has logged steps 10 and 20.
  private func folder(without: [String] = []) throws -> RunFolder {
    var configuration = Configuration()
    (configuration.steps, configuration.shards.gradientEvery) = (20, 0)
    let header = "step,replica,layer,pass,mean_distance,variance_distance\n"
    var files = [
      "config.yaml": configuration.yaml,
      "metrics.jsonl": Self.line + "10}\n" + Self.line + "20}\n",
      "batch_norm.csv": header, "weights.safetensors": "", "reals.png": "",
    ]
    files["shards.csv"] = try String(
      contentsOfFile: "\(Goldens.path)/classic/shards.csv", encoding: .utf8)
    for name in without { files[name] = nil }
    let folder = try RunFolder(files)
    try FileManager.default.createDirectory(
      atPath: folder.path + "/samples", withIntermediateDirectories: true)
    for name in ["step-000020.png", "step-000003.png", "step-x.png", "notes.txt"] {
      try folder.scratch.write("", as: "samples/\(name)")
    }
    return folder
  }

  @Test func tellsAllOfAFinishedRun() throws {
    let folder = try folder()
    let archive = try folder.archive()
    #expect(archive.problems == [])
    #expect(archive.name == folder.path.split(separator: "/").last.map(String.init))
    #expect(archive.configuration?.replicas == 8)
    #expect(archive.configurationText == archive.configuration?.yaml)
    #expect(archive.shards?.count == 20)
    #expect(archive.gradients == nil)
    #expect(archive.metrics.map(\.step) == [10, 20])
    #expect(archive.metrics.first?.millisecondsPerStep == 2.5)
    #expect(archive.metrics.first?.losses == ["loss_self": 0.5])
    #expect(archive.samples.map(\.step) == [3, 20])
    #expect(archive.reals == folder.path + "/reals.png")
    #expect(archive.totalSteps == 20 && archive.lastStep == 20)
    #expect(archive.isFinished && archive.hasWeights)
  }

  @Test(arguments: [
    ("config.yaml", "config.yaml: there is no such file; the configuration cannot be shown"),
    ("metrics.jsonl", "metrics.jsonl: there is no such file; speed cannot be shown"),
    ("shards.csv", "shards.csv: there is no such file; what each replica did cannot be shown"),
    ("batch_norm.csv", "batch_norm.csv: there is no such file; batch statistics cannot be shown"),
  ])
  func namesTheFileThatIsMissing(_ file: String, _ sentence: String) throws {
    // Without a configuration nobody knows whether gradients should be there.
    let problems = try folder(without: [file]).archive().problems
    #expect(problems.filter { !$0.hasPrefix("gradients.csv") } == [sentence])
  }

  @Test(arguments: [
    ("batchSize: [", "config.yaml:"), ("batchSiz: 3", "config.yaml: batchSiz: unknown key"),
    ("", "config.yaml: empty"),
  ])
  func namesWhatIsWrongWithTheConfiguration(_ text: String, _ beginning: String) throws {
    let folder = try folder()
    try folder.scratch.write(text, as: "config.yaml")
    let archive = try folder.archive()
    #expect(archive.configuration == nil)
    #expect(archive.configurationText == text)
    #expect(archive.problems.contains { $0.hasPrefix(beginning) }, "\(archive.problems)")
    #expect(archive.totalSteps == nil && archive.isFinished)
  }

  @Test func usesTheSoundLinesOfDamagedMetrics() throws {
    let folder = try folder()
    let text =
      Self.line + "10}\nnonsense\n{\"step\":\"x\"}\n" + Self.line + "5}\n" + Self.line
      + "10}\n{\"st"
    try folder.scratch.write(text, as: "metrics.jsonl")
    let archive = try folder.archive()
    #expect(archive.metrics.map(\.step) == [5, 10])
    #expect(
      archive.problems == [
        "metrics.jsonl: line 2 and 1 other are no JSON objects with a step; they are left out",
        "metrics.jsonl: line 4 goes back to an earlier step; lines are taken in the order of their steps",
        "metrics.jsonl: line 5 repeats what an earlier line is about; it is left out",
        "metrics.jsonl: line 6 is cut off; the 5 lines before it are used",
      ])
  }

  @Test func refusesWhatIsNoRun() throws {
    let scratch = try ScratchDirectory()
    #expect(throws: RunAnalysisError.notARun(path: scratch.path)) {
      try RunArchive(path: scratch.path)
    }
    let file = try scratch.write("", as: "shards.csv")
    for path in [file, scratch.file("nowhere"), ""] {
      #expect(throws: RunAnalysisError.notADirectory(path: path)) { try RunArchive(path: path) }
    }
  }

  @Test func listsTheKeysInWhichRunsDiffer() throws {
    let (first, second) = (try folder(), try folder())
    var configuration = Configuration()
    (configuration.steps, configuration.shards.gradientEvery, configuration.replicas) = (20, 0, 4)
    try second.scratch.write(configuration.yaml, as: "config.yaml")
    let unknown = try folder(without: ["config.yaml"])
    let differences = try ConfigurationDifference.between(
      [first, unknown, second].map { try $0.archive() })
    #expect(differences.map(\.key) == ["replicas"])
    #expect(differences.first?.values == ["8", nil, "4"])
  }
}
