import Execution
import Foundation
import Glibc
import Replicas
import RunConfiguration
import RunFiles
import TestSupport
import Testing
import Training

/// Images of which one element, in some steps, is not finite.
private final class PoisonedImages: BatchProvider {
  private let clean: AlignedBuffer
  private let poisoned: AlignedBuffer
  private let steps: Set<Int>

  /// - Parameters:
  ///   - element: the position in the global batch.
  ///   - steps: counted once they are complete.
  init(count: Int, element: Int, steps: Set<Int>) {
    clean = AlignedBuffer(count: count)
    poisoned = AlignedBuffer(count: count)
    for index in 0..<count { clean.values[index] = Float(index % 7) / 7 - 0.5 }
    _ = poisoned.values.update(fromContentsOf: clean.values)
    poisoned.values[element] = .infinity
    self.steps = steps
  }

  func acquire(step: Int) throws -> UnsafePointer<Float> {
    UnsafePointer((steps.contains(step + 1) ? poisoned : clean).pointer)
  }

  func release(step: Int) {}
}

/// What training does about numbers that are not finite.
@Suite struct NonFiniteTrainingTests {
  private static let count = 8 * 4 * 5

  private static func run(
    _ overrides: [String], poisoned steps: Set<Int>, element: Int = 3 * 20
  ) throws -> TrainingRun {
    let schedule = [
      "steps=12", "logEvery=4", "checkpoint.every=4", "checkpoint.keep=9", "shards.gradientEvery=0",
    ]
    return try TrainingRun(
      try JobOfRuns.configuration(schedule + overrides),
      batches: PoisonedImages(count: count, element: element, steps: steps),
      recording: .batchStatistics)
  }

  private static func train(
    _ run: TrainingRun, _ path: String, skipped: @escaping (String) -> Void = { _ in }
  ) throws {
    let recorder = try RunRecorder(
      run, directory: path, name: "test",
      reals: Array(repeating: 0, count: RunRecorder.gridCount * 20))
    _ = try Trainer(
      run, recorder: recorder, signal: { 0 },
      onWarning: { if $0.hasSuffix("left out") { skipped($0) } }, onProgress: { _ in }
    ).train()
  }

  private static func loggedSteps(_ scratch: ScratchDirectory) throws -> [Int] {
    try scratch.text("run/shards.csv").split(separator: "\n").dropFirst().compactMap {
      Int($0.prefix { $0 != "," })
    }.reduce(into: []) { if $0.last != $1 { $0.append($1) } }
  }

  /// Example 3 is replica 1's second one, of four replicas with two each. The step's real images are the input.
  @Test(arguments: [1, 2, 4], [5, 6, 8])
  func theRunStopsAndSaysWhereItCameFrom(_ threads: Int, _ step: Int) throws {
    let scratch = try ScratchDirectory()
    let run = try Self.run(["threads=\(threads)"], poisoned: [step])
    do {
      try Self.train(run, scratch.file("run"))
      Issue.record("an infinity was not found")
    } catch TrainingError.nonFinite(let origin, let good) {
      #expect(good == 4)
      #expect(origin.contains("step \(step): replica 1: real [2, 4, 5, 1] was inf"), "\(origin)")
      #expect(origin.contains("element 20"), "\(origin)")
    }
    #expect(try Self.loggedSteps(scratch) == [4])
    // What was good stays, and nothing else is written.
    let directory = RunDirectory(existing: scratch.file("run"))
    #expect(directory.checkpointFiles.map(\.step) == [0, 4])
    #expect(try Checkpoint(path: directory.checkpoint(step: 4)).facts.step == 4)
    #expect(!scratch.exists("run/weights.safetensors"))
  }

