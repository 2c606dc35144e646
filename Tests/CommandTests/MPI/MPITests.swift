import Foundation
import Testing

/// Everything that starts mpirun, one job at a time: on two cores, several would make one another
/// late. What takes longest begins at once.
@Suite(
  .serialized, .besideOthers,
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

/// Runs a suite's tests beside the others, from the beginning on: the threads of another priority are not those on which
/// all tests wait for their turn.
private struct BesideOthers: SuiteTrait, TestScoping {
  func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    try await withoutActuallyEscaping(function) { function in
      try await Task(priority: .high, operation: function).value
    }
  }
}

extension Trait where Self == BesideOthers {
  fileprivate static var besideOthers: BesideOthers { BesideOthers() }
}

/// What tests that need several hosts say where they are skipped.
let hostsAreNeeded: Comment = "needs hosts that are network namespaces, which only root can make"
