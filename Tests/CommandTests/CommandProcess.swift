import Foundation
import TestSupport
import Testing

/// The built `selfgan`, started as a user starts it: a process with files for its outputs.
final class CommandProcess {
  /// How a process ended, and what it wrote.
  struct Outcome {
    /// As a shell gives it: 128 + the signal for a process that a signal killed.
    let code: Int32
    let output: String
    let errors: String

    /// The lines on standard error that are neither a run's announcements nor its progress.
    var complaints: [String] {
      let announcements = ["selfgan: data: ", "selfgan: run directory: ", "step "]
      return errors.split(separator: "\n").map(String.init).filter { line in
        !announcements.contains { line.hasPrefix($0) }
      }
    }
  }

  /// A process that outlives any run that a test starts.
  struct Hung: Error { let arguments: [String] }

  /// Only a guard against tests that never end; no run takes a fraction of it.
  private static let patience = 120

  private let arguments: [String]
  private let process = Process()
  private let ended = DispatchSemaphore(value: 0)
  private let streams: ScratchDirectory

  /// Starts the command.
  ///
  /// - Parameters:
  ///   - directory: the working directory.
  ///   - environment: variables beside the inherited ones.
  ///   - launcher: a program and arguments in front of the command, which it shall start.
  ///   - terminal: takes the place of standard error.
  init(
    _ arguments: [String], in directory: ScratchDirectory, environment: [String: String] = [:],
    launcher: [String] = [], terminal: FileHandle? = nil
  ) throws {
    self.arguments = arguments
    streams = try ScratchDirectory()
    let line = launcher + [Self.executable.path] + arguments
    process.executableURL = URL(fileURLWithPath: launcher.isEmpty ? line[0] : "/usr/bin/env")
    process.arguments = launcher.isEmpty ? arguments : line
    process.currentDirectoryURL = URL(fileURLWithPath: directory.path)
    // Those that would change what is written, or where images are searched.
    let inherited = ProcessInfo.processInfo.environment.filter {
      !["OPENBLAS_CORETYPE", "SELFGAN_DATA"].contains($0.key)
    }
    process.environment = inherited.merging(environment) { $1 }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = try Self.newFile(streams.file("output"))
    process.standardError = try terminal ?? Self.newFile(streams.file("errors"))
    process.terminationHandler = { [ended] _ in ended.signal() }
    try process.run()
  }

  /// Runs the command to its end.
  static func run(
    _ arguments: [String], in directory: ScratchDirectory, environment: [String: String] = [:],
    launcher: [String] = []
  ) throws -> Outcome {
    try CommandProcess(
      arguments, in: directory, environment: environment, launcher: launcher
    ).outcome()
  }

  /// SwiftPM puts products and test bundles into the same directory.
  private static var executable: URL {
    URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
      .appendingPathComponent("selfgan")
  }

  private static func newFile(_ path: String) throws -> FileHandle {
    try Data().write(to: URL(fileURLWithPath: path))
    return try FileHandle(forWritingTo: URL(fileURLWithPath: path))
  }

  /// What has been written to standard error so far.
  var errors: String { (try? streams.text("errors")) ?? "" }

  func send(_ signal: Int32) { kill(process.processIdentifier, signal) }

  /// Waits until `condition` holds or the process has ended; the caller checks what it waited for.
  func wait(until condition: () -> Bool) {
    for _ in 0..<Self.patience * 200 where process.isRunning {
      if condition() { return }
      usleep(5000)
    }
  }

  /// Waits for the end.
  func outcome() throws -> Outcome {
    if ended.wait(timeout: .now() + .seconds(Self.patience)) == .timedOut {
      send(SIGKILL)
      throw Hung(arguments: arguments)
    }
    let status = process.terminationStatus
    return Outcome(
      code: process.terminationReason == .uncaughtSignal ? 128 + status : status,
      output: try streams.text("output"), errors: errors)
  }
}

/// Checks that a command was refused or failed as it should: with this exit code and one sentence on standard error, which names
/// what matters, and nothing on standard output.
func expectSentence(
  _ outcome: CommandProcess.Outcome, code: Int32, naming facts: [String],
  sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(outcome.code == code, "\(outcome.errors)", sourceLocation: sourceLocation)
  #expect(outcome.complaints.count == 1, "\(outcome.errors)", sourceLocation: sourceLocation)
  #expect(outcome.output == "", sourceLocation: sourceLocation)
  let sentence = outcome.complaints.first ?? ""
  #expect(sentence.hasPrefix("selfgan: error: "), sourceLocation: sourceLocation)
  for fact in facts {
    #expect(
      sentence.contains(fact), "\(sentence) does not name \(fact)", sourceLocation: sourceLocation)
  }
}
