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
  struct Hung: Error {
    let line: [String]
    let errors: String
  }

  /// Only a guard against tests that never end; no run takes a fraction of it.
  static let patience = 120

  private let line: [String]
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
  convenience init(
    _ arguments: [String], in directory: ScratchDirectory, environment: [String: String] = [:],
    launcher: [String] = [], terminal: FileHandle? = nil
  ) throws {
    try self.init(
      line: launcher + [Self.product("selfgan")] + arguments, in: directory,
      environment: environment, terminal: terminal)
  }

  /// Starts a program: its name or path, and its arguments.
  init(
    line: [String], in directory: ScratchDirectory, environment: [String: String] = [:],
    terminal: FileHandle? = nil
  ) throws {
    self.line = line
    streams = try ScratchDirectory()
    let isPath = line[0].hasPrefix("/")
    process.executableURL = URL(fileURLWithPath: isPath ? line[0] : "/usr/bin/env")
    process.arguments = isPath ? Array(line.dropFirst()) : line
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
    try Self.unblockingSignals { try process.run() }
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

  /// The path of an executable of this package: SwiftPM puts products and test bundles into the
  /// same directory.
  static func product(_ name: String) -> String {
    URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
      .appendingPathComponent(name).path
  }

  /// Tests run on threads that block signals, which is handed on to processes that they start.
  private static func unblockingSignals(_ body: () throws -> Void) rethrows {
    var (all, before) = (sigset_t(), sigset_t())
    sigfillset(&all)
    pthread_sigmask(SIG_UNBLOCK, &all, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    try body()
  }

  private static func newFile(_ path: String) throws -> FileHandle {
    try Data().write(to: URL(fileURLWithPath: path))
    return try FileHandle(forWritingTo: URL(fileURLWithPath: path))
  }

  /// What has been written to standard output so far.
  var output: String { (try? streams.text("output")) ?? "" }

  /// What has been written to standard error so far.
  var errors: String { (try? streams.text("errors")) ?? "" }

  var identifier: Int32 { process.processIdentifier }

  func send(_ signal: Int32) { kill(process.processIdentifier, signal) }

  /// Waits until `condition` holds or the process has ended; the caller checks what it waited for.
  func wait(until condition: () -> Bool) {
    for _ in 0..<Self.patience * 200 where process.isRunning {
      if condition() { return }
      usleep(5000)
    }
  }

  /// Waits for the end.
  ///
  /// - Throws: `Hung` where it does not come within so many seconds.
  func outcome(within patience: Int = CommandProcess.patience) throws -> Outcome {
    if ended.wait(timeout: .now() + .seconds(patience)) == .timedOut {
      send(SIGKILL)
      throw Hung(line: line, errors: errors)
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
