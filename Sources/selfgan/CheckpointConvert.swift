import ArgumentParser
import Foundation
import Interchange
import RunConfiguration
import RunFiles
import Training

struct CheckpointConvert: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert",
    abstract: "Takes a model to PyTorch, Keras or ONNX, or from PyTorch or Keras.")

  enum Target: String, ExpressibleByArgument, CaseIterable { case pytorch, keras, onnx }

  @Argument(
    help: """
      With --to, a checkpoint, a run's directory (its newest checkpoint; latest is the highest numbered \
      run) or a run's weights.safetensors; with --from, the safetensors file of another framework's weights.
      """)
  var file: String

  @Option(help: "Write weights for this framework, or the generator for ONNX.")
  var to: Target?

  @Option(help: "Read this framework's weights, and write a checkpoint to train on from.")
  var from: WeightFormat?

  @Option(help: "The file to write.")
  var output: String

  @Option(
    help: """
      Whose moving statistics: replica 0's, or the mean over replicas (default: what \
      batchNorm.movingStatistics says).
      """)
  var statistics: ModelWeights.Statistics?

  @Option(help: "With --from, the configuration of the model, such as configs/gan.yaml.")
  var config: String?

  @OptionGroup(title: "Options for --from") var overriding: OverridingOptions

  @OptionGroup(title: "Options for --from") var replicas: ReplicaOption

  private var overrides: [String] { overriding.overrides(defaultSteps: nil) + replicas.overrides }

  func validate() throws {
    switch (to, from) {
    case (nil, nil):
      throw ValidationError("Missing expected argument '--to <to>' or '--from <from>'")
    case (_?, _?): throw ValidationError("--to and --from exclude each other")
    case (_?, nil):
      if config != nil || !overrides.isEmpty {
        throw ValidationError(
          "--config and what overrides it belong to --from; the file has its own configuration")
      }
    case (nil, _?):
      if statistics != nil {
        throw ValidationError("--statistics belongs to --to; the file has one set")
      }
      if config == nil { throw ValidationError("Missing expected argument '--config <config>'") }
    }
  }

  func run() throws {
    try Failure.reporting {
      try Failure.requireName("--output", output, of: "the file to write")
      try Failure.requireOption(
        "--output", output, identity(output).map { $0 != identity(file) } ?? true,
        expected: "another file than the one to convert")
      if let to { try export(to) }
      if let from, let config { try read(from, config) }
    }
  }

  /// What a file is, whatever it is called; nil where there is none.
  private func identity(_ path: String) -> [UInt64]? {
    var status = stat()
    return stat(path, &status) == 0 ? [UInt64(status.st_dev), UInt64(status.st_ino)] : nil
  }

  private func export(_ target: Target) throws {
    let model = try SavedModel.named(file)
    try Failure.requireOption(
      "--output", output, identity(output).map { $0 != identity(model.path) } ?? true,
      expected: "another file than the one to convert")
    let weights = try ModelWeights(model, statistics: statistics)
    switch target {
    case .pytorch: try weights.write(as: .pytorch, to: output)
    case .keras: try weights.write(as: .keras, to: output)
    case .onnx: try weights.writeONNX(to: output)
    }
  }

  private func read(_ format: WeightFormat, _ config: String) throws {
    let configuration = try Configuration.load(path: config, overrides: overrides)
    let weights = try ModelWeights(path: file, format: format, configuration: configuration)
    try OutputFile.requireWritable(output)
    let data = try RunData(configuration, onSkip: SkippedImages.report)
    try weights.checkpoint(data: data, from: file).write(to: output)
  }
}

extension WeightFormat: ExpressibleByArgument {}

extension ModelWeights.Statistics: ExpressibleByArgument {}
