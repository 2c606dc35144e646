import Foundation
import TestSupport
import Testing

/// A run that no launcher started: nothing of MPI's is loaded, let alone started.
@Suite struct NoLauncherTests {
  @Test func nothingOfMPIStarts() throws {
    let scratch = try ScratchDirectory()
    let temporary = try ScratchDirectory()
    // What it begins with, sockets of the tests' own among them, is not its doing.
    let process = try CommandProcess(
      ["train", Configurations.gan, "--steps", "2147483648", "--output", "run"]
        + Configurations.small + ["--set", "logEvery=1"], in: scratch,
      environment: ["TMPDIR": temporary.path],
      launcher: ["bash", "-c", "readlink /proc/$$/fd/* > inherited; exec \"$@\"", "bash"])
    process.wait { ((try? scratch.text("run/shards.csv")) ?? "").contains("\n3,7,") }
    let own = "/proc/\(process.identifier)"
    let files = FileManager.default
    let maps = try #require(
      try FileHandle(forReadingAtPath: "\(own)/maps")?.readToEnd().map {
        String(decoding: $0, as: UTF8.self)
      })
    let descriptors = try files.contentsOfDirectory(atPath: "\(own)/fd").compactMap {
      try? files.destinationOfSymbolicLink(atPath: "\(own)/fd/\($0)")
    }
    process.send(SIGINT)
    #expect(try process.outcome().code == 130)

    let inherited = Set(try scratch.text("inherited").split(separator: "\n").map(String.init))
    let sockets = descriptors.filter { $0.hasPrefix("socket:") }
    #expect(descriptors.contains { $0.hasSuffix("/run/shards.csv") })
    #expect(inherited.isSuperset(of: sockets))
    #expect(maps.contains("libopenblas"))
    // MPI is a library that loads plug-ins when it starts.
    for library in ["libmpi", "libopen-rte", "mca_"] {
      #expect(!maps.contains(library), "\(library)")
    }
    #expect(try temporary.names() == [])
  }
}
