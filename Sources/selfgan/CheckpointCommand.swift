import ArgumentParser

/// `selfgan checkpoint …`
struct CheckpointCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "checkpoint",
    abstract: "Shows, verifies and converts checkpoints.",
    subcommands: [CheckpointShow.self, CheckpointVerify.self, CheckpointConvert.self])
}

/// Several files of a command's arguments, those that cannot be used among them.
enum EachFile {
  /// Calls `body` with every path, and complains about those for which it throws.
  ///
  /// - Throws: the exit code of the worst of them, at the end.
  static func run(_ paths: [String], _ body: (String) throws -> Void) throws {
    var worst: Int32 = 0
    for path in paths {
      do { try Failure.reporting { try body(path) } } catch let exit as ExitCode {
        worst = max(worst, exit.rawValue)
      }
    }
    if worst != 0 { throw ExitCode(worst) }
  }
}
