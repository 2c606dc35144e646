import ArgumentParser
import Foundation
import Kernels
import RunConfiguration
import RunFiles
import Training

struct Train: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Trains a configuration into a run directory, or goes on with a run.")

  @Argument(
    help: "A configuration file, such as configs/gan.yaml; with --resume, the run's own by default."
  )
  var config: String?

  @OptionGroup var overriding: OverridingOptions

  @OptionGroup var replicas: ReplicaOption

  @OptionGroup var timelineOptions: TimelineOptions

  @Option(help: "The run directory (default: runs/00001-<configuration>, counting up).")
  var output: String?

  @Option(
    help: ArgumentHelp(
      "Go on from the last checkpoint of a run (latest is the highest numbered one in runs); or from a checkpoint, in a new run directory.",
      valueName: "run"))
  var resume: String?

  @Option(
    help: ArgumentHelp(
      "With --resume: keys of the configuration that may have changed, separated by commas; data and program are others.",
      valueName: "keys"))
  var allowChange: String?

  @Flag(help: "Check everything that can be checked, and do not train.")
  var dryRun = false

  @Flag(help: "No progress on standard error.")
  var quiet = false

  func validate() throws {
    if config == nil, resume == nil {
      throw ValidationError("Missing expected argument '<config>'")
    }
    if allowChange != nil, resume == nil {
      throw ValidationError("'--allow-change' needs '--resume <run>'")
    }
  }

  func run() throws {
    // Before there are other processes, which may end at the same signal.
    let interruption = Interruption(hasState: false)
    try Job.run { job in
      let allowed = try job.together { try allowedChanges() }
      let resume = try resume.map { try Resume($0, job) }
      if resume?.isInPlace == true {
        try job.together {
          try Failure.requireOption(
            "--output", output ?? "", output == nil,
            expected: "none with --resume of a run, which goes on in its directory")
        }
      }
      let (configuration, dataset) = try job.load { try loadConfiguration(resume) }
      warnAboutPinnedCore(job)
      say("data: \(dataset.origin)", job)
      let run = try TrainingRun(
        configuration, data: dataset, recording: .batchStatistics, processes: job.processes)
      let hasChanged = try resume?.restore(run, allowing: allowed, job) ?? false
      let timeline = try timelineOptions.start(
        run, job, first: run.completedSteps + 1, last: configuration.steps)
      if dryRun {
        say(
          "\(configuration.replicas) replicas on \(run.placement.workers) threads, "
            + "\(configuration.steps) steps: nothing is wrong with this run", job)
        return
      }
      let recorder = try job.together { () -> RunRecorder? in
        job.processes.isFirst ? try makeRecorder(run, dataset, resume) : nil
      }
      interruption.begin()
      if let recorder {
        say("run directory: \(recorder.path)", job)
        if resume != nil { say("goes on after step \(run.completedSteps)", job) }
      }

      let progress = ProgressLine()
      let trainer = Trainer(
        run, recorder: recorder, signal: { interruption.signal },
        wantsCheckpoint: { interruption.takeCheckpointRequest() },
        startsWithCheckpoint: resume?.isInPlace != true || resume?.facts == nil || hasChanged,
        earlierSeconds: resume?.facts?.seconds ?? 0,
        onWarning: { job.say("warning: \($0)") },
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

  /// The keys of `--allow-change`.
  private func allowedChanges() throws -> Set<String> {
    guard let allowChange else { return [] }
    try Failure.requireName("--allow-change", allowChange, of: "a key")
    let names = Set(
      allowChange.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) })
    for name in names where !["data", "program"].contains(name) {
      try Configuration.requireKey(name)
    }
    return names
  }

  private func loadConfiguration(_ resume: Resume?) throws -> Configuration {
    let overrides = overriding.overrides() + replicas.overrides
    if let config { return try Configuration.load(path: config, overrides: overrides) }
    guard let resume else { return Configuration() }
    return try Configuration.decode(
      resume.configuration, source: resume.path, overrides: overrides)
  }

  private func makeRecorder(
    _ run: TrainingRun, _ dataset: RunData, _ resume: Resume?
  ) throws -> RunRecorder {
    let onFailure: @Sendable (RunFileError) -> Void = { error in
      Failure.complain("warning: \(error); the run goes on, and checkpoints before this one stay")
    }
    let reals = { try dataset.firstImages(RunRecorder.gridCount) }
    guard let place = resume?.resumption?.place else {
      return try RunRecorder(
        run, directory: output, name: RunName.of(config ?? run.configuration.model.kind.rawValue),
        reals: reals(), onFailure: onFailure)
    }
    return resume?.facts == nil
      ? try RunRecorder(
        run, beginning: place.directory, place.lock, reals: reals(), onFailure: onFailure)
      : try RunRecorder(run, resuming: place.directory, place.lock, onFailure: onFailure)
  }

  private func say(_ sentence: String, _ job: Job) {
    if !quiet { job.say(sentence) }
  }

  private func warnAboutPinnedCore(_ job: Job) {
    guard let core = Machine.pinnedOpenBLASCore else { return }
    say("warning: OPENBLAS_CORETYPE=\(core) pins OpenBLAS to that core, which may cost speed", job)
  }
}
