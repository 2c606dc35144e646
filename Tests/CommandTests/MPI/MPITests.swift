import Foundation
import Testing

/// Everything that starts mpirun, one job at a time: on two cores, several would make one another
/// late. Jobs that wait for one another take long, so the next is begun before any other test.
@Suite(
  .serialized, .ahead,
  .enabled(
    if: FileManager.default.isExecutableFile(atPath: MPIJob.mpirun),
    "needs mpirun (Debian's openmpi-bin)"))
enum MPITests {
  /// What this machine calls itself.
  static let hostName: String = {
    var name = utsname()
    uname(&name)
    return withUnsafeBytes(of: &name.nodename) { bytes in
      String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
  }()

  /// Whether this machine lets us make hosts of network namespaces; the script says why not.
  static let hostsArePossible: Bool = {
    let trial = Process()
    trial.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    trial.arguments = [
      "bash", "-c", "source \"$0\"; require_hosts", Project.file("Tests/Cluster/namespaces"),
    ]
    guard (try? trial.run()) != nil else { return false }
    trial.waitUntilExit()
    return trial.terminationStatus == 0
  }()
}

/// Gives a suite's tests precedence over those that also wait for a thread.
private struct Ahead: SuiteTrait, TestScoping {
  func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    try await withoutActuallyEscaping(function) { function in
      try await Task(priority: .high, operation: function).value
    }
  }
}

extension Trait where Self == Ahead {
  fileprivate static var ahead: Ahead { Ahead() }
}

/// What tests that need several hosts say where they are skipped.
let hostsAreNeeded: Comment = "needs hosts that are network namespaces, which only root can make"
