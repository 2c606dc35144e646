import Execution
import Foundation
import Kernels
import Replicas
import RunConfiguration
import RunFiles

/// Where a run stands, for those who watch it.
package struct TrainingProgress: Sendable {
  package let step: Int
  package let totalSteps: Int
  package let stepsPerSecond: Double
  /// Since the first step.
  package let seconds: Double
  /// The means over replicas at the last logged step, by their column; empty before the first.
  package let losses: [String: Float]
  package let residentBytes: Int
}

/// Trains a configuration: runs the steps, and writes what the run directory promises.
package final class Trainer {
  private let run: TrainingRun
  /// Nil in all processes but the first.
  private let recorder: RunRecorder?
  private let signal: () -> Int32
  private let wantsCheckpoint: () -> Bool
  private let onWarning: (String) -> Void
  private let onProgress: (TrainingProgress) -> Void
  private let earlierSeconds: Double
  private let start = ContinuousClock.now

  /// Whether somebody waits for a checkpoint.
  private var owesCheckpoint = false
  /// The step of the last checkpoint.
  private var savedStep: Int?
  /// The last state that is known to be finite; in the first process.
  private var good: Checkpoint?
  /// The last step that was left out, and how many in front of it, one after another.
  private var skipped: (step: Int, count: Int)?
  private var logged: (step: Int, seconds: Double)
  private var losses: [String: Float] = [:]

  /// - Parameters:
  ///   - recorder: nil in all processes but the first.
  ///   - signal: asked between short stretches of steps; the number of a signal ends the run with what has been done.
  ///   - wantsCheckpoint: asked with it; whether somebody has asked for a checkpoint since the last call.
  ///   - startsWithCheckpoint: whether there is none yet of the step at which the run starts.
  ///   - earlierSeconds: of training, before the run was resumed.
  ///   - onWarning: hears, in a sentence, of steps that are left out or undone, and of searches that take long.
  package init(
    _ run: TrainingRun, recorder: RunRecorder?, signal: @escaping () -> Int32,
    wantsCheckpoint: @escaping () -> Bool = { false }, startsWithCheckpoint: Bool = true,
    earlierSeconds: Double = 0, onWarning: @escaping (String) -> Void = { _ in },
    onProgress: @escaping (TrainingProgress) -> Void
  ) {
    self.run = run
    self.recorder = recorder
    self.signal = signal
    self.wantsCheckpoint = wantsCheckpoint
    self.earlierSeconds = earlierSeconds
    self.onWarning = onWarning
    self.onProgress = onProgress
    savedStep = startsWithCheckpoint ? nil : run.completedSteps
    logged = (run.completedSteps, earlierSeconds)
  }

  /// How long a stretch of steps may take before the run looks up, in seconds.
  private static let stretch = 0.25
  /// Steps after which a good state is remembered at the latest: what must be run again to find out where a number came from.
  private static let mostStepsSinceGood = 1000
  /// How long a search may take before somebody is told of it, in seconds.
  private static let patience = 2.0
  /// Of more steps in turn that would have to be left out, nothing is to be hoped.
  private static let mostSkips = 10

  /// Of training, since the first step.
  private var seconds: Double { earlierSeconds + (ContinuousClock.now - start).seconds }

  /// Trains to the configuration's last step.
  ///
  /// - Returns: the signal that ended the run in any of its processes; 0 where it came to its end.
  /// - Throws: `TrainingError`; what was written before stays.
  package func train() throws(TrainingError) -> Int32 {
    do throws(TrainingError) { return try trainToTheEnd() } catch {
      // The last checkpoint may still be on its way.
      _ = recorder?.settle()
      throw error
    }
  }

  private func trainToTheEnd() throws(TrainingError) -> Int32 {
    let configuration = run.configuration
    let saveEvery = configuration.checkpoint.every
    let rememberEvery = min(saveEvery > 0 ? saveEvery : .max, Self.mostStepsSinceGood)
    let intervals = [
      configuration.logEvery, configuration.sampleEvery, configuration.shards.gradientEvery,
      saveEvery, rememberEvery,
    ].filter { $0 > 0 }
    var stretchSteps = 1

    if let bad = try run.nonFiniteStep(nil, looksAtVariables: true) {
      throw .nonFinite(bad.symptom, lastGoodStep: nil)
    }
    // Before anything is computed in vain.
    if savedStep == nil { try save(waits: true) } else { try remember() }
    while run.completedSteps < configuration.steps {
      let step = run.completedSteps
      let wish = intervals.map { Self.next(step, every: $0) }
        .reduce(min(step + stretchSteps, configuration.steps), min)
      owesCheckpoint = wantsCheckpoint() || owesCheckpoint
      let stretch = try run.agree(end: wish, signal: signal(), checkpoint: owesCheckpoint)
      if stretch.signal != 0 || stretch.checkpoint {
        guard try staysFinite(nil, looksAtVariables: true) else { continue }
        try save(waits: stretch.signal != 0)
        owesCheckpoint = false
      }
      if stretch.signal != 0 {
        try finish()
        return stretch.signal
      }
      let next = stretch.end
      let before = ContinuousClock.now
      let loss = try run.attempt(steps: next - step)
      let taken = (ContinuousClock.now - before).seconds
      stretchSteps = max(1, Int(Self.stretch / max(taken / Double(next - step), 1e-9)))

      func isDue(_ every: Int) -> Bool { every > 0 && next % every == 0 }
      let isLast = next == configuration.steps
      let isLogged = isDue(configuration.logEvery) || isLast
      let isSaved = isDue(saveEvery) || isLast
      let isRemembered = isSaved || isDue(rememberEvery)
      guard try staysFinite(loss, looksAtVariables: isLogged || isRemembered) else { continue }
      if isLogged { try log() }
      if let gradients = try run.gradientStatistics(), let recorder {
        try recorder.log(gradients, step: next)
      }
      if isDue(configuration.sampleEvery) || isLast { try sample() }
      if isSaved { try save(waits: isLast) } else if isRemembered { try remember() }
      onProgress(
        TrainingProgress(
          step: next, totalSteps: configuration.steps,
          stepsPerSecond: Double(next - step) / max(taken, 1e-9), seconds: seconds, losses: losses,
          residentBytes: Machine.peakResidentBytes))
    }
    // The last step may have been left out.
    try save(waits: true)
    try finish()
    return 0
  }

  private func log() throws(TrainingError) {
    let start = monotonicNanoseconds()
    defer { run.record(.log, since: start) }
    let (step, now) = (run.completedSteps, seconds)
    try run.requireEqualParameters()
    let batchNorm = try run.batchNormDistances()
    if let shards = try run.shards(), let batchNorm, let recorder {
      losses = try recorder.log(
        RunRecorder.LoggedStep(
          step: step, seconds: now,
          millisecondsPerStep: (now - logged.seconds) * 1000 / Double(step - logged.step),
          shards: shards, batchNorm: batchNorm))
    }
    logged = (step, now)
  }

  private func sample() throws(TrainingError) {
    let start = monotonicNanoseconds()
    defer { run.record(.sample, since: start) }
    if let state = try run.trainedState(), let recorder {
      try recorder.sample(state, step: run.completedSteps)
    }
  }

  // MARK: - What is kept

  /// Begins to write a checkpoint of a state that is finite, unless there is one of this step.
  ///
  /// Whoever `waits` hears of a failure; otherwise the run goes on as soon as its state is copied, whether it can be written or not.
  private func save(waits: Bool) throws(TrainingError) {
    if savedStep == run.completedSteps {
      // It may have failed, and there may be room now.
      if waits, let good, let recorder, recorder.settle() != run.completedSteps {
        try recorder.save(good, waits: true)
      }
      return
    }
    let start = monotonicNanoseconds()
    defer { run.record(.save, since: start) }
    good = try run.checkpoint(seconds: seconds, score: recorder?.takeScore())
    if let good, let recorder { try recorder.save(good, waits: waits) }
    savedStep = run.completedSteps
  }

  /// Copies a state that is finite.
  private func remember() throws(TrainingError) {
    good = try run.checkpoint(seconds: seconds)
  }

  /// Makes sure that all numbers are finite.
  ///
  /// If not, it is found out where the first that is not came from; then the run ends, or is set back to go on without the
  /// step that made it. Where a signal arrives meanwhile, it is only set back.
  ///
  /// - Parameter loss: what this process's last steps gave.
  /// - Returns: false where it was set back.
  /// - Throws: `TrainingError.nonFinite`
  private func staysFinite(
    _ loss: ReplicaError?, looksAtVariables: Bool
  ) throws(TrainingError) -> Bool {
    guard let bad = try run.nonFiniteStep(loss, looksAtVariables: looksAtVariables) else {
      return true
    }
    let start = ContinuousClock.now
    var isTold = false
    let isInterrupted = { () throws(TrainingError) -> Bool in
      if !isTold, (ContinuousClock.now - start).seconds > Self.patience {
        self.onWarning("\(bad.symptom); steps are run again to find out where that came from")
        isTold = true
      }
      return try self.run.agree(end: 0, signal: self.signal()).signal != 0
    }
    guard let (step, sentence) = try run.origin(of: bad, since: good, unless: isInterrupted) else {
      try fallBack(bad)
      return false
    }
    let count = skipped?.step == step - 1 ? (skipped?.count ?? 0) + 1 : 1
    guard run.configuration.nonFinite == .skip, count <= Self.mostSkips else {
      let last = recorder?.settle()
      // Who ends first may end the others.
      try run.meet("the end of the run")
      throw .nonFinite(sentence, lastGoodStep: last)
    }
    guard try run.skip(step: step, since: good, unless: isInterrupted) else {
      try fallBack(bad)
      return false
    }
    skipped = (step, count)
    onWarning("\(sentence); this step is left out")
    try remember()
    return false
  }

  /// Undoes the steps since the last good state, with which the run ends.
  private func fallBack(_ bad: NonFiniteStep) throws(TrainingError) {
    try run.restore(good, from: "memory")
    // Of steps that are undone.
    _ = recorder?.takeScore()
    onWarning("\(bad.symptom); the run ends with the state after step \(run.completedSteps)")
  }

  private func finish() throws(TrainingError) {
    let start = monotonicNanoseconds()
    defer { run.record(.save, since: start) }
    if let state = try run.trainedState(), let recorder { try recorder.finish(state) }
  }

  /// The first multiple of `every` after `step`.
  private static func next(_ step: Int, every: Int) -> Int { (step / every + 1) * every }
}

extension Duration {
  package var seconds: Double {
    Double(components.seconds) + Double(components.attoseconds) * 1e-18
  }
}
