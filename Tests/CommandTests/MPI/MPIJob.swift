import Foundation
import TestSupport
import Testing

/// A job of several processes, started as a user starts it.
///
/// Every rank runs a script of the test's own, which writes down who it is, and then becomes the
/// program.
final class MPIJob {
  /// How a job is started.
  enum Launch: CustomTestStringConvertible {
    /// With launch/mpi: so many ranks.
    case ranks(Int)
    /// With launch/hosts, on hosts that are network namespaces of this machine: so many ranks on
    /// each. `options` are further ones of mpirun's.
    case hosts(Int, slots: Int, options: [String] = [])
    /// With mpirun alone: so many ranks.
    case mpirun(Int)

    var testDescription: String {
      switch self {
      case .ranks(let count): "\(count) ranks"
      case .hosts(let hosts, let slots, let options):
        (["\(hosts) hosts of \(slots) ranks"] + options).joined(separator: " ")
      case .mpirun(let count): "mpirun -n \(count)"
      }
    }
  }

  private let process: CommandProcess
  /// The job's own files: a script, what each rank writes down, and temporary ones.
  private let own: ScratchDirectory

  /// - Parameters:
  ///   - arguments: the command's, "train" or another one first.
  ///   - directory: the working directory.
  ///   - prologue: lines of the script in front of the program; `$OMPI_COMM_WORLD_RANK` says in which rank.
  ///   - launcher: a program and arguments in front of all, which it shall start.
  init(
    _ launch: Launch, _ arguments: [String], in directory: ScratchDirectory,
    program: String = CommandProcess.product("selfgan"), prologue: String = "",
    launcher: [String] = []
  ) throws {
    own = try ScratchDirectory()
    let script = try own.script(
      """
      echo "$OMPI_MCA_ess_base_jobid" > '\(own.path)/job'
      echo $PPID >> '\(own.path)/parents'
      echo $$ > '\(own.path)/rank-'"$OMPI_COMM_WORLD_RANK"
      \(prologue)
      exec -a "$0" '\(program)' "$@"
      """, as: "selfgan")
    // Where Open MPI and the scripts put what they remove at the end.
    try FileManager.default.createDirectory(
      atPath: own.file("tmp"), withIntermediateDirectories: false)
    var environment = ["SELFGAN": script, "TMPDIR": own.file("tmp")]
    var line: [String]
    switch launch {
    case .ranks(let count):
      line = [Project.file("launch/mpi"), "\(count)"]
    case .hosts(let hosts, let slots, let options):
      line = [Project.file("Tests/Cluster/hosts"), "\(hosts)", "\(slots)"]
      if !options.isEmpty {
        try own.script(
          "exec \(Self.mpirun) \(options.joined(separator: " ")) \"$@\"", as: "bin/mpirun")
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        environment["PATH"] = "\(own.file("bin")):\(path)"
      }
    case .mpirun(let count):
      environment["OMPI_ALLOW_RUN_AS_ROOT"] = "1"
      environment["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1"
      line = [
        Self.mpirun, "-n", "\(count)", "--oversubscribe", "--bind-to", "none",
        "--mca", "mpi_yield_when_idle", "1", script,
      ]
    }
    process = try CommandProcess(
      line: launcher + line + arguments, in: directory, environment: environment)
  }

  deinit {
    for process in processes { kill(process, SIGKILL) }
    for file in sharedFiles { unlink(file) }
  }

  static let mpirun = "/usr/bin/mpirun"

  /// Runs a job to its end.
  static func run(
    _ launch: Launch, _ arguments: [String], in directory: ScratchDirectory,
    program: String = CommandProcess.product("selfgan"), prologue: String = "",
    launcher: [String] = []
  ) throws -> CommandProcess.Outcome {
    try MPIJob(
      launch, arguments, in: directory, program: program, prologue: prologue, launcher: launcher
    ).outcome()
  }

  /// Waits until `condition` holds or the job has ended.
  func wait(until condition: () -> Bool) { process.wait(until: condition) }

  /// Sends a signal to what was started: to mpirun, or to the script that passes it on.
  func send(_ signal: Int32) { process.send(signal) }

  /// Sends a signal to one rank.
  func send(_ signal: Int32, to rank: Int) throws {
    let identifier = try #require(
      Int32(try own.line("rank-\(rank)")), "rank \(rank) has not started")
    kill(identifier, signal)
  }

  /// Waits for the end, after which nothing of the job may be left.
  ///
  /// - Throws: `CommandProcess.Hung` where it does not come within so many seconds.
  func outcome(
    within patience: Int = 60, sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> CommandProcess.Outcome {
    let outcome = try process.outcome(within: patience)
    // mpirun may be a little ahead of its helpers on other hosts.
    for _ in 0..<50 where !remains.isEmpty { usleep(100_000) }
    #expect(remains == [], "\(outcome.errors)", sourceLocation: sourceLocation)
    return outcome
  }

  /// What is there of the job: processes, shared memory and temporary files.
  private var remains: [String] {
    processes.map { "process \($0): \(Self.arguments(of: $0))" } + sharedFiles
      + ((try? own.names(in: "tmp")) ?? [])
  }

  /// Open MPI's shared memory has the job's number in its name.
  private var sharedFiles: [String] {
    guard let number = Int((try? own.line("job")) ?? "") else { return [] }
    let files = (try? FileManager.default.contentsOfDirectory(atPath: "/dev/shm")) ?? []
    return files.filter { $0.contains(String(number, radix: 16)) }.map { "/dev/shm/\($0)" }
  }

  /// All processes of the job: those with its files in their arguments, and those that started a rank.
  private var processes: [Int32] {
    let entries = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    let parents = Set(
      ((try? own.text("parents")) ?? "").split(separator: "\n").compactMap { Int32($0) })
    return entries.compactMap { Int32($0) }.filter { process in
      let arguments = Self.arguments(of: process)
      return arguments.contains(own.path) || (parents.contains(process) && arguments != "")
    }
  }

  /// A process's arguments; empty for one that has ended.
  private static func arguments(of process: Int32) -> String {
    let line = FileManager.default.contents(atPath: "/proc/\(process)/cmdline") ?? Data()
    return String(decoding: line.map { $0 == 0 ? 32 : $0 }, as: UTF8.self)
  }
}

extension ScratchDirectory {
  /// Writes lines of bash into an executable file, and returns its path.
  @discardableResult
  fileprivate func script(_ lines: String, as name: String) throws -> String {
    let path = file(name)
    try FileManager.default.createDirectory(
      at: URL(fileURLWithPath: path).deletingLastPathComponent(), withIntermediateDirectories: true)
    try write("#!/usr/bin/env bash\nset -eu\n\(lines)\n", as: name)
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
    return path
  }

  /// The first line of a file.
  fileprivate func line(_ name: String) throws -> String {
    String(try text(name).prefix { $0 != "\n" })
  }
}
