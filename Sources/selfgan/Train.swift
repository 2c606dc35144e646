import ArgumentParser
import Foundation
import Kernels
import RunConfiguration
import Training

struct Train: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Trains a configuration into a run directory.")

  @OptionGroup var options: RunOptions

  @Option(help: "The run directory (default: runs/00001-<configuration>, counting up).")
  var output: String?

  @Flag(help: "Check everything that can be checked, and do not train.")
  var dryRun = false

  @Flag(help: "No progress on standard error.")
  var quiet = false

  func run() throws {
    try Failure.reporting {
      let interruption = Interruption()
      let configuration = try options.load()
      warnAboutPinnedCore()
      let dataset = try RunData(configuration, onSkip: SkippedImages.report)
      say("data: \(dataset.origin)")
      let run = try TrainingRun(configuration, data: dataset)
      if dryRun {
        say(
          "\(configuration.replicas) replicas on \(configuration.workerCount) threads, "
            + "\(configuration.steps) steps: nothing is wrong with this run")
        return
      }
      let name = URL(fileURLWithPath: options.config).deletingPathExtension().lastPathComponent
      let recorder = try RunRecorder(
        run, directory: output, name: name, reals: try dataset.firstImages(RunRecorder.gridCount))
      say("run directory: \(recorder.path)")

      let progress = ProgressLine()
      let trainer = Trainer(
        run, recorder: recorder, shouldStop: { interruption.isRequested },
        onProgress: { if !quiet { progress.show($0) } })
      let steps: Int
      do {
        steps = try trainer.train()
        progress.finish()
      } catch {
        progress.finish()
        throw error
      }
      say("\(steps) steps done; pictures in \(recorder.path)/samples")
      if steps < configuration.steps, let code = interruption.exitCode { throw ExitCode(code) }
    }
  }

  private func say(_ sentence: String) {
    if !quiet { Failure.complain(sentence) }
  }

  private func warnAboutPinnedCore() {
    guard let core = Machine.pinnedOpenBLASCore else { return }
    say("warning: OPENBLAS_CORETYPE=\(core) pins OpenBLAS to that core, which may cost speed")
  }
}
