import Foundation
import RunConfiguration
import RunFiles
import Training

/// Runs the cells of a sweep that have not been run yet, one after another.
package struct SweepRunner {
  private let plan: SweepPlan
  private let directory: SweepDirectory
  private let signal: () -> Int32
  private let onProgress: (SweepCell, TrainingProgress) -> Void

  /// - Parameters:
  ///   - signal: as `Trainer` has it; a cell that is interrupted is run again the next time.
  ///   - onProgress: hears where the present cell stands.
  package init(
    _ plan: SweepPlan, in directory: SweepDirectory, signal: @escaping () -> Int32,
    onProgress: @escaping (SweepCell, TrainingProgress) -> Void
  ) {
    self.plan = plan
    self.directory = directory
    self.signal = signal
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
      let path = try directory.begin(cell)
      do throws(TrainingError) {
        let firstStep = try firstSteps.measure(cell)
        let signal = try train(cell, path)
        if signal != 0 { return signal }
        do throws(RunFileError) {
          try OutputFile.write(json: firstStep, to: RunDirectory(existing: path).firstStep)
        } catch { throw .file(error) }
      } catch { throw .training(error) }
      try directory.complete(cell)
    }
    return 0
  }

  private func train(_ cell: SweepCell, _ path: String) throws(TrainingError) -> Int32 {
    let data = try RunData(cell.configuration)
    let run = try TrainingRun(cell.configuration, data: data, recording: .batchStatistics)
    let recorder = try RunRecorder(
      run, directory: path, name: cell.name, reals: try data.firstImages(RunRecorder.gridCount))
    return try Trainer(
      run, recorder: recorder, signal: signal, onProgress: { onProgress(cell, $0) }
    ).train()
  }
}

extension RunDirectory {
  var firstStep: String { path + "/first-step.json" }
}
