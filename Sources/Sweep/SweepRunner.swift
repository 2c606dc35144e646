import Foundation
import RunConfiguration
import RunFiles
import Training

/// Runs the cells of a sweep that have not been run yet, one after another.
package struct SweepRunner {
  private let plan: SweepPlan
  private let directory: SweepDirectory
  private let signal: () -> Int32
  private let onWarning: @Sendable (String) -> Void
  private let onProgress: (SweepCell, TrainingProgress) -> Void

  /// - Parameters:
  ///   - signal: as `Trainer` has it; a cell that is interrupted goes on the next time.
  ///   - onWarning: hears of what a run survives, in a sentence, perhaps on another thread.
  ///   - onProgress: hears where the present cell stands.
  package init(
    _ plan: SweepPlan, in directory: SweepDirectory, signal: @escaping () -> Int32,
    onWarning: @escaping @Sendable (String) -> Void = { _ in },
    onProgress: @escaping (SweepCell, TrainingProgress) -> Void
  ) {
    self.plan = plan
    self.directory = directory
    self.signal = signal
    self.onWarning = onWarning
    self.onProgress = onProgress
  }

  /// The cells that are to be run.
  ///
  /// - Throws: `SweepError.otherCell`, `.unusableCell` before anything is run.
  package func missing() throws(SweepError) -> [SweepCell] {
    var missing: [SweepCell] = []
    for cell in plan.cells where try !directory.holds(cell) { missing.append(cell) }
    return missing
  }

  /// Runs `cells` to their ends.
  ///
  /// - Returns: the signal that ended the sweep before; 0 where all have been run.
  package func run(_ cells: [SweepCell]) throws(SweepError) -> Int32 {
    try directory.create()
    let firstSteps = FirstSteps()
    for cell in cells {
      let received = signal()
      if received != 0 { return received }
      do throws(TrainingError) {
        let firstStep = try firstSteps.measure(cell)
        let (signal, run) = try train(cell)
        if signal != 0 { return signal }
        do throws(RunFileError) {
          try OutputFile.write(json: firstStep, to: RunDirectory(existing: run).firstStep)
        } catch { throw .file(error) }
      } catch { throw .training(error) }
      try directory.complete(cell)
    }
    return 0
  }

  /// Runs a cell from where an interrupted attempt has left it, or else from its beginning.
  private func train(
    _ cell: SweepCell
  ) throws(TrainingError) -> (signal: Int32, directory: String) {
    let data = try RunData(cell.configuration)
    let run = try TrainingRun(cell.configuration, data: data, recording: .batchStatistics)
    let onFailure: @Sendable (RunFileError) -> Void = { [onWarning] in onWarning("\($0)") }
    let interrupted = try directory.interrupted(cell, onDamage: onFailure)
    var checkpoint = interrupted?.checkpoint
    let recorder: RunRecorder
    // On another placement, it would not be the run that it is compared as.
    if let found = checkpoint, let path = interrupted?.path, let place = interrupted?.place,
      (try? found.facts.requireUnchanged(run, allowing: [], path: path)) != nil,
      cell.configuration.reduction == .ordered || found.facts.hasPlacement(of: run)
    {
      try run.restore(found, from: path)
      recorder = try RunRecorder(
        run, resuming: place.directory, place.lock, onFailure: onFailure)
    } else {
      checkpoint = nil
      let path: String
      do throws(RunFileError) { path = try directory.begin(cell) } catch { throw .file(error) }
      recorder = try RunRecorder(
        run, directory: path, name: cell.name, reals: try data.firstImages(RunRecorder.gridCount),
        onFailure: onFailure)
    }
    let trainer = Trainer(
      run, recorder: recorder, signal: signal, startsWithCheckpoint: checkpoint == nil,
      earlierSeconds: checkpoint?.facts.seconds ?? 0, onWarning: onWarning,
      onProgress: { onProgress(cell, $0) })
    return (try trainer.train(), recorder.path)
  }
}

extension RunDirectory {
  var firstStep: String { path + "/first-step.json" }
}
