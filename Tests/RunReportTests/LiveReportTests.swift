import Foundation
import RunReport
import TestSupport
import Testing

@Suite struct LiveReportTests {
  private let scratch: ScratchDirectory

  init() throws { scratch = try ScratchDirectory() }

  /// Asks until the document is another one than `tag` names.
  private func next(_ report: LiveReport, after tag: String) async throws -> LiveReport.Version {
    for _ in 0..<2000 {
      let version = try await report.version()
      if version.tag != tag { return version }
      try await Task.sleep(for: .milliseconds(5))
    }
    throw Unchanged()
  }

  private struct Unchanged: Error {}

  @Test func aDocumentStandsUntilAFileChanges() async throws {
    let run = try RunFixture(in: scratch)
    try run.writeLosses(steps: [1, 2], replicas: 2) { _, _ in "1" }
    let report = LiveReport(path: run.path)
    let first = try await report.version()
    for _ in 0..<3 {
      let again = try await report.version()
      #expect(again.tag == first.tag)
      #expect(again.json == first.json)
      try await Task.sleep(for: .milliseconds(50))
    }
    try run.writeLosses(steps: [1, 2, 3], replicas: 2) { _, _ in "1" }
    let second = try ReadDocument(try await next(report, after: first.tag).json)
    #expect(second.numbers("runs.0.series.steps") == [1, 2, 3])
  }

  @Test func aGrowingFileIsNoProblemUntilTheRunHasEnded() async throws {
    let run = try RunFixture(in: scratch)
    try run.write("", as: "gradients.csv")
    try run.write("", as: "batch_norm.csv")
    try run.write("steps: 100\nreplicas: 1\nlogEvery: 1\n", as: "config.yaml")
    try run.write("step,replica,loss_self\n1,0,0.5\n2,0,0.2", as: "shards.csv")
    let report = LiveReport(path: run.path)
    let running = try await report.version()
    let columns = try ReadDocument(running.json).texts("runs.0.problems").filter {
      !$0.contains("the column")
    }
    #expect(columns == [])
    try run.write("", as: "weights.safetensors")
    let ended = try ReadDocument(try await next(report, after: running.tag).json)
    #expect(ended.texts("runs.0.problems").contains { $0.contains("line 3 is cut off") })
    #expect(ended.texts("runs.0.problems").contains { $0.hasPrefix("metrics.jsonl: ") })
  }

  @Test func aRunMayBeginLaterAndGoAway() async throws {
    let report = LiveReport(path: scratch.file("run"))
    let before = try await report.version()
    let sentence = try ReadDocument(before.json).texts("runs.0.problems").first
    #expect(sentence?.hasSuffix("this page waits for the run") == true)

    let run = try RunFixture(in: scratch)
    try run.writeLosses(steps: [1], replicas: 1) { _, _ in "1" }
    try run.write(RunFixture.picture(7), as: "samples/step-000001.png")
    let there = try await next(report, after: before.tag)
    #expect(try ReadDocument(there.json).numbers("runs.0.series.steps") == [1])
    #expect(await report.image("samples/step-000001.png") == RunFixture.picture(7))

    try FileManager.default.removeItem(atPath: run.path)
    let gone = try ReadDocument(try await next(report, after: there.tag).json)
    #expect(gone.texts("runs.0.problems").first?.contains("there is no such directory") == true)
    #expect(await report.image("samples/step-000001.png") == nil)
  }

  @Test(arguments: [
    "config.yaml", "shards.csv", "samples/../config.yaml", "../secret.png", "samples/secret.png",
    "samples/step-000002.png", "samples/step-000003.png", "", "/", "samples", "reals.png",
  ])
  func onlyPicturesOfTheRunAreGiven(_ address: String) async throws {
    let run = try RunFixture(in: scratch)
    try run.writeLosses(steps: [1], replicas: 1) { _, _ in "1" }
    try run.write("replicas: 1\n", as: "config.yaml")
    try scratch.write(RunFixture.picture(1), as: "secret.png")
    try run.write(RunFixture.picture(1), as: "samples/secret.png")
    try run.write("no picture", as: "samples/step-000002.png")
    try FileManager.default.createSymbolicLink(
      atPath: run.path + "/samples/step-000003.png", withDestinationPath: run.path + "/config.yaml")
    let report = LiveReport(path: run.path)
    _ = try await report.version()
    #expect(await report.image(address) == nil)
  }
}
