import Foundation
import RunFiles
import TestSupport
import Testing

/// The bytes of a safetensors file with this header, laid out by hand.
private func safetensors(header: String, data: [UInt8] = [], length: UInt64? = nil) -> [UInt8] {
  let length = length ?? UInt64(header.utf8.count)
  return (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * UInt64($0))) } + header.utf8 + data
}

private func bytes(_ values: [Float]) -> [UInt8] {
  values.flatMap { value in (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * $0)) }
  }
}

private let special: [Float] = [
  0, -0.0, 1, .leastNonzeroMagnitude, .greatestFiniteMagnitude, .infinity, -.infinity, .pi,
]

@Suite struct SafetensorsTests {
  @Test func tensorsAndMetadataComeBackBitForBit() throws {
    let scratch = try ScratchDirectory()
    let path = scratch.file("t.safetensors")
    let long = (0..<100_003).map { Float($0) * 0.1 }
    let metadata = ["config": #"{"a":"b\"\\/ü","n":1}"#]
    let writer = try SafetensorsWriter(path: path, metadata: metadata)
    try writer.add("step/0/replica/0/loss_self", shape: [], [0.5])
    try writer.add("special", shape: [2, 4], special)
    try writer.add("long", shape: [100_003], long)
    try writer.add("ü\"\\", shape: [1, 1], [2])
    try writer.finish()

    let reader = try SafetensorsReader(path: path)
    #expect(reader.metadata == metadata)
    #expect(
      reader.entries.map(\.name) == ["step/0/replica/0/loss_self", "special", "long", "ü\"\\"])
    #expect(reader.entries.map(\.shape) == [[], [2, 4], [100_003], [1, 1]])
    for (entry, expected) in zip(reader.entries, [[0.5], special, long, [2]]) {
      let equal = reader.values(entry).map(\.bitPattern) == expected.map(\.bitPattern)
      #expect(equal, "\(entry.name)")
    }
  }

  /// The format's own description, read without the reader: length, JSON, data, nothing else.
  @Test func aWrittenFileIsLaidOutAsTheFormatSays() throws {
    let scratch = try ScratchDirectory()
    let path = scratch.file("t.safetensors")
    let writer = try SafetensorsWriter(path: path, metadata: ["k": "v"])
    try writer.add("b", shape: [2], [1, 2])
    try writer.add("a", shape: [3], [3, 4, 5])
    try writer.finish()

    let file = [UInt8](try Data(contentsOf: URL(filePath: path)))
    let length = file.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
    #expect(length % 8 == 0)
    let json = Data(file[8..<8 + length])
    let header = try #require(try JSONSerialization.jsonObject(with: json) as? [String: Any])
    #expect(header["__metadata__"] as? [String: String] == ["k": "v"])
    for (name, shape, offsets) in [("b", [2], [0, 8]), ("a", [3], [8, 20])] {
      let entry = try #require(header[name] as? [String: Any])
      #expect(entry["dtype"] as? String == "F32")
      #expect(entry["shape"] as? [Int] == shape)
      #expect(entry["data_offsets"] as? [Int] == offsets)
    }
    #expect(Array(file[(8 + length)...]) == bytes([1, 2, 3, 4, 5]))
  }

  @Test func aHandMadeFileIsRead() throws {
    let scratch = try ScratchDirectory()
    let header = #"{"w":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]}}   "#
    let path = try scratch.write(safetensors(header: header, data: bytes([1.5, -2])), as: "t")
    let reader = try SafetensorsReader(path: path)
    let entry = try #require(reader.entries.first)
    #expect(reader.entries.count == 1)
    #expect(entry.name == "w")
    #expect(entry.shape == [2, 1])
    #expect(reader.values(entry) == [1.5, -2])
  }

  @Test func emptyTensorsAreReadWhereverTheyLie() throws {
    let scratch = try ScratchDirectory()
    let path = scratch.file("t.safetensors")
    let writer = try SafetensorsWriter(path: path)
    try writer.add("z", shape: [0, 3], [])
    try writer.add("a", shape: [2], [1, 2])
    try writer.finish()
    let reader = try SafetensorsReader(path: path)
    #expect(Set(reader.entries.map(\.name)) == ["a", "z"])
    for entry in reader.entries {
      #expect(reader.values(entry) == (entry.name == "a" ? [1, 2] : []))
    }
  }

