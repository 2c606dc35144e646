import ArgumentParser
import Foundation
import RunConfiguration

/// The options that say what a run is. Those with a name of their own override `--set`, which
/// overrides the file.
struct RunOptions: ParsableArguments {
  @OptionGroup var common: CommonRunOptions

  @OptionGroup var replicas: ReplicaOption

  /// Loads the configuration, which is validated.
  ///
  /// - Parameter defaultSteps: what a command runs where neither the option nor `--set` says.
  func load(defaultSteps: Int? = nil) throws -> Configuration {
    try common.load(defaultSteps: defaultSteps, overrides: replicas.overrides)
  }
}

/// The same for commands of many runs, which have words of their own for what differs.
struct CommonRunOptions: ParsableArguments {
  @Argument(help: "A configuration file, such as configs/gan.yaml.")
  var config: String

  @OptionGroup var overriding: OverridingOptions

  var name: String { RunName.of(config) }

  /// Loads the configuration, which is validated.
  ///
  /// - Parameters:
  ///   - defaultSteps: what a command runs where neither the option nor `--set` says.
  ///   - more: what a command's own options set, over all others.
  func load(
    defaultSteps: Int? = nil, overrides more: [String] = []
  ) throws(ConfigurationError) -> Configuration {
    try Configuration.load(
      path: config, overrides: overriding.overrides(defaultSteps: defaultSteps) + more)
  }
}

/// What a run is called by.
enum RunName {
  /// The file's name without its extension.
  static func of(_ path: String) -> String {
    URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent
  }
}

struct ReplicaOption: ParsableArguments {
  @Option(help: "How many replicas (logical TPU cores) share each batch.")
  var replicas: Int?

  var overrides: [String] { replicas.map { ["replicas=\($0)"] } ?? [] }
}

/// The options that override keys of a configuration.
struct OverridingOptions: ParsableArguments {
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
  var settings: [String] = []

  enum ReductionArgument: String, ExpressibleByArgument, CaseIterable {
    case fast, ordered
  }

  /// As `key.path=value`, in the order in which they apply.
  ///
  /// - Parameter defaultSteps: where neither the option nor `--set` says.
  func overrides(defaultSteps: Int? = nil) -> [String] {
    var all = settings
    if let steps = steps ?? (sets("steps") ? nil : defaultSteps) { all.append("steps=\(steps)") }
    if let threads { all.append("threads=\(threads)") }
    if let reduction { all.append("reduction=\(reduction.rawValue)") }
    if let seed { all.append("seed=\(seed)") }
    return all
  }

  private func sets(_ key: String) -> Bool { settings.contains { $0.hasPrefix(key + "=") } }
}
