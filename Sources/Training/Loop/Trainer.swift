import Execution
import Foundation
import Kernels
import RunConfiguration

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
package struct Trainer {
  private let run: TrainingRun
  /// Nil in all processes but the first.
  private let recorder: RunRecorder?
  /// Asked between short stretches of steps; the number of a signal ends the run with what has been done.
  private let signal: () -> Int32
  /// Asked with it; whether somebody wants a checkpoint now.
  private let wantsCheckpoint: () -> Bool
  /// Of training, before this process.
  private let earlierSeconds: Double
  private let onProgress: (TrainingProgress) -> Void

  /// - Parameters:
  ///   - recorder: nil in all processes but the first.
  ///   - signal: the number of a signal that ends the run with what has been done; 0 where there is none.
  ///   - wantsCheckpoint: whether somebody has asked for a checkpoint since the last call.
  ///   - earlierSeconds: of training, before the run was resumed.
  package init(
    _ run: TrainingRun, recorder: RunRecorder?, signal: @escaping () -> Int32,
    wantsCheckpoint: @escaping () -> Bool = { false }, earlierSeconds: Double = 0,
    onProgress: @escaping (TrainingProgress) -> Void
  ) {
    self.run = run
    self.recorder = recorder
    self.signal = signal
    self.wantsCheckpoint = wantsCheckpoint
    self.earlierSeconds = earlierSeconds
    self.onProgress = onProgress
  }

  /// How long a stretch of steps may take before the run looks up, in seconds.
  private static let stretch = 0.25

  /// Trains to the configuration's last step.
  ///
  /// - Returns: the signal that ended the run in any of its processes; 0 where it came to its end.
  /// - Throws: `TrainingError`; what was written before stays.
  package func train() throws(TrainingError) -> Int32 {
    let configuration = run.configuration
    let start = ContinuousClock.now
    func seconds() -> Double { earlierSeconds + (ContinuousClock.now - start).seconds }
    var stretchSteps = 1
    var logged = (step: run.completedSteps, seconds: earlierSeconds)
    var saved: Int?
    var losses: [String: Float] = [:]

    /// Whoever `waits` hears of a failure; otherwise the run goes on without the checkpoint.
    func save(waits: Bool) throws(TrainingError) {
      if saved == run.completedSteps { return }
      try saveCheckpoint(seconds: seconds(), waits: waits)
      saved = run.completedSteps
    }

    // Before anything is computed in vain.
    if run.completedSteps == 0 { try save(waits: true) }
    while run.completedSteps < configuration.steps {
      let step = run.completedSteps
      let gradientEvery = configuration.shards.gradientEvery
      let saveEvery = configuration.checkpoint.every
      let intervals = [configuration.logEvery, configuration.sampleEvery, gradientEvery, saveEvery]
      let wish = intervals.filter { $0 > 0 }.map { Self.next(step, every: $0) }
        .reduce(min(step + stretchSteps, configuration.steps), min)
      let stretch = try run.agree(end: wish, signal: signal(), checkpoint: wantsCheckpoint())
      if stretch.signal != 0 || stretch.checkpoint { try save(waits: stretch.signal != 0) }
      if stretch.signal != 0 {
        try finish()
        return stretch.signal
      }
      let next = stretch.end
      let before = ContinuousClock.now
      try run.advance(steps: next - step)
      let taken = (ContinuousClock.now - before).seconds
      stretchSteps = max(1, Int(Self.stretch / max(taken / Double(next - step), 1e-9)))
      let now = seconds()

      let isLast = next == configuration.steps
      if next % configuration.logEvery == 0 || isLast {
        let start = monotonicNanoseconds()
        defer { run.record(.log, since: start) }
        try run.requireEqualParameters()
        let batchNorm = try run.batchNormDistances()
        if let shards = try run.shards(), let batchNorm, let recorder {
          losses = try recorder.log(
            RunRecorder.LoggedStep(
              step: next, seconds: now,
              millisecondsPerStep: (now - logged.seconds) * 1000 / Double(next - logged.step),
              shards: shards, batchNorm: batchNorm))
        }
        logged = (next, now)
      }
      if let gradients = try run.gradientStatistics(), let recorder {
        try recorder.log(gradients, step: next)
      }
      if next % configuration.sampleEvery == 0 || isLast {
        let start = monotonicNanoseconds()
        defer { run.record(.sample, since: start) }
        if let state = try run.trainedState(), let recorder {
          try recorder.sample(state, step: next)
        }
      }
      if (saveEvery > 0 && next % saveEvery == 0) || isLast { try save(waits: isLast) }
      onProgress(
        TrainingProgress(
          step: next, totalSteps: configuration.steps,
          stepsPerSecond: Double(next - step) / max(taken, 1e-9), seconds: now, losses: losses,
          residentBytes: Machine.peakResidentBytes))
    }
    try finish()
    return 0
  }

  /// Begins to write a checkpoint; unless it `waits`, the run goes on as soon as its state is copied.
  private func saveCheckpoint(seconds: Double, waits: Bool) throws(TrainingError) {
    let start = monotonicNanoseconds()
    defer { run.record(.save, since: start) }
    if let checkpoint = try run.checkpoint(seconds: seconds, score: recorder?.takeScore()),
      let recorder
    {
      try recorder.save(checkpoint, waits: waits)
    }
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