  private static let malformed: [(String, [UInt8])] = [
    ("empty", []),
    ("short", [1, 2, 3]),
    ("header beyond the file", safetensors(header: "{}", length: 3)),
    ("header beyond memory", safetensors(header: "{}", length: .max)),
    ("header beyond the limit", safetensors(header: "{}", length: 1 << 40)),
    ("no JSON", safetensors(header: "{\"w\":")),
    ("array", safetensors(header: "[]")),
    ("no fields", safetensors(header: #"{"w":1}"#)),
    ("no offsets", safetensors(header: #"{"w":{"dtype":"F32","shape":[1]}}"#)),
  ]

  @Test(arguments: malformed.indices)
  func aFileWithoutAUsableHeaderIsRefused(index: Int) throws {
    let (name, file) = Self.malformed[index]
    let scratch = try ScratchDirectory()
    let path = try scratch.write(file, as: "t")
    expectMalformed(path, comment: name)
  }

  /// Each with 8 bytes of data.
  @Test(arguments: [
    #"{"w":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}}"#,
    #"{"w":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}"#,
    #"{"w":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}"#,
    #"{"w":{"dtype":"F32","shape":[1],"data_offsets":[8,4]}}"#,
    #"{"w":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}"#,
    #"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8,8]}}"#,
    #"{"w":{"dtype":"F32","shape":[-1,-2],"data_offsets":[0,8]}}"#,
    #"{"w":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}"#,
    #"{"w":{"dtype":"F32","shape":[1.5],"data_offsets":[0,8]}}"#,
    #"{"w":{"dtype":"F32","shape":["2"],"data_offsets":[0,8]}}"#,
    #"{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,99999999999999999999]}}"#,
    #"{"v":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"w":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
    #"{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"w":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
  ])
  func aTensorThatDoesNotFitIsRefused(header: String) throws {
    let scratch = try ScratchDirectory()
    let path = try scratch.write(
      safetensors(header: header, data: [UInt8](repeating: 0, count: 8)), as: "t")
    expectMalformed(path, comment: header)
  }

  /// The format allows no bytes that no tensor owns: they hide things from whoever inspects a file.
  @Test(arguments: ["[0,4]", "[4,8]"])
  func dataThatNoTensorOwnsIsRefused(offsets: String) throws {
    let scratch = try ScratchDirectory()
    let header = #"{"w":{"dtype":"F32","shape":[1],"data_offsets":\#(offsets)}}"#
    let path = try scratch.write(
      safetensors(header: header, data: [UInt8](repeating: 0, count: 8)), as: "t")
    expectMalformed(path, comment: header)
  }

  @Test func aTruncatedFileIsRefusedWhereverItEnds() throws {
    let scratch = try ScratchDirectory()
    let header = #"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#
    let whole = safetensors(header: header, data: bytes([1, 2]))
    for count in 0..<whole.count {
      expectMalformed(
        try scratch.write(whole.prefix(count), as: "t"), comment: "\(count) bytes")
    }
  }

  @Test func aMissingFileIsNamed() throws {
    let scratch = try ScratchDirectory()
    let path = scratch.file("absent.safetensors")
    let error = fileError { () throws(RunFileError) in _ = try SafetensorsReader(path: path) }
    guard case .cannotRead = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(error?.description.contains(path) == true)
  }

  @Test func anUnfinishedFileLeavesNothingBehind() throws {
    let scratch = try ScratchDirectory()
    do {
      let writer = try SafetensorsWriter(path: scratch.file("t.safetensors"))
      try writer.add("w", shape: [1], [1])
      #expect(!(try scratch.names().contains("t.safetensors")))
    }
    #expect(try scratch.names().isEmpty)
  }

  @Test func aFinishedFileIsTheOnlyOne() throws {
    let scratch = try ScratchDirectory()
    do {
      let writer = try SafetensorsWriter(path: scratch.file("t.safetensors"))
      try writer.add("w", shape: [1], [1])
      try writer.finish()
    }
    #expect(try scratch.names() == ["t.safetensors"])
  }

  @Test func filesOfTheUserBesideTheOutputStay() throws {
    let scratch = try ScratchDirectory()
    let names = ["t.data", "t.partial"]
    for name in names { _ = try scratch.write("mine".utf8, as: name) }
    do {
      let writer = try SafetensorsWriter(path: scratch.file("t"))
      try writer.add("w", shape: [1], [1])
      try writer.finish()
    }
    for name in names {
      #expect((try? String(contentsOfFile: scratch.file(name), encoding: .utf8)) == "mine")
    }
  }

  /// A path under a regular file can be written by nobody, the superuser included.
  @Test func anUnwritablePlaceIsRefusedBeforeAnythingIsComputed() throws {
    let scratch = try ScratchDirectory()
    let path = try scratch.write([0], as: "file") + "/t.safetensors"
    let error = fileError { () throws(RunFileError) in _ = try SafetensorsWriter(path: path) }
    guard case .cannotCreate = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(error?.description.contains(path) == true)
    #expect(error?.description.contains("Not a directory") == true)
  }

  @Test func aDirectoryAsOutputIsRefusedBeforeAnythingIsComputed() throws {
    let scratch = try ScratchDirectory()
    let error = fileError { () throws(RunFileError) in
      _ = try SafetensorsWriter(path: scratch.path)
    }
    #expect(error != nil)
  }

  /// Renaming over a device or a pipe would destroy it: `--output /dev/null` as root.
  @Test func whatIsNoRegularFileIsNotReplaced() throws {
    let scratch = try ScratchDirectory()
    let pipe = scratch.file("pipe")
    try #require(mkfifo(pipe, 0o600) == 0)
    let error = fileError { () throws(RunFileError) in
      let writer = try SafetensorsWriter(path: pipe)
      try writer.add("w", shape: [1], [1])
      try writer.finish()
    }
    var status = stat()
    try #require(lstat(pipe, &status) == 0)
    #expect(status.st_mode & S_IFMT == S_IFIFO)
    #expect(error != nil)
  }

  private func expectMalformed(_ path: String, comment: String) {
    let error = fileError { () throws(RunFileError) in _ = try SafetensorsReader(path: path) }
    guard case .malformed = error else {
      Issue.record("\(comment): \(String(describing: error))")
      return
    }
    #expect(error?.description.contains(path) == true)
  }
}

/// The error that `body` throws, if it does.
func fileError(_ body: () throws(RunFileError) -> Void) -> RunFileError? {
  do throws(RunFileError) { try body() } catch { return error }
  return nil
}
