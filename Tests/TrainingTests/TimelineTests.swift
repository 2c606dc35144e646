import Execution
import Foundation
import Replicas
import RunFiles
import TestSupport
import Testing
import Training

@Suite struct TimelineTests {
  /// Trains, and returns the timeline of some steps and the parameters after all.
  private func timeline(
    on shape: JobShape, steps: Int, shown: ClosedRange<Int>, overrides: [String] = []
  ) throws -> (TimelineContents, [[Float]]) {
    let scratch = try ScratchDirectory()
    let parameters = try JobOfRuns(
      shape: shape, overrides: { _ in overrides + ["threads=\(shape.threads)"] }
    ).results { run in
      let timeline = try TimelineRecorder(run, path: scratch.file("timeline"), steps: shown)
      // In stretches, as `train` does.
      for _ in 0..<(steps / 2) { try run.advance(steps: 2) }
      try run.advance(steps: steps % 2)
      try timeline.finish()
      return Array(run.store.parameters.values)
    }
    #expect(try scratch.names() == ["timeline"])
    return (try TimelineContents(scratch.data("timeline")), parameters)
  }

  private static let shapes = [
    JobShape([1], threads: 2), JobShape([2]), JobShape([2], threads: 2), JobShape([1, 1]),
    JobShape([2, 1], threads: 1),
  ]

  /// The threads of a job over four replicas that record something while steps run.
  private func expectedThreads(_ shape: JobShape) -> [TimelineContents.Thread] {
    let placement = shape.placement(replicas: 4)
    var threads: [TimelineContents.Thread] = []
    var rank = 0
    for (host, processes) in shape.hosts.enumerated() {
      for process in 0..<processes {
        let name = "rank \(rank) on host\(host)"
        threads.append(.init(process: name, thread: "main"))
        for worker in 0..<shape.threads {
          let run = placement.run(rank: rank, worker: worker)
          let replicas =
            run.count == 1
            ? "replica \(run.lowerBound)" : "replicas \(run.lowerBound)–\(run.upperBound - 1)"
          threads.append(.init(process: name, thread: "worker \(worker): \(replicas)"))
        }
        if shape.hosts.count > 1, process == 0 {
          threads.append(.init(process: name, thread: "messenger"))
        }
        rank += 1
      }
    }
    return threads
  }

