import Foundation
import TensorBoard
import TestSupport
import Testing

/// TensorBoard's own writer wrote the same values (Tests/Goldens/tensorboard/make_golden.py).
struct GoldenEventsTests {
  static let directory = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Goldens/tensorboard")

  /// 500 floats of either sign from 2⁻⁴⁵ to 2²⁴, and zeros, all without rounding.
  static let spread = (0..<500).map { index in
    Float(sign: .plus, exponent: index % 61 - 45, significand: Float(index * index % 997 - 498))
  }

  @Test func everyRecordHasTheBytesOfTensorBoardsOwn() throws {
    let scratch = try ScratchDirectory()
    let wallTime = 1_700_000_000.25
    let png = Array(try Data(contentsOf: Self.directory.appending(path: "image.png")))
    let writer = try EventFileWriter(
      directory: scratch.path, host: "host", wallTime: wallTime, firstStep: 0)
    try writer.append(
      [.text(tag: "configuration", "    seed: 1  # ∞")], step: 0, wallTime: wallTime)
    try writer.append(
      [
        .scalar(tag: "loss/self", 0.6931472), .scalar(tag: "loss/zero", 0),
        .scalar(tag: "loss/real", .nan), .scalar(tag: "loss/fake", -.infinity),
      ], step: 100, wallTime: wallTime)
    try writer.append(
      [.image(tag: "samples", png: png, height: 2, width: 3, channels: 3)], step: 100,
      wallTime: wallTime)
    try writer.append(
      [
        .histogram(tag: "spread", ValueHistogram(Self.spread)),
        .histogram(tag: "ones", ValueHistogram([1, 1, 1])),
        .histogram(tag: "nothing", ValueHistogram()),
      ], step: 200, wallTime: wallTime)
    try writer.restart(step: 300, wallTime: wallTime)

    let golden = try RecordReader.records(
      ofFile: Self.directory.appending(path: "golden.tfevents").path)
    let written = try RecordReader.records(ofFile: writer.path)
    #expect(written.count == golden.count)
    #expect(Array(written.dropFirst()) == Array(golden.dropFirst()))
    // The first one, the format's version, has the time of its writing and the writer's name.
    #expect(
      try WireMessage(written[0]).all(3) == WireMessage(golden[0]).all(3), "the file's version")
  }
}
