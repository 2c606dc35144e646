import Foundation
import TestSupport
import Testing

/// `--timeline` as a user gives it.
@Suite struct TimelineTests {
  private static let train =
    ["train", Configurations.gan, "--output", "run", "--quiet", "--threads", "2"]
    + Configurations.small

  private func timeline(_ scratch: ScratchDirectory) throws -> TimelineContents {
    try TimelineContents(scratch.data("timeline.json"))
  }

  @Test func aTimelineChangesNothingElse() throws {
    let (with, without) = (try ScratchDirectory(), try ScratchDirectory())
    let arguments = Self.train + ["--steps", "6", "--set", "logEvery=2", "--set", "sampleEvery=3"]
    let shown = try CommandProcess.run(
      arguments + ["--timeline", "timeline.json"], in: with)
    #expect(shown.code == 0 && shown.errors == "" && shown.output == "")
    #expect(try CommandProcess.run(arguments, in: without).code == 0)
    for file in ["weights.safetensors", "shards.csv", "samples/step-000006.png"] {
      #expect(try with.data("run/\(file)") == without.data("run/\(file)"), "\(file)")
    }
    #expect(try with.names() == ["run", "timeline.json"])

    let timeline = try timeline(with)
    #expect(
      timeline.threads.map(\.thread) == [
        "main", "worker 0: replicas 0–3", "worker 1: replicas 4–7",
      ]
    )
    for thread in timeline.threads { #expect(timeline.disorder(of: thread) == []) }
    for thread in timeline.threads.dropFirst() {
      #expect(timeline.steps(of: thread).map(\.step.step) == Array(1...6))
    }
    let main = timeline.events[timeline.threads[0]] ?? []
    #expect(main.filter { $0.name == "log" }.map(\.step) == [2, 4, 6])
    #expect(main.filter { $0.name == "sample" }.map(\.step) == [3, 6])
    // A checkpoint, and the weights.
    #expect(main.filter { $0.name == "save" }.map(\.step) == [6, 6])
    #expect(timeline.details["replicas"] as? Int == 8)
  }

  @Test(arguments: [
    (["train", "--steps", "10", "--timeline-steps", "4-6"], 4...6),
    (["train", "--steps", "5", "--timeline-steps", "4-600"], 4...5),
    (["train", "--steps", "120"], 1...100),
    (["benchmark", "--warmup", "3", "--steps", "5"], 4...9),
    (["benchmark", "--warmup", "3", "--steps", "5", "--timeline-steps", "2-2"], 2...2),
  ])
  func theStepsAreThoseAskedFor(_ arguments: [String], _ steps: ClosedRange<Int>) throws {
    let scratch = try ScratchDirectory()
    let outcome = try CommandProcess.run(
      [arguments[0], Configurations.gan] + arguments.dropFirst()
        + ["--timeline", "timeline.json", "--threads", "1"] + Configurations.small, in: scratch)
    #expect(outcome.code == 0, "\(outcome.errors)")
    let timeline = try timeline(scratch)
    let worker = try #require(timeline.threads.last)
    #expect(timeline.steps(of: worker).map(\.step.step) == Array(steps))
    #expect(timeline.details["firstStep"] as? Int == steps.lowerBound)
    #expect(timeline.details["lastStep"] as? Int == steps.upperBound)
  }

  @Test func anInterruptedRunLeavesItsTimeline() throws {
    let scratch = try ScratchDirectory()
    let process = try CommandProcess(
      Self.train + [
        "--steps", "2147483648", "--set", "logEvery=1", "--timeline", "timeline.json",
      ], in: scratch)
    process.wait { ((try? scratch.text("run/shards.csv")) ?? "").contains("\n3,7,") }
    process.send(SIGINT)
    #expect(try process.outcome().code == 130)
    let timeline = try timeline(scratch)
    for thread in timeline.threads.dropFirst() {
      #expect(timeline.steps(of: thread).map(\.step.step).starts(with: [1, 2, 3]))
    }
  }

  @Test func aFailedRunLeavesItsTimeline() throws {
    let scratch = try ScratchDirectory()
    let outcome = try CommandProcess.run(
      Self.train + FailingRunTests.diverging + ["--steps", "1000", "--timeline", "timeline.json"],
      in: scratch)
    expectSentence(outcome, code: 1, naming: ["adam made nan"])
    let timeline = try timeline(scratch)
    for thread in timeline.threads.dropFirst() {
      #expect(timeline.steps(of: thread).first?.step.step == 1)
    }
  }

  // MARK: Refusals

