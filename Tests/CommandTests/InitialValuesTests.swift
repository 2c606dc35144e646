import Foundation
import TestSupport
import Testing

/// `trace --initial`: starting from somebody else's parameters.
@Suite struct InitialValuesTests {
  private func run(
    _ options: [String], to file: String, in scratch: ScratchDirectory
  ) throws -> CommandProcess.Outcome {
    try CommandProcess.run(
      ["trace", Configurations.gan, "--steps", "2", "--output", file] + Configurations.small
        + options, in: scratch)
  }

  private func trace(
    _ options: [String], to file: String, in scratch: ScratchDirectory
  ) throws -> TensorFile {
    let outcome = try run(options, to: file, in: scratch)
    try #require(outcome.code == 0, "\(outcome.errors)")
    return try TensorFile(scratch.file(file))
  }

  @Test func aTracesOwnGiveTheSameTrace() throws {
    let scratch = try ScratchDirectory()
    let first = try trace([], to: "first", in: scratch)
    let second = try trace(["--initial", "first"], to: "second", in: scratch)
    #expect(first.shapes == second.shapes)
    #expect(first.data == second.data)
  }

  @Test func theyReplaceTheSeedsOnly() throws {
    let scratch = try ScratchDirectory()
    let own = try trace([], to: "own", in: scratch)
    let other = try trace(["--seed", "2"], to: "other", in: scratch)
    let mixed = try trace(["--initial", "other"], to: "mixed", in: scratch)
    let kernel = "initial/generator/dense_0/kernel"
    #expect(own.bytes(kernel) != other.bytes(kernel))
    for name in other.names(under: "initial/") {
      #expect(mixed.bytes(name) == other.bytes(name), "\(name)")
    }
    #expect(mixed.bytes("step/0/noise") == own.bytes("step/0/noise"))
    #expect(mixed.bytes("step/0/generated") != own.bytes("step/0/generated"))
  }

  @Test func trainsWeightsAreTaken() throws {
    let scratch = try ScratchDirectory()
    let trained = try CommandProcess.run(
      ["train", Configurations.gan, "--steps", "4", "--output", "run"] + Configurations.small,
      in: scratch)
    #expect(trained.code == 0)
    let weights = try TensorFile(scratch.file("run/weights.safetensors"))
    let trace = try trace(
      ["--initial", "run/weights.safetensors"], to: "trace", in: scratch)
    #expect(weights.shapes.count == 26)
    for name in weights.shapes.keys {
      #expect(trace.bytes("initial/\(name)") == weights.bytes(name), "\(name)")
    }
  }

  /// What tells a file that is none from one that does not fit.
  private static let malformed = "not a usable safetensors file"

  private func expectRefusal(
    of initial: String, naming facts: [String] = [], in scratch: ScratchDirectory
  ) throws {
    let outcome = try run(["--initial", initial], to: "trace", in: scratch)
    expectSentence(outcome, code: 65, naming: [initial] + facts)
    #expect(!scratch.exists("trace"))
  }

  @Test func shapesOfAnotherModelAreRefused() throws {
    let scratch = try ScratchDirectory()
    _ = try trace(["--set", "model.image.height=7"], to: "other", in: scratch)
    try expectRefusal(of: "other", naming: ["dense", "35", "30"], in: scratch)
  }

  @Test func namesOfAnotherModelAreRefused() throws {
    let scratch = try ScratchDirectory()
    try scratch.write(
      Self.file(#"{"generator/conv_0/bias":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}"#),
      as: "other")
    try expectRefusal(of: "other", naming: ["generator/conv_0/bias"], in: scratch)
  }

  @Test func truncatedFilesAreRefused() throws {
    let scratch = try ScratchDirectory()
    _ = try trace([], to: "whole", in: scratch)
    let bytes = try scratch.data("whole")
    for count in [0, 7, 8, 100, bytes.count / 2, bytes.count - 1] {
      try scratch.write(bytes.prefix(count), as: "cut-\(count)")
      try expectRefusal(of: "cut-\(count)", naming: [Self.malformed], in: scratch)
    }
  }

  /// Headers that lie, in front of 16 bytes of data.
  @Test(arguments: [
    "", "[]", "{", "null",
    #"{"a":3}"#,
    #"{"a":{"dtype":"F32","shape":[4]}}"#,
    #"{"a":{"dtype":"F16","shape":[8],"data_offsets":[0,16]}}"#,
    #"{"a":{"dtype":"F32","shape":[5],"data_offsets":[0,16]}}"#,
    #"{"a":{"dtype":"F32","shape":[5],"data_offsets":[0,20]}}"#,
    #"{"a":{"dtype":"F32","shape":[-4],"data_offsets":[0,16]}}"#,
    #"{"a":{"dtype":"F32","shape":[4],"data_offsets":[16,0]}}"#,
    #"{"a":{"dtype":"F32","shape":[4],"data_offsets":[-16,0]}}"#,
    #"{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,16]}}"#,
    #"{"a":{"dtype":"F32","shape":[1e300],"data_offsets":[0,16]}}"#,
    #"{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]},"b":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}"#,
  ])
  func lyingHeadersAreRefused(_ header: String) throws {
    let scratch = try ScratchDirectory()
    try scratch.write(Self.file(header), as: "initial")
    try expectRefusal(of: "initial", naming: [Self.malformed], in: scratch)
  }

  @Test func aLengthBeyondTheFileIsRefused() throws {
    let scratch = try ScratchDirectory()
    try scratch.write(Data(repeating: 0xFF, count: 64), as: "initial")
    try expectRefusal(of: "initial", naming: [Self.malformed], in: scratch)
  }

  @Test func aMissingFileIsRefused() throws {
    try expectRefusal(of: "nowhere", in: ScratchDirectory())
  }

  @Test func aDirectoryIsRefused() throws {
    let scratch = try ScratchDirectory()
    try expectRefusal(of: scratch.path, in: scratch)
  }

  /// A safetensors file of this header, rightly announced, and 16 bytes of data.
  private static func file(_ header: String) -> Data {
    var file = Data()
    withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { file.append(contentsOf: $0) }
    return file + Data(header.utf8) + Data(repeating: 0, count: 16)
  }
}
