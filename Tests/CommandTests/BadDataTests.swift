import Foundation
import TestSupport
import Testing

/// Images that cannot be trained on, and places that cannot be written to: exit code 65 and one sentence.
@Suite struct BadDataTests {
  /// An IDX file of 100 images of 6×5 pixels, or of what its header claims instead.
  private static func images(
    magic: UInt32 = 0x803, count: UInt32 = 100, height: UInt32 = 6, width: UInt32 = 5,
    pixels: Int = 3000
  ) -> Data {
    var file = Data()
    for word in [magic, count, height, width] {
      withUnsafeBytes(of: word.bigEndian) { file.append(contentsOf: $0) }
    }
    return file + Data((0..<pixels).map { UInt8(truncatingIfNeeded: $0 &* 37) })
  }

  private func expectRefusal(
    of path: String, kind: String = "mnist", naming facts: [String], in scratch: ScratchDirectory
  ) throws {
    let before = try scratch.names()
    let outcome = try CommandProcess.run(
      ["train", Configurations.gan, "--steps", "1", "--output", "run"] + Configurations.small
        + ["--set", "data.kind=\(kind)", "--set", "data.path=\(path)"], in: scratch)
    expectSentence(outcome, code: 65, naming: [path] + facts)
    #expect(try scratch.names() == before)
  }

  /// Compresses with the system's program.
  private func gzip(_ path: String) throws {
    let gzip = Process()
    gzip.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    gzip.arguments = ["gzip", path]
    try gzip.run()
    gzip.waitUntilExit()
    try #require(gzip.terminationStatus == 0)
  }

  @Test(arguments: ["mnist", "idx"])
  func rightFilesAreTakenPlainAndCompressed(_ kind: String) throws {
    let scratch = try ScratchDirectory()
    try scratch.write(Self.images(), as: "images")
    try scratch.write(Self.images(), as: "compressed")
    try gzip(scratch.file("compressed"))
    for (path, run) in [("images", "plain"), ("compressed.gz", "gzipped")] {
      let outcome = try CommandProcess.run(
        ["train", Configurations.gan, "--steps", "2", "--output", run, "--quiet"]
          + Configurations.small + ["--set", "data.kind=\(kind)", "--set", "data.path=\(path)"],
        in: scratch)
      #expect(outcome.code == 0, "\(outcome.errors)")
    }
    #expect(
      try TensorFile(scratch.file("plain/weights.safetensors")).data
        == TensorFile(scratch.file("gzipped/weights.safetensors")).data)
    #expect(try scratch.data("plain/reals.png") == scratch.data("gzipped/reals.png"))
  }

  @Test func theEnvironmentNamesADirectory() throws {
    let scratch = try ScratchDirectory()
    try FileManager.default.createDirectory(
      atPath: scratch.file("mnist"), withIntermediateDirectories: false)
    try scratch.write(Self.images(), as: "mnist/train-images-idx3-ubyte")
    let outcome = try CommandProcess.run(
      ["train", Configurations.gan, "--dry-run"] + Configurations.small
        + ["--set", "data.kind=mnist"], in: scratch,
      environment: ["SELFGAN_DATA": scratch.file("mnist")])
    #expect(outcome.code == 0, "\(outcome.errors)")
    #expect(outcome.errors.contains(scratch.file("mnist/train-images-idx3-ubyte")))
  }

  @Test(arguments: ["mnist", "idx"])
  func aMissingPath(_ kind: String) throws {
    try expectRefusal(of: "/nowhere/images", kind: kind, naming: [], in: ScratchDirectory())
  }

  @Test func aGivenPathIsTheOnlyPlaceSearched() throws {
    let scratch = try ScratchDirectory()
    try expectRefusal(of: scratch.path, naming: ["train-images-idx3-ubyte"], in: scratch)
  }

  @Test func idxNeedsAPath() throws {
    let outcome = try CommandProcess.run(
      ["train", Configurations.gan, "--set", "data.kind=idx"], in: ScratchDirectory())
    expectSentence(outcome, code: 65, naming: ["data.path"])
  }

  @Test func truncatedGzip() throws {
    let scratch = try ScratchDirectory()
    try scratch.write(Self.images(), as: "images")
    try gzip(scratch.file("images"))
    try scratch.write(scratch.data("images.gz").dropLast(20), as: "cut.gz")
    try expectRefusal(of: "cut.gz", naming: ["truncated gzip"], in: scratch)
  }

  @Test func corruptGzip() throws {
    let scratch = try ScratchDirectory()
    try scratch.write(Self.images(), as: "images")
    try gzip(scratch.file("images"))
    var bytes = try scratch.data("images.gz")
    // The check sum, which stands before the length at the end.
    bytes[bytes.count - 6] ^= 0xFF
    try scratch.write(bytes, as: "bad.gz")
    try expectRefusal(of: "bad.gz", naming: ["gzip"], in: scratch)
  }

  /// A file, and what the sentence has to name beside its path.
  @Test(arguments: [
    (images(magic: 0xDEAD_BEEF), ["0xdeadbeef", "0x00000803"]),
    (images(magic: 0x801, count: 3016), ["labels"]),
    (images(count: 101), ["101", "6×5"]),
    (images(count: 99), ["99", "6×5"]),
    (images(height: 7), ["7×5"]),
    (images(count: 0, pixels: 0), ["0 images"]),
    (images(height: 0, pixels: 0), ["0×5"]),
    (images(count: .max, height: .max, width: .max), ["4294967295"]),
    (Data(), ["0 bytes"]),
    (images().prefix(10), ["10 bytes"]),
  ])
  func wrongFiles(_ file: Data, _ facts: [String]) throws {
    let scratch = try ScratchDirectory()
    try scratch.write(file, as: "images")
    try expectRefusal(of: "images", naming: facts, in: scratch)
  }

  @Test func aPipeIsNoFile() throws {
    let scratch = try ScratchDirectory()
    try #require(mkfifo(scratch.file("images"), 0o600) == 0)
    try expectRefusal(of: "images", naming: ["not a regular file"], in: scratch)
  }

  @Test func aShuffledEpochNeedsABatch() throws {
    let scratch = try ScratchDirectory()
    try scratch.write(Self.images(count: 63, pixels: 63 * 30), as: "images")
    let outcome = try CommandProcess.run(
      ["train", Configurations.gan, "--output", "run"] + Configurations.small
        + ["--set", "data.kind=idx", "--set", "data.path=images", "--set", "data.order=shuffled"],
      in: scratch)
    expectSentence(outcome, code: 65, naming: ["63", "64"])
  }
}