  @Test(arguments: [
    (["--timeline", "missing/timeline.json"], ["missing/timeline.json", "No such file"]),
    (["--timeline", "."], [".", "no regular file"]),
    (["--timeline", "/dev/null"], ["/dev/null", "no regular file"]),
    (["--timeline", ""], ["--timeline"]),
    (["--timeline", "t", "--timeline-steps", "7-9"], ["--timeline-steps", "7-9", "6"]),
    (
      ["--timeline", "t", "--steps", "2147483648", "--timeline-steps", "1-2147483648"],
      ["--timeline-steps", "256 MiB"]
    ),
  ])
  func isRefusedBeforeTheFirstStep(_ arguments: [String], _ facts: [String]) throws {
    let scratch = try ScratchDirectory()
    expectSentence(
      try CommandProcess.run(
        Self.train + (arguments.contains("--steps") ? [] : ["--steps", "6"]) + arguments,
        in: scratch), code: 65, naming: facts)
    #expect(try scratch.names() == [])
  }

  @Test(arguments: ["5", "5-", "-5", "5-4", "0-4", "a-b", "1-2-3", "1-99999999999999999999", ""])
  func rangesAreTwoNumbers(_ range: String) throws {
    let scratch = try ScratchDirectory()
    let outcome = try CommandProcess.run(
      Self.train + ["--timeline", "t", "--timeline-steps=\(range)"], in: scratch)
    #expect(outcome.code == 64)
    #expect(outcome.errors.contains("--timeline-steps"))
    #expect(try scratch.names() == [])
  }

  @Test func stepsWithoutAFileAreAMistake() throws {
    let outcome = try CommandProcess.run(
      Self.train + ["--timeline-steps", "1-2"], in: ScratchDirectory())
    #expect(outcome.code == 64 && outcome.errors.contains("--timeline <timeline>"))
  }
}

extension MPITests {
  /// The timeline of several processes: one file, written by the first.
  @Suite struct TimelineTests {
    private func expectCompleteTimeline(
      _ launch: MPIJob.Launch, _ workers: [String], messengers: Int,
      sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
      let scratch = try ScratchDirectory()
      let outcome = try MPIJob.run(
        launch,
        [
          "train", Configurations.gan, "--steps", "8", "--output", "run", "--quiet", "--threads",
          "1", "--timeline", "timeline.json", "--timeline-steps", "3-6",
        ] + Configurations.small, in: scratch)
      #expect(outcome.code == 0 && outcome.errors == "", sourceLocation: sourceLocation)
      #expect(try scratch.names() == ["run", "timeline.json"], sourceLocation: sourceLocation)
      let timeline = try TimelineContents(scratch.data("timeline.json"))
      let threads = timeline.threads.filter { $0.thread != "main" }
      #expect(
        threads.filter { $0.thread.hasPrefix("worker") }.map { "\($0.process): \($0.thread)" }
          == workers, sourceLocation: sourceLocation)
      #expect(
        threads.count { $0.thread == "messenger" } == messengers, sourceLocation: sourceLocation)
      var steps: [Int: [TimelineContents.Event]] = [:]
      for thread in threads {
        #expect(timeline.disorder(of: thread) == [], sourceLocation: sourceLocation)
        #expect(
          timeline.steps(of: thread).map(\.step.step) == [3, 4, 5, 6],
          sourceLocation: sourceLocation)
        for (step, within) in timeline.steps(of: thread) {
          #expect(within > 0 && within <= step.duration, sourceLocation: sourceLocation)
          steps[step.step, default: []].append(step)
        }
      }
      // A worker waits in each step for all others, whose clock is the same or aligned.
      let uncertainty = timeline.details["clockUncertaintyMicroseconds"] as? Double ?? 0
      #expect((uncertainty > 0) == (messengers > 0), sourceLocation: sourceLocation)
      for (step, events) in steps {
        let (latest, earliest) = (events.map(\.start).max(), events.map(\.end).min())
        #expect(
          try #require(latest) <= #require(earliest) + 2 * uncertainty, "step \(step)",
          sourceLocation: sourceLocation)
      }
    }

    @Test func everyRankIsThere() throws {
      try expectCompleteTimeline(
        .ranks(2),
        (0..<2).map { rank in
          "rank \(rank) on \(MPITests.hostName): worker 0: replicas \(4 * rank)–\(4 * rank + 3)"
        }, messengers: 0)
    }

    @Test(.enabled(if: hostsArePossible, hostsAreNeeded))
    func everyRankOfEveryHostIsThere() throws {
      try expectCompleteTimeline(
        .hosts(2, slots: 2),
        (0..<4).map { rank in
          "rank \(rank) on tpu\(rank / 2): worker 0: replicas \(2 * rank)–\(2 * rank + 1)"
        }, messengers: 2)
    }

    @Test func anUnwritableFileIsRefused() throws {
      let scratch = try ScratchDirectory()
      let outcome = try MPIJob.run(
        .ranks(2),
        ["train", Configurations.gan, "--output", "run", "--timeline", "missing/t"]
          + Configurations.small, in: scratch)
      #expect(outcome.code == 65, "\(outcome.errors)")
      #expect(outcome.errors.contains("missing/t: cannot be written: No such file or directory"))
      #expect(try scratch.names() == [])
    }
  }
}
