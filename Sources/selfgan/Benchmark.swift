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

  func run() throws {
    try Failure.reporting {
      let configuration = try options.load(defaultSteps: 200)
      let range = 0...1_000_000
      guard range.contains(warmup) else {
        throw Failure.ImpossibleOption(option: "--warmup", value: warmup, expected: range)
      }
      let run = try TrainingRun(configuration, data: try RunData(configuration))
      let result = try StepBenchmark(run, warmup: warmup, steps: configuration.steps)
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
      print(String(decoding: try encoder.encode(result), as: UTF8.self))
    }
  }
}
