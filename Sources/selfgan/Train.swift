import ArgumentParser
import Kernels
import RunConfiguration
import Training

struct Train: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Trains a configuration into a run directory.")

  @OptionGroup var options: RunOptions

  @OptionGroup var timelineOptions: TimelineOptions

  @Option(help: "The run directory (default: runs/00001-<configuration>, counting up).")
  var output: String?

  @Flag(help: "Check everything that can be checked, and do not train.")
  var dryRun = false

  @Flag(help: "No progress on standard error.")
  var quiet = false

  func run() throws {
    // Before there are other processes, which may end at the same signal.
    let interruption = Interruption()
    try Job.run { job in
      let (configuration, dataset) = try job.load(options)
      warnAboutPinnedCore(job)
      say("data: \(dataset.origin)", job)
      let run = try TrainingRun(
        configuration, data: dataset, recording: .batchStatistics, processes: job.processes)
      let timeline = try timelineOptions.start(run, job, last: configuration.steps)
      if dryRun {
        say(
          "\(configuration.replicas) replicas on \(run.placement.workers) threads, "
            + "\(configuration.steps) steps: nothing is wrong with this run", job)
        return
      }
      let recorder = try job.together { () -> RunRecorder? in
        guard job.processes.isFirst else { return nil }
        return try RunRecorder(
          run, directory: output, name: options.common.name,
          reals: try dataset.firstImages(RunRecorder.gridCount))
      }
      if let recorder { say("run directory: \(recorder.path)", job) }

      let progress = ProgressLine()
      let trainer = Trainer(
        run, recorder: recorder, signal: { interruption.signal },
        onProgress: { if !quiet, job.processes.isFirst { progress.show($0) } })
      let signal: Int32
      do {
        signal = try trainer.train()
        progress.finish()
      } catch {
        progress.finish()
        // That the run has failed matters more than that this fails too.
        try? timeline?.finishAlone()
        throw error
      }
      try timeline?.finish()
      if let recorder {
        say("\(run.completedSteps) steps done; pictures in \(recorder.path)/samples", job)
      }
      if signal != 0 { throw ExitCode(128 + signal) }
    }
  }

  private func say(_ sentence: String, _ job: Job) {
    if !quiet { job.say(sentence) }
  }

  private func warnAboutPinnedCore(_ job: Job) {
    guard let core = Machine.pinnedOpenBLASCore else { return }
    say("warning: OPENBLAS_CORETYPE=\(core) pins OpenBLAS to that core, which may cost speed", job)
  }
}