/// Places that cannot be written to.
@Suite struct BadOutputTests {
  private func expectRefusal(
    _ output: String, naming facts: [String] = [], in scratch: ScratchDirectory
  ) throws {
    let outcome = try CommandProcess.run(
      ["train", Configurations.gan, "--steps", "1", "--output", output] + Configurations.small,
      in: scratch)
    expectSentence(outcome, code: 65, naming: [output] + facts)
  }

  @Test func aDirectoryThatIsNotEmpty() throws {
    let scratch = try ScratchDirectory()
    try scratch.write("mine", as: "notes")
    try expectRefusal(scratch.path, naming: ["not empty"], in: scratch)
    #expect(try scratch.names() == ["notes"])
  }

  @Test func aFile() throws {
    let scratch = try ScratchDirectory()
    try scratch.write("mine", as: "notes")
    try expectRefusal("notes", in: scratch)
    #expect(try scratch.text("notes") == "mine")
  }

  @Test func aPlaceUnderAFile() throws {
    let scratch = try ScratchDirectory()
    try scratch.write("mine", as: "notes")
    try expectRefusal("notes/run", in: scratch)
    #expect(try scratch.text("notes") == "mine")
  }

  /// Not even root can create directories there.
  @Test func aPlaceWhereNothingCanBeCreated() throws {
    try expectRefusal("/proc/selfgan-run", in: ScratchDirectory())
  }

  @Test func defaultDirectoriesNeedAPlaceToo() throws {
    let scratch = try ScratchDirectory()
    try scratch.write("mine", as: "runs")
    let outcome = try CommandProcess.run(
      ["train", Configurations.gan, "--steps", "1"] + Configurations.small, in: scratch)
    expectSentence(outcome, code: 65, naming: ["runs"])
  }

  @Test(arguments: ["nowhere/trace", "/proc/selfgan-trace", "."])
  func aTraceThatCannotBeWritten(_ output: String) throws {
    let scratch = try ScratchDirectory()
    let outcome = try CommandProcess.run(
      ["trace", Configurations.gan, "--steps", "1", "--output", output] + Configurations.small,
      in: scratch)
    expectSentence(outcome, code: 65, naming: [output])
    #expect(try scratch.names() == [])
  }

  @Test func aTraceReplacesNothingButFiles() throws {
    let scratch = try ScratchDirectory()
    try #require(mkfifo(scratch.file("pipe"), 0o600) == 0)
    let outcome = try CommandProcess.run(
      ["trace", Configurations.gan, "--steps", "1", "--output", "pipe"] + Configurations.small,
      in: scratch)
    expectSentence(outcome, code: 65, naming: ["pipe"])
    var status = stat()
    #expect(lstat(scratch.file("pipe"), &status) == 0 && status.st_mode & S_IFMT == S_IFIFO)
    #expect(try scratch.names() == ["pipe"])
  }
}
