import ArgumentParser
import RunConfiguration
import Training

struct Trace: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Runs steps and records everything that an independent program needs to check them.")

  @OptionGroup var options: RunOptions

  @Option(help: "The safetensors file to write.")
  var output: String

  @Option(help: "A safetensors file of initial values: a trace's, or plain parameter names.")
  var initial: String?

  func validate() throws {
    if options.common.overriding.steps == nil {
      throw ValidationError("Missing expected argument '--steps <steps>'")
    }
  }

  func run() throws {
    try Job.run { job in
      let (configuration, dataset) = try job.load { try options.load() }
      let run = try TrainingRun(
        configuration, data: dataset, recording: [.gradients, .tensors],
        processes: job.processes)
      if let initial { try run.loadInitialValues(path: initial) }
      try TraceRecorder(run, output: output).record(steps: configuration.steps)
    }
  }
}
