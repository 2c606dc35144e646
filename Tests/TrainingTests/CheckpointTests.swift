import Foundation
import RunConfiguration
import RunFiles
import TestSupport
import Testing
import Training

/// A run that was taken apart and goes on with the bits of the one that never stopped.
@Suite(.serialized)
struct CheckpointTests {
  private static let shapes = [
    JobShape([1]), JobShape([2]), JobShape([4]), JobShape([1, 2]), JobShape([1, 1, 1, 1]),
  ]

  /// Whatever the state of a run can consist of.
  private static let kinds = [
    ["objective.warmUp=true", "batchNorm.movingStatistics=own", "data.order=shuffled"],
    ["batchNorm.movingStatistics=sequential", "objective.kind=selfGPU"],
    ["objective.kind=classic", "communication.shardedUpdate=false", "data.order=sequential"],
    ["model.kind=dcgan", "model.image={height: 8, width: 8}", "batchNorm.scope=2"],
  ]

  private static func state(_ run: TrainingRun) throws -> [NamedTensor]? {
    try run.checkpoint(seconds: 0)?.tensors
  }

  @Test(arguments: kinds)
  func aRunGoesOnAnywhereWithTheSameBits(_ overrides: [String]) throws {
    let whole = try JobOfRuns.alone(overrides) { run in
      try run.advance(steps: 9)
      return try #require(try Self.state(run))
    }
    let checkpoint = try JobOfRuns.alone(overrides) { run in
      try run.advance(steps: 4)
      return try #require(try run.checkpoint(seconds: 1))
    }
    #expect(checkpoint.facts.step == 4)
    #expect(checkpoint.facts.updates == (overrides[0].contains("warmUp") ? 5 : 4))
    #expect(checkpoint.tensors != whole)
    for shape in Self.shapes {
      let resumed = try JobOfRuns(shape: shape, overrides: { _ in overrides }, disorder: 1)
        .results { run in
          // What it was before is no matter.
          try run.advance(steps: 1)
          try run.restore(run.processes.isFirst ? checkpoint : nil, from: "checkpoint")
          #expect(run.completedSteps == 4)
          try run.advance(steps: 3)
          // And what it is given is what another one gives.
          let later = try run.checkpoint(seconds: 2)
          try run.restore(later, from: "later")
          try run.advance(steps: 2)
          return try Self.state(run)
        }
      #expect(resumed[0] == whole, "\(shape)")
    }
  }