  /// The step counts, its random numbers and images are gone, and nothing else is different.
  @Test(arguments: [[6], [8], [5, 6, 7], [1], [12]])
  func aStepIsLeftOut(_ steps: [Int]) throws {
    let scratch = try ScratchDirectory()
    let run = try Self.run(
      ["nonFinite=skip", "objective.warmUp=true"], poisoned: Set(steps))
    var sentences: [String] = []
    try Self.train(run, scratch.file("run")) { sentences.append($0) }
    #expect(sentences.count == steps.count)
    for (sentence, step) in zip(sentences, steps) {
      #expect(sentence.contains("step \(step): replica 1: real"), "\(sentence)")
    }
    #expect(try Self.loggedSteps(scratch) == [4, 8, 12].filter { !steps.contains($0) })

    let expected = try Self.run(["objective.warmUp=true"], poisoned: [])
    while expected.completedSteps < 12 {
      guard steps.contains(expected.completedSteps + 1) else {
        try expected.advance(steps: 1)
        continue
      }
      var state = try #require(try expected.checkpoint(seconds: 0))
      state.facts.step += 1
      state.facts.updates += 1
      try expected.restore(state, from: "")
    }
    #expect(
      try run.checkpoint(seconds: 0)?.tensors == expected.checkpoint(seconds: 0)?.tensors)
    let last = RunDirectory(existing: scratch.file("run")).checkpoint(step: 12)
    #expect(try Checkpoint(path: last).tensors == expected.checkpoint(seconds: 0)?.tensors)
  }

  /// A signal that arrives while steps are repeated ends the run with what was good: at the second visit to the
  /// good state on the way to the bad step, at the third on the way to its examination, at the fourth to leave it out.
  @Test(arguments: [("stop", 2), ("stop", 3), ("skip", 2), ("skip", 4)])
  func theSearchIsInterrupted(_ nonFinite: String, _ visit: Int) throws {
    let scratch = try ScratchDirectory()
    let run = try Self.run(
      ["nonFinite=\(nonFinite)", "checkpoint.every=0", "steps=1100", "logEvery=100"],
      poisoned: [1050])
    let recorder = try RunRecorder(
      run, directory: scratch.file("run"), name: "test",
      reals: Array(repeating: 0, count: RunRecorder.gridCount * 20))
    var (visits, undone) = (0, 0)
    var warnings: [String] = []
    let signal = try Trainer(
      run, recorder: recorder,
      signal: {
        visits += run.completedSteps == 1000 ? 1 : 0
        guard visits >= visit, run.completedSteps > 1000 || undone > 0 else { return 0 }
        undone = max(undone, run.completedSteps - 1000)
        return SIGTERM
      }, onWarning: { warnings.append($0) }, onProgress: { _ in }
    ).train()
    #expect(signal == SIGTERM && run.completedSteps == 1000 && undone == 4)
    #expect(warnings.count == 1)
    #expect(warnings.last?.hasSuffix("ends with the state after step 1000") ?? false)
    let directory = RunDirectory(existing: scratch.file("run"))
    #expect(directory.checkpointFiles.map(\.step) == [0, 1000])

    let expected = try Self.run([], poisoned: [])
    try expected.advance(steps: 1000)
    let last = try Checkpoint(path: directory.checkpoint(step: 1000))
    #expect(try last.tensors == expected.checkpoint(seconds: 0)?.tensors)
  }

  /// A state that is not finite is neither trained on nor saved.
  @Test(arguments: ["stop", "skip"])
  func aStateThatIsNotFiniteIsNotTrained(_ nonFinite: String) throws {
    let scratch = try ScratchDirectory()
    let run = try Self.run(["nonFinite=\(nonFinite)"], poisoned: [])
    var state = try #require(try run.checkpoint(seconds: 0))
    let tensor = state.tensors[0]
    state.tensors[0] = NamedTensor(
      tensor.name, shape: tensor.shape, [.nan] + tensor.values.dropFirst())
    try run.restore(state, from: "")
    do {
      try Self.train(run, scratch.file("run"))
      Issue.record("a NaN was not found")
    } catch TrainingError.nonFinite(let origin, let good) {
      #expect(origin.contains(tensor.name) && good == nil)
    }
    #expect(RunDirectory(existing: scratch.file("run")).checkpointFiles.isEmpty)
  }

  @Test func aRunThatOnlySkipsEnds() throws {
    let scratch = try ScratchDirectory()
    let run = try Self.run(
      ["nonFinite=skip", "steps=100"], poisoned: Set(3...100))
    var skips = 0
    #expect(throws: TrainingError.self) {
      try Self.train(run, scratch.file("run")) { _ in skips += 1 }
    }
    #expect(skips == 10)
  }

  private static let schedule = ["steps=20", "logEvery=5", "shards.gradientEvery=0"]

  /// After two steps, of which the third makes an infinity.
  private static func poisoned() throws -> Checkpoint {
    try JobOfRuns.alone(schedule) { run in
      try run.advance(steps: 2)
      var checkpoint = try #require(try run.checkpoint(seconds: 0))
      let name = "discriminator/dense_0/kernel"
      checkpoint.tensors = checkpoint.tensors.map { tensor in
        guard tensor.name == name else { return tensor }
        return NamedTensor(name, shape: tensor.shape, tensor.values.map { _ in 3e38 })
      }
      return checkpoint
    }
  }

  /// One process hears of the signal, all stop their search.
  @Test(arguments: [JobShape([1, 2]), JobShape([1, 1, 1, 1])])
  func theSearchIsInterruptedInAll(_ shape: JobShape) throws {
    let poisoned = try Self.poisoned()
    let outcomes = JobOfRuns(shape: shape, overrides: { _ in Self.schedule }).outcomes { run in
      try run.restore(run.processes.isFirst ? poisoned : nil, from: "")
      var calls = 0
      let signal = try Trainer(
        run, recorder: nil,
        signal: {
          calls += 1
          return calls > 1 && run.processes.index == 1 ? SIGTERM : 0
        }, startsWithCheckpoint: false, onProgress: { _ in }
      ).train()
      return [Int(signal), run.completedSteps]
    }
    for outcome in outcomes { #expect(try outcome.get() == [Int(SIGTERM), 2]) }
  }

  /// All processes say the same, wherever the replica is.
  @Test(arguments: [JobShape([2]), JobShape([1, 2]), JobShape([1, 1, 1, 1])])
  func allProcessesEndWithTheSameSentence(_ shape: JobShape) throws {
    let poisoned = try Self.poisoned()
    let outcomes = JobOfRuns(shape: shape, overrides: { _ in Self.schedule }).outcomes { run in
      try run.restore(run.processes.isFirst ? poisoned : nil, from: "")
      do {
        _ = try Trainer(
          run, recorder: nil, signal: { 0 }, startsWithCheckpoint: false, onProgress: { _ in }
        ).train()
        return ""
      } catch TrainingError.nonFinite(let origin, _) {
        return origin
      }
    }
    let sentences = try outcomes.map { try $0.get() }
    #expect(Set(sentences).count == 1)
    #expect(
      sentences[0].contains(/step 3: replica 0: discriminator\/dense_0: \w+ made -?inf in %\d+/),
      "\(sentences[0])")
  }
}
