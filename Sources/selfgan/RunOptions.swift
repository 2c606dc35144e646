import ArgumentParser
import Foundation
import RunConfiguration

/// The options that say what a run is. Those with a name of their own override `--set`, which
/// overrides the file.
struct RunOptions: ParsableArguments {
  @OptionGroup var common: CommonRunOptions

  @Option(help: "How many replicas (logical TPU cores) share each batch.")
  var replicas: Int?

  /// Loads the configuration, which is validated.
  ///
  /// - Parameter defaultSteps: what a command runs where neither the option nor `--set` says.
  func load(defaultSteps: Int? = nil) throws -> Configuration {
    try common.load(
      defaultSteps: defaultSteps, overrides: replicas.map { ["replicas=\($0)"] } ?? [])
  }
}

/// The same for commands of many runs, which have words of their own for what differs.
struct CommonRunOptions: ParsableArguments {
  @Argument(help: "A configuration file, such as configs/gan.yaml.")
  var config: String

  @Option(help: "How many steps to run.")
  var steps: Int?

  @Option(help: "How many worker threads run the replicas (default: one for each available core).")
  var threads: Int?

  @Option(help: "How gradients are added: fast, or ordered (the same bits on every placement).")
  var reduction: ReductionArgument?

  @Option(help: "The seed of every random number.")
  var seed: UInt64?

  @Option(
    name: .customLong("set"), help: "Sets a key of the configuration: key.path=value (repeatable).")
  var overrides: [String] = []

  /// The configuration file's name without its extension, which runs are called by.
  var name: String { URL(fileURLWithPath: config).deletingPathExtension().lastPathComponent }

  enum ReductionArgument: String, ExpressibleByArgument, CaseIterable {
    case fast, ordered
  }

  /// Loads the configuration, which is validated.
  ///
  /// - Parameters:
  ///   - defaultSteps: what a command runs where neither the option nor `--set` says.
  ///   - more: what a command's own options set, over all others.
  func load(
    defaultSteps: Int? = nil, overrides more: [String] = []
  ) throws(ConfigurationError) -> Configuration {
    var all = overrides
    if let steps = steps ?? (sets("steps") ? nil : defaultSteps) { all.append("steps=\(steps)") }
    if let threads { all.append("threads=\(threads)") }
    if let reduction { all.append("reduction=\(reduction.rawValue)") }
    if let seed { all.append("seed=\(seed)") }
    return try Configuration.load(path: config, overrides: all + more)
  }

  private func sets(_ key: String) -> Bool { overrides.contains { $0.hasPrefix(key + "=") } }
}