  /// The state that a checkpoint holds is all there is: every variable of every replica, and the moments.
  @Test func aCheckpointHoldsEveryVariable() throws {
    try JobOfRuns.alone { run in
      try run.advance(steps: 2)
      let checkpoint = try #require(try run.checkpoint(seconds: 3, score: 0.5))
      for variable in run.store.variables {
        let shape = variable.type.shape.dimensions
        if variable.type.distribution == .perReplica {
          let tensor = try #require(checkpoint[Checkpoint.ofReplicas + variable.name])
          #expect(tensor.shape == [4] + shape)
          #expect(
            tensor.values == (0..<4).flatMap { run.store.read(variable.name, replica: $0) })
          // Each replica has seen images of its own.
          #expect(Set((0..<4).map { run.store.read(variable.name, replica: $0) }).count == 4)
        } else {
          #expect(checkpoint[variable.name]?.values == run.store.read(variable.name))
        }
        if variable.role == .parameter {
          let (first, second) = (
            run.store.read(.first, of: variable.name), run.store.read(.second, of: variable.name)
          )
          #expect(checkpoint[Checkpoint.firstMoment + variable.name]?.values == first)
          #expect(checkpoint[Checkpoint.secondMoment + variable.name]?.values == second)
          #expect(second.contains { $0 > 0 })
        }
      }
      #expect(checkpoint.facts.score == 0.5 && checkpoint.facts.seconds == 3)
      #expect(checkpoint.facts.configuration == run.configuration.json)
    }
  }

  @Test func whatDoesNotFitTheModelIsNamed() throws {
    try JobOfRuns.alone { run in
      let whole = try #require(try run.checkpoint(seconds: 0))
      for position in whole.tensors.indices {
        var checkpoint = whole
        let tensor = checkpoint.tensors.remove(at: position)
        for replacement in [
          nil, NamedTensor(tensor.name, shape: [1] + tensor.shape, tensor.values),
        ] {
          if let replacement { checkpoint.tensors.append(replacement) }
          do throws(TrainingError) {
            try run.restore(checkpoint, from: "file")
            Issue.record("\(tensor.name) is not needed")
          } catch {
            #expect(error.description.hasPrefix("file: \(tensor.name): "), "\(error)")
          }
        }
      }
    }
  }

  // MARK: - Training with checkpoints

  private static let schedule = [
    "steps=20", "logEvery=2", "sampleEvery=5", "shards.gradientEvery=3", "checkpoint.every=4",
    "checkpoint.keep=2",
  ]

  private static func train(
    _ run: TrainingRun, _ recorder: RunRecorder?, until step: Int = .max,
    wantsCheckpoint: @escaping (Int) -> Bool = { _ in false }
  ) throws {
    let signal = try Trainer(
      run, recorder: recorder, signal: { run.completedSteps >= step ? SIGTERM : 0 },
      wantsCheckpoint: { wantsCheckpoint(run.completedSteps) }, onProgress: { _ in }
    ).train()
    #expect(signal == (step == .max ? 0 : SIGTERM))
  }

  private static func begin(_ run: TrainingRun, _ path: String) throws -> RunRecorder {
    try RunRecorder(
      run, directory: path, name: "test",
      reals: Array(repeating: 0, count: RunRecorder.gridCount * 20))
  }

  private static let recording = TrainingStep.Recording.batchStatistics

  @Test func theLastOnesAndTheBestAreKept() throws {
    let scratch = try ScratchDirectory()
    try JobOfRuns.alone(Self.schedule, recording: Self.recording) { run in
      try Self.train(run, Self.begin(run, scratch.file("run")))
    }
    // Of each stretch of four steps, the mean over its two logged steps.
    struct Line: Decodable {
      let step: Int
      let loss: Double
      enum CodingKeys: String, CodingKey {
        case step
        case loss = "loss.self"
      }
    }
    let lines = try scratch.text("run/metrics.jsonl").split(separator: "\n").map {
      try JSONDecoder().decode(Line.self, from: Data($0.utf8))
    }
    let scores = Dictionary(grouping: lines) { ($0.step + 3) / 4 * 4 }
      .mapValues { $0.map(\.loss).reduce(0, +) / Double($0.count) }
    let best = try #require(scores.min { $0.value < $1.value })
    let run = RunDirectory(existing: scratch.file("run"))
    #expect(Set(run.checkpointFiles.map(\.step)) == [best.key, 16, 20])
    for file in run.checkpointFiles {
      let facts = try Checkpoint(path: file.path).facts
      #expect(facts.step == file.step)
      let score = try #require(facts.score)
      #expect(abs(score - (scores[file.step] ?? 0)) < 1e-6)
    }
  }

  @Test func somebodyMayAskForACheckpoint() throws {
    let scratch = try ScratchDirectory()
    let overrides = Self.schedule + ["checkpoint.every=0", "checkpoint.best=none"]
    try JobOfRuns.alone(overrides, recording: Self.recording) { run in
      try Self.train(run, Self.begin(run, scratch.file("run")), wantsCheckpoint: { $0 == 6 })
    }
    let run = RunDirectory(existing: scratch.file("run"))
    #expect(run.checkpointFiles.map(\.step) == [6, 20])
  }

  /// Every file is that of the run that was never stopped, whether the stop was orderly or not.
  @Test(arguments: [1, 4, 7, 10, 13, 17], [true, false])
  func aResumedRunHasTheSameFiles(_ stop: Int, isOrderly: Bool) throws {
    let scratch = try ScratchDirectory()
    try JobOfRuns.alone(Self.schedule, recording: Self.recording) { run in
      try Self.train(run, Self.begin(run, scratch.file("whole")))
    }
    try JobOfRuns.alone(Self.schedule, recording: Self.recording) { run in
      try Self.train(run, Self.begin(run, scratch.file("run")), until: stop)
    }
    let directory = RunDirectory(existing: scratch.file("run"))
    let stopped = try #require(directory.checkpointFiles.last)
    #expect(stopped.step >= stop)
    if !isOrderly {
      // As if it had been killed at that step: there is no checkpoint of it.
      directory.removeCheckpoint(step: stopped.step)
    }
    let resumption = try Resumption(path: directory.path)
    let place = try #require(resumption.place)
    try JobOfRuns.alone(Self.schedule, recording: Self.recording) { run in
      _ = try resumption.checkpoint?.facts.requireUnchanged(run, allowing: [], path: "")
      try run.restore(resumption.checkpoint, from: resumption.path)
      try Self.train(run, RunRecorder(run, resuming: place.directory, place.lock))
    }
    for name in try scratch.names(in: "whole")
    where !name.hasPrefix("events") && !["machine.json", "metrics.jsonl"].contains(name) {
      if name.contains(".") {
        #expect(try scratch.data("run/\(name)") == scratch.data("whole/\(name)"), "\(name)")
      } else {
        #expect(
          try scratch.names(in: "run/\(name)").last == scratch.names(in: "whole/\(name)").last)
      }
    }
    for name in try scratch.names(in: "whole/samples") {
      #expect(
        try scratch.data("run/samples/\(name)") == scratch.data("whole/samples/\(name)"), "\(name)")
    }
    #expect(try Self.losses(scratch, "run") == Self.losses(scratch, "whole"))
  }

  /// The lines of metrics.jsonl without their times.
  private static func losses(_ scratch: ScratchDirectory, _ run: String) throws -> [String] {
    try scratch.text("\(run)/metrics.jsonl").split(separator: "\n").map { line in
      let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any] ?? [:]
      let kept = object.filter { !["seconds", "millisecondsPerStep"].contains($0.key) }
      return "\(kept.sorted { $0.key < $1.key })"
    }
  }
}
