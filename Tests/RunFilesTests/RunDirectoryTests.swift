import Dispatch
import Foundation
import Glibc
import RunFiles
import Synchronization
import TestSupport
import Testing

@Suite struct RunDirectoryTests {
  @Test(arguments: [false, true])
  func aNewOrEmptyDirectoryIsTaken(exists: Bool) throws {
    let scratch = try ScratchDirectory()
    let path = scratch.file("a/b")
    if exists {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }
    let directory = try RunDirectory(path: path, name: "gan")
    #expect(directory.path == path)
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: path).sorted() == [
        "checkpoints", "samples",
      ])
  }

  @Test func filesHaveTheContractsNames() throws {
    let scratch = try ScratchDirectory()
    let directory = try RunDirectory(path: scratch.file("r"), name: "gan")
    let paths = [
      directory.configuration, directory.metrics, directory.path(of: .shards), directory.reals,
      directory.weights, directory.sample(step: 400), directory.sample(step: 1_234_567),
    ]
    let names = [
      "config.yaml", "metrics.jsonl", "shards.csv", "reals.png", "weights.safetensors",
      "samples/step-000400.png", "samples/step-1234567.png",
    ]
    #expect(paths == names.map { directory.path + "/" + $0 })
  }

  @Test func aDirectoryWithContentsIsRefusedAndLeftAlone() throws {
    let scratch = try ScratchDirectory()
    _ = try scratch.write("mine".utf8, as: "results.txt")
    let error = fileError { () throws(RunFileError) in
      _ = try RunDirectory(path: scratch.path, name: "gan")
    }
    #expect(error == .directoryNotEmpty(path: scratch.path))
    #expect(error?.isRefusal == true)
    #expect(try scratch.names() == ["results.txt"])
  }

  @Test func twoRunsCannotShareADirectory() throws {
    let scratch = try ScratchDirectory()
    _ = try RunDirectory(path: scratch.file("r"), name: "gan")
    let error = fileError { () throws(RunFileError) in
      _ = try RunDirectory(path: scratch.file("r"), name: "gan")
    }
    #expect(error == .directoryNotEmpty(path: scratch.file("r")))
  }

  @Test func aFileInTheWayIsNamed() throws {
    let scratch = try ScratchDirectory()
    let file = try scratch.write([0], as: "file")
    for path in [file, file + "/run"] {
      let error = fileError { () throws(RunFileError) in
        _ = try RunDirectory(path: path, name: "gan")
      }
      guard case .cannotCreateDirectory(path, let reason) = error else {
        Issue.record("\(path): \(String(describing: error))")
        continue
      }
      #expect(reason.contains("it is a file") || reason.contains("Not a directory"))
    }
  }

  /// Not even the superuser makes a directory there.
  @Test(arguments: ["/proc/selfgan", "/proc/selfgan/run"])
  func anUnwritablePlaceIsRefusedWithTheSystemsReason(path: String) {
    let error = fileError { () throws(RunFileError) in
      _ = try RunDirectory(path: path, name: "gan")
    }
    guard case .cannotCreateDirectory(path, let reason) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(reason.contains("No such file or directory"))
  }

  // MARK: - Counting up, each test in a process with a working directory of its own

  @Test func defaultDirectoriesCountUpFromTheHighestNumber() async {
    await #expect(processExitsWith: .success) {
      let scratch = try ScratchDirectory()
      try #require(chdir(scratch.path) == 0)
      var paths = [try RunDirectory(path: nil, name: "gan").path]
      paths.append(try RunDirectory(path: nil, name: "dcgan").path)
      mkdir("runs/00041-other", 0o755)
      mkdir("runs/notes", 0o755)
      paths.append(try RunDirectory(path: nil, name: "gan").path)
      #expect(paths == ["runs/00001-gan", "runs/00002-dcgan", "runs/00042-gan"])
    }
  }

  @Test func runsThatStartTogetherGetDirectoriesOfTheirOwn() async {
    await #expect(processExitsWith: .success) {
      let scratch = try ScratchDirectory()
      try #require(chdir(scratch.path) == 0)
      let paths = Mutex<[String]>([])
      DispatchQueue.concurrentPerform(iterations: 32) { _ in
        let path = try? RunDirectory(path: nil, name: "gan").path
        paths.withLock { $0.append(path ?? "none") }
      }
      let expected = (1...32).map { "runs/000\($0 < 10 ? "0" : "")\($0)-gan" }
      #expect(paths.withLock { $0.sorted() } == expected)
    }
  }

  /// Numbers at and beyond the end of Int.
  @Test func directoriesWithAbsurdNumbersDoNotEndTheProgram() async {
    await #expect(processExitsWith: .success) {
      let scratch = try ScratchDirectory()
      try #require(chdir(scratch.path) == 0)
      mkdir("runs", 0o755)
      for number in ["9223372036854775807", "99999999999999999999"] {
        mkdir("runs/\(number)-gan", 0o755)
        let path = try RunDirectory(path: nil, name: "gan").path
        #expect(path.hasPrefix("runs/"))
      }
    }
  }
}
