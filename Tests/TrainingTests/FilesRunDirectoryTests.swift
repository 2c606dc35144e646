import Dispatch
import Foundation
import Glibc
import Synchronization
import Testing
import Training

@Suite struct FilesRunDirectoryTests {
  @Test(arguments: [false, true])
  func aNewOrEmptyDirectoryIsTaken(exists: Bool) throws {
    let scratch = try ScratchDirectory()
    let path = scratch.file("a/b")
    if exists {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }
    let directory = try RunDirectory(path: path, name: "gan")
    #expect(directory.path == path)
    #expect(try FileManager.default.contentsOfDirectory(atPath: path) == ["samples"])
  }

  @Test func filesHaveTheContractsNames() throws {
    let scratch = try ScratchDirectory()
    let directory = try RunDirectory(path: scratch.file("r"), name: "gan")
    let paths = [
      directory.configuration, directory.metrics, directory.shards, directory.reals,
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
    #expect(try scratch.contents() == ["results.txt"])
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

  // MARK: - Counting up

  @Test func defaultDirectoriesCountUpFromTheHighestNumber() throws {
    let scratch = try ScratchDirectory()
    let paths = try inDirectory(scratch.path) {
      var paths = [try RunDirectory(path: nil, name: "gan").path]
      paths.append(try RunDirectory(path: nil, name: "dcgan").path)
      mkdir("runs/00041-other", 0o755)
      mkdir("runs/notes", 0o755)
      paths.append(try RunDirectory(path: nil, name: "gan").path)
      return paths
    }
    #expect(paths == ["runs/00001-gan", "runs/00002-dcgan", "runs/00042-gan"])
  }

  @Test func runsThatStartTogetherGetDirectoriesOfTheirOwn() throws {
    let scratch = try ScratchDirectory()
    let paths = Mutex<[String]>([])
    let done = DispatchGroup()
    for _ in 0..<8 {
      DispatchQueue(label: "run").async(group: done) {

        let path = try? inDirectory(scratch.path) { try RunDirectory(path: nil, name: "gan").path }
        paths.withLock { $0.append(path ?? "none") }
      }
    }
    done.wait()
    let expected = (1...8).map { "runs/0000\($0)-gan" }
    #expect(paths.withLock { $0.sorted() } == expected)
  }

  @Test func aDirectoryWithAnAbsurdNumberDoesNotEndTheProgram() throws {
    let scratch = try ScratchDirectory()
    try FileManager.default.createDirectory(
      atPath: scratch.file("runs/99999999999999999999-gan"), withIntermediateDirectories: true)
    let path = try inDirectory(scratch.path) { try RunDirectory(path: nil, name: "gan").path }
    #expect(path == "runs/00001-gan")
  }
}

/// Runs `body` on a new thread with a working directory of its own: the process keeps its one, which other tests rely on.
private func inDirectory<Value: Sendable>(
  _ path: String, _ body: @escaping @Sendable () throws -> Value
) throws -> Value {
  let result = Mutex<Result<Value, any Error>?>(nil)
  let done = DispatchSemaphore(value: 0)
  let thread = Thread {
    defer { done.signal() }
    guard unshare(CLONE_FS) == 0, chdir(path) == 0 else { return }
    let outcome = Result { try body() }
    result.withLock { $0 = outcome }
  }
  thread.start()
  done.wait()
  return try #require(result.withLock { $0 }).get()
}
