import ArgumentParser
import Foundation
import RunConfiguration
import Training

struct Benchmark: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measures the time of a step, and prints one JSON object.")

  @OptionGroup var options: RunOptions

  @Option(help: "How many steps to run before measuring.")
  var warmup = 20

  @Flag(help: "Also time every operation of every layer.")
  var profile = false

  func run() throws {
    try Failure.reporting {
      let configuration = try options.load(defaultSteps: 200)
      try Failure.requireOption(
        "--warmup", warmup, (0...1_000_000).contains(warmup), expected: "0 to 1000000")
      let dataset = try RunData(configuration, onSkip: SkippedImages.report)
      let run = try TrainingRun(configuration, data: dataset)
      let result = try StepBenchmark(
        run, warmup: warmup, steps: configuration.steps, profiles: profile)
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
      print(String(decoding: try encoder.encode(result), as: UTF8.self))
    }
  }
}
