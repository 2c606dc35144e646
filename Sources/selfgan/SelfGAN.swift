import ArgumentParser
import Foundation
import Replicas
import RunConfiguration

@main
struct SelfGAN: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "selfgan",
    abstract: "Trains SelfGAN as the replicas of a TPU would, and shows what each of them did.",
    version: programVersion,
    subcommands: [
      Train.self, Trace.self, Benchmark.self, Inspect.self, Doctor.self, Shards.self,
      ReportCommand.self, Watch.self,
      Sample.self, CheckpointCommand.self, SweepCommand.self, DataCommand.self,
    ])

  /// As usual; but of the processes that a launcher started, only the first says how commands are used.
  static func main() {
    do {
      var command = try parseAsRoot()
      try command.run()
      try Failure.reporting { try StandardOutput.finish() }
    } catch {
      if !MPIProcesses.launchesFirst { Foundation.exit(exitCode(for: error).rawValue) }
      exit(withError: error)
    }
  }
}
