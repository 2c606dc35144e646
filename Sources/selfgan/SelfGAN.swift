import ArgumentParser

@main
struct SelfGAN: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "selfgan",
    abstract: "Trains SelfGAN as the replicas of a TPU would, and shows what each of them did.",
    version: "0.1.0",
    subcommands: [
      Train.self, Trace.self, Benchmark.self, Inspect.self, Doctor.self, DataCommand.self,
    ])
}
