import Foundation
import RunFiles
import TestSupport
import Testing

private let facts = CheckpointFacts(
  step: 400, updates: 401, seconds: 12.5, score: 0.6931471805599453,
  configuration: #"{"model":{"kind":"gan"},"data":{"path":"/ü \"x\""}}"#, program: "abc",
  data: "60000 images of 28×28×1", version: "0.1.0", ranks: 2, threads: 4)

private let tensors = [
  NamedTensor("generator/dense_0/kernel", shape: [2, 2], [1, -0.0, .leastNonzeroMagnitude, 3]),
  NamedTensor(Checkpoint.firstMoment + "generator/dense_0/kernel", shape: [2, 2], [4, 5, 6, 7]),
  NamedTensor(Checkpoint.secondMoment + "generator/dense_0/kernel", shape: [2, 2], [8, 9, 1, 2]),
  NamedTensor(Checkpoint.ofReplicas + "last", shape: [2, 1, 3], [1, 2, 3, 4, 5, 6]),
]

private func damage(_ path: String) -> RunFileError? {
  do throws(RunFileError) {
    _ = try Checkpoint(path: path)
    return nil
  } catch { return error }
}

@Suite struct CheckpointFileTests {
  @Test func factsAndTensorsComeBackBitForBit() throws {
    let scratch = try ScratchDirectory()
    let path = scratch.file("c.safetensors")
    for score in [facts.score, nil] {
      var facts = facts
      facts.score = score
      try Checkpoint(facts, tensors: tensors).write(to: path)
      let read = try Checkpoint(path: path)
      #expect(read.facts == facts)
      #expect(read.tensors.map(\.name) == tensors.map(\.name))
      #expect(read.tensors.map(\.shape) == tensors.map(\.shape))
      #expect(
        read.tensors.map { $0.values.map(\.bitPattern) }
          == tensors.map { $0.values.map(\.bitPattern) })
    }
    #expect(try scratch.names() == ["c.safetensors"])
  }

  @Test func tensorsAreKnownByWhoseTheyAre() {
    let checkpoint = Checkpoint(facts, tensors: tensors)
    #expect(checkpoint.shared == [tensors[0]])
    let own = checkpoint.ofReplicas
    #expect(own.map(\.name) == ["last"])
    #expect(own[0].replicas.map(\.values) == [[1, 2, 3], [4, 5, 6]])
    #expect(own[0].replicas.map(\.shape) == [[1, 3], [1, 3]])
    #expect(checkpoint["last"] == nil && checkpoint[tensors[3].name] == tensors[3])
  }

  /// Python's xxhash says so: `xxh3_64_hexdigest` of the file with zeros for the checksum's digits.
  @Test func theChecksumIsXXH3OfTheFileWithoutIt() throws {
    let scratch = try ScratchDirectory()
    let path = scratch.file("c.safetensors")
    try Checkpoint(facts, tensors: tensors).write(to: path)
    let metadata = try SafetensorsReader(path: path).metadata
    #expect(metadata["checksum"] == "6d338b060304d77e")
  }

  /// Each bit of the file, and each of its lengths.
  @Test func anyFlippedBitAndAnyTruncationIsFound() throws {
    let scratch = try ScratchDirectory()
    let path = scratch.file("c.safetensors")
    try Checkpoint(facts, tensors: tensors).write(to: path)
    let whole = [UInt8](try scratch.data("c.safetensors"))
    for bit in 0..<(whole.count * 8) {
      var flipped = whole
      flipped[bit / 8] ^= 1 << (bit % 8)
      try scratch.write(flipped, as: "flipped")
      let error = damage(scratch.file("flipped"))
      #expect(error?.description.hasPrefix(scratch.file("flipped") + ": ") == true, "bit \(bit)")
    }
    for length in 0..<whole.count {
      try scratch.write(whole.prefix(length), as: "short")
      #expect(damage(scratch.file("short")) != nil, "\(length) bytes")
    }
    try scratch.write(whole + [0], as: "long")
    #expect(damage(scratch.file("long")) != nil)
  }

  /// Nothing is made of an extent that no number stands for.
  @Test func tensorsWithoutNumbersHaveNoReplicas() {
    let empty = NamedTensor(Checkpoint.ofReplicas + "x", shape: [1 << 60, 0], [])
    #expect(Checkpoint(facts, tensors: [empty]).ofReplicas.isEmpty)
  }

  @Test func anotherFileIsNotACheckpoint() throws {
    let scratch = try ScratchDirectory()
    let path = scratch.file("weights.safetensors")
    let writer = try SafetensorsWriter(path: path, metadata: ["config": "{}"])
    try writer.add("a", shape: [1], [1])
    try writer.finish()
    guard case .notACheckpoint = damage(path) else {
      Issue.record("\(String(describing: damage(path)))")
      return
    }
  }

  @Test(arguments: [
    "step", "random.position", "seconds", "config", "program", "data", "version", "ranks",
    "threads",
  ])
  func factsThatAreMissingOrNonsenseAreNamed(_ key: String) {
    for value in [nil, "-1", "1e400", "x"] {
      let isText = ["config", "program", "data", "version"].contains(key)
      if isText, value != nil { continue }
      var metadata = facts.metadata
      metadata[key] = value
      do throws(RunFileError) {
        _ = try CheckpointFacts(metadata: metadata, path: "c")
        Issue.record("\(key) of \(value ?? "nothing")")
      } catch { #expect(error.description.contains(key)) }
    }
  }

  // MARK: - The checkpoints of a run

  @Test func theNewestThatCanBeReadIsTaken() throws {
    let scratch = try ScratchDirectory()
    let run = try RunDirectory(path: scratch.file("run"), name: "")
    var checkpoint = Checkpoint(facts, tensors: tensors)
    for step in [1_000_000, 300, 20] {
      checkpoint.facts.step = step
      checkpoint.facts.updates = step
      try checkpoint.write(to: run.checkpoint(step: step))
    }
    // Neither are checkpoints.
    try scratch.write("x", as: "run/checkpoints/step-000040.safetensors.12.partial")
    try scratch.write("x", as: "run/checkpoints/step-50.safetensors")
    #expect(run.checkpointFiles.map(\.step) == [20, 300, 1_000_000])
    var damaged: [RunFileError] = []
    #expect(try run.newestCheckpoint { damaged.append($0) }.facts.step == 1_000_000)
    #expect(damaged.isEmpty)
    for step in [300, 1_000_000] {
      try scratch.write(
        scratch.data(String(run.checkpoint(step: step).dropFirst(scratch.path.count + 1)))
          .dropLast(),
        as: String(run.checkpoint(step: step).dropFirst(scratch.path.count + 1)))
    }
    #expect(try run.newestCheckpoint { damaged.append($0) }.facts.step == 20)
    #expect(damaged.count == 2 && damaged[0].description.contains("step-1000000"))
    // One that is called as another is.
    try scratch.write(
      scratch.data("run/checkpoints/step-000020.safetensors"),
      as: "run/checkpoints/step-000030.safetensors")
    #expect(try run.newestCheckpoint { damaged.append($0) }.facts.step == 20)
    #expect(
      damaged.contains { $0.description.contains("step-000030.safetensors: not a checkpoint") })
    run.removeCheckpoint(step: 20)
    #expect(throws: RunFileError.noCheckpoint(path: run.path)) {
      try run.newestCheckpoint { _ in }
    }
    run.removeWhatFollows(step: 0)
    #expect(!scratch.exists("run/checkpoints/step-000040.safetensors.12.partial"))
  }

  @Test func aRunIsWrittenByOneProcessAtATime() throws {
    let scratch = try ScratchDirectory()
    let run = try RunDirectory(path: scratch.file("run"), name: "")
    var lock: RunLock? = try RunLock(run)
    #expect(throws: RunFileError.directoryInUse(path: run.path)) { try RunLock(run) }
    _ = lock
    lock = nil
    _ = try RunLock(run)
  }
}
