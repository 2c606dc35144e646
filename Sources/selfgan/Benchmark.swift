import ArgumentParser
import Foundation
import RunConfiguration
import Training

struct Benchmark: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measures the time of a step, and prints one JSON object.")

  @OptionGroup var options: RunOptions

  @OptionGroup var timelineOptions: TimelineOptions

  @Option(help: "How many steps to run before measuring.")
  var warmup = 20

  @Flag(help: "Also time every operation of every layer.")
  var profile = false

  @Option(help: "Also time all-reduces of so many floats, and MPI's own; under mpirun.")
  var allReduce: Int?

  func run() throws {
    try Job.run { job in
      var (configuration, dataset) = try job.load {
        let configuration = try options.load(defaultSteps: 200)
        try Failure.requireOption(
          "--warmup", warmup, (0...1_000_000).contains(warmup), expected: "0 to 1000000")
        if let allReduce {
          try Failure.requireOption(
            "--all-reduce", allReduce, (1...(1 << 30)).contains(allReduce), expected: "1 to 2^30")
        }
        return configuration
      }
      // The step as it is run between two measurements.
      configuration.shards.gradientEvery = 0
      let run = try TrainingRun(configuration, data: dataset, processes: job.processes)
      let timeline = try timelineOptions.start(
        run, job, first: warmup + 1, last: warmup + configuration.steps + 1)
      let result = try StepBenchmark(
        run, warmup: warmup, steps: configuration.steps, profiles: profile, allReduced: allReduce)
      try timeline?.finish()
      if job.processes.isFirst {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        print(String(decoding: try encoder.encode(result), as: UTF8.self))
      }
    }
  }
}