  @Test(arguments: shapes)
  func everyThreadHasEveryStepAndWhatItDidThere(_ shape: JobShape) throws {
    let (timeline, _) = try timeline(on: shape, steps: 7, shown: 3...5)
    #expect(timeline.threads == expectedThreads(shape))
    for thread in timeline.threads where thread.thread != "main" {
      #expect(timeline.disorder(of: thread) == [])
      let steps = timeline.steps(of: thread)
      #expect(steps.map(\.step.step) == [3, 4, 5])
      for (step, within) in steps { #expect(within > 0 && within <= step.duration) }
      #expect(Set(timeline.events[thread]?.map(\.step) ?? []) == [3, 4, 5])
    }
  }

  /// As many calls a step as there are, whose names are those of the profile.
  @Test func theCallsAreThoseOfTheProfile() throws {
    let scratch = try ScratchDirectory()
    let profile = try JobOfRuns.alone { run in
      let timeline = try TimelineRecorder(run, path: scratch.file("timeline"), steps: 1...2)
      let profile = try run.profile(steps: 2)
      try timeline.finish()
      return profile
    }
    let timeline = try TimelineContents(scratch.data("timeline"))
    let worker = try #require(timeline.threads.last)
    #expect(worker == .init(process: "selfgan", thread: "worker 0: replicas 0–3"))
    let calls = (timeline.events[worker] ?? []).filter { $0.kind == "kernel" }
    // Both take the same times.
    for time in profile {
      let sum = calls.filter { $0.name == time.operation && $0.layer ?? "" == time.layer }
        .reduce(0) { $0 + $1.duration }
      #expect(abs(sum - Double(time.nanoseconds) / 1000) < 1e-3, "\(time)")
    }
    let named = Set(calls.map { "\($0.layer ?? "") \($0.name)" })
    #expect(named.subtracting(profile.map { "\($0.layer) \($0.operation)" }) == [])
  }

  @Test(arguments: [JobShape([1], threads: 2), JobShape([2]), JobShape([1, 1])])
  func aTimelineChangesNoBit(_ shape: JobShape) throws {
    let (_, parameters) = try timeline(on: shape, steps: 5, shown: 2...4)
    let without = try JobOfRuns.alone { run in
      try run.advance(steps: 5)
      return Array(run.store.parameters.values)
    }
    for values in parameters { #expect(values == without) }
  }

  /// The step before the first one that counts is none; the one that measures gradients is.
  @Test func stepsAreNumberedAsInTheMetrics() throws {
    let (timeline, _) = try timeline(
      on: JobShape([1]), steps: 4, shown: 1...4,
      overrides: ["objective.warmUp=true", "shards.gradientEvery=2"])
    for thread in timeline.threads where thread.thread != "main" {
      #expect(timeline.steps(of: thread).map(\.step.step) == [1, 2, 3, 4])
      #expect(timeline.disorder(of: thread) == [])
    }
  }

  @Test func aRunThatFailedLeavesWhatItsFirstProcessRecorded() throws {
    let scratch = try ScratchDirectory()
    try JobOfRuns.alone { run in
      let timeline = try TimelineRecorder(run, path: scratch.file("timeline"), steps: 1...100)
      try run.advance(steps: 2)
      try timeline.finishAlone()
    }
    let timeline = try TimelineContents(scratch.data("timeline"))
    let worker = try #require(timeline.threads.last)
    #expect(timeline.steps(of: worker).map(\.step.step) == [1, 2])
  }

  // MARK: The file

  private static let strange = "quote \" backslash \\ line\nend \u{1} é / 🌊"

  @Test func namesMayBeAnything() throws {
    let scratch = try ScratchDirectory()
    let file = TimelineFile(
      processes: [
        .init(
          title: Self.strange + "p", rank: 3, clockOffset: 0,
          threads: [
            .init(
              title: Self.strange + "t",
              names: [.init(.kernel, Self.strange + "o", layer: Self.strange + "l")],
              events: [.init(start: 5, duration: 1, step: 0, name: 0)])
          ])
      ], details: ["model": Self.strange], stepNumber: 1)
    try file.write(to: scratch.file("timeline"))
    let timeline = try TimelineContents(scratch.data("timeline"))
    let thread = TimelineContents.Thread(process: Self.strange + "p", thread: Self.strange + "t")
    #expect(timeline.threads == [thread])
    let event = try #require(timeline.events[thread]?.first)
    #expect(event.name == Self.strange + "o" && event.layer == Self.strange + "l")
    #expect(timeline.details["model"] as? String == Self.strange)
  }

  /// Nanoseconds are kept, and other hosts' times are those of the first process's clock.
  @Test func timesAreMicrosecondsSinceTheFirstEvent() throws {
    let scratch = try ScratchDirectory()
    func process(_ rank: Int, ahead: Int64, _ events: [(start: UInt64, duration: UInt64)])
      -> TimelineFile.Process
    {
      .init(
        title: "rank \(rank)", rank: rank, clockOffset: ahead,
        threads: [
          .init(
            title: "worker", names: [.init(.step, "step")],
            events: events.map {
              .init(start: $0.start, duration: $0.duration, step: 6, name: 0)
            })
        ])
    }
    let file = TimelineFile(
      processes: [
        process(0, ahead: 0, [(10_000, 1_007), (9_001, 3_000), (9_001, 20)]),
        process(1, ahead: 5_000_000, [(5_008_000, 1)]),
        process(2, ahead: -7_500, [(2_500, 1_000_000_000_000)]),
      ], details: [String: Int](), stepNumber: 0)
    try file.write(to: scratch.file("timeline"))
    let timeline = try TimelineContents(scratch.data("timeline"))
    func times(_ rank: Int) -> [[Double]] {
      (timeline.events[.init(process: "rank \(rank)", thread: "worker")] ?? []).map {
        [$0.start, $0.duration]
      }
    }
    // The longer of two that begin together is first.
    #expect(times(0) == [[1.001, 3], [1.001, 0.02], [2, 1.007]])
    #expect(times(1) == [[0, 0.001]])
    #expect(times(2) == [[2, 1_000_000_000]])
    #expect(timeline.events.values.joined().allSatisfy { $0.step == 6 })
  }

  @Test func anEmptyTimelineIsOne() throws {
    let scratch = try ScratchDirectory()
    try TimelineFile(processes: [], details: [String: Int](), stepNumber: 1)
      .write(to: scratch.file("timeline"))
    #expect(try TimelineContents(scratch.data("timeline")).threads == [])
  }
}
