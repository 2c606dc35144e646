import Foundation
import TestSupport
import Testing

/// Training on image files, good and bad.
@Suite struct DataTrainingTests {
  private let scratch: ScratchDirectory

  init() throws { scratch = try ScratchDirectory() }

  /// Trains two steps on images of 6×5 pixels.
  private func train(
    _ kind: String, _ path: String, steps: Int = 2, output: String = "run",
    _ settings: [String] = []
  ) throws -> CommandProcess.Outcome {
    let keys = ["data.kind=\(kind)", "data.path=\(path)", "model.image.channels=3"] + settings
    return try CommandProcess.run(
      ["train", Configurations.gan, "--steps", "\(steps)", "--output", output]
        + Configurations.small + keys.flatMap { ["--set", $0] }, in: scratch)
  }

  @Test func aFolderAndItsPackTrainTheSameModel() throws {
    try DataFiles.writeFolder("photos", count: 30, in: scratch)
    let packed = try CommandProcess.run(
      ["data", "pack", "photos", "--size", "6", "--output", "pack"], in: scratch)
    #expect(packed.code == 0)
    for (kind, path) in [("folder", "photos"), ("pack", "pack")] {
      let outcome = try train(kind, path, output: "run-\(kind)", ["model.image.width=6"])
      #expect(outcome.code == 0, "\(outcome.errors)")
      #expect(outcome.errors.contains("30 images"))
    }
    #expect(
      try TensorFile(scratch.file("run-folder/weights.safetensors")).data
        == TensorFile(scratch.file("run-pack/weights.safetensors")).data)
    #expect(try scratch.data("run-folder/reals.png") == scratch.data("run-pack/reals.png"))
  }

  @Test(arguments: ["folder", "lmdb", "pack"])
  func aPathIsNeeded(_ kind: String) throws {
    let outcome = try CommandProcess.run(
      ["train", Configurations.gan, "--set", "data.kind=\(kind)"], in: scratch)
    expectSentence(outcome, code: 65, naming: ["data.path", kind])
  }

  @Test func greyImagesAreNoColouredOnes() throws {
    try scratch.write(DataFiles.idx(count: 100), as: "idx")
    expectSentence(try train("idx", "idx"), code: 65, naming: ["idx", "1 channel", "expected 3"])
    #expect(try train("idx", "idx", ["model.image.channels=1"]).code == 0)
  }

  @Test func anImpossibleFraction() throws {
    try DataFiles.writeFolder("photos", count: 1, in: scratch)
    expectSentence(
      try train("folder", "photos", ["data.fraction=0"]), code: 65, naming: ["data.fraction", "0"])
    let outcome = try train("folder", "photos", ["data.fraction=0.01"])
    #expect(outcome.code == 0 && outcome.errors.contains("1 images from folder photos"))
  }

  /// Bytes under the name of an image, and what the sentence has to say.
  @Test(arguments: [
    ("a.png", "colour.png", 500, ["truncated or damaged PNG"]),
    ("a.jpg", "colour.jpg", 500, ["truncated or damaged JPEG"]),
    ("a.webp", "colour.webp", 300, ["truncated or damaged WebP"]),
    ("a.png", "colour.jpg", nil, ["JPEG", "PNG"]),
    ("a.jpg", "cmyk.jpg", nil, ["CMYK"]),
    ("a.webp", "animated.webp", nil, ["animated"]),
    ("a.webp", "colour.webp", 0, ["empty"]),
  ])
  func aBadFirstImage(
    _ name: String, _ golden: String, _ length: Int?, _ facts: [String]
  ) throws {
    let bytes = try DataFiles.golden(golden)
    try DataFiles.writeFolder(
      "photos", count: 0, others: [name: bytes.prefix(length ?? bytes.count)], in: scratch)
    let outcome = try train("folder", "photos")
    expectSentence(outcome, code: 65, naming: ["photos/\(name)"] + facts)
    #expect(try scratch.names() == ["photos"])
    // A folder of only this one has nothing that could take its place.
    expectSentence(
      try train("folder", "photos", ["data.skipBroken=true"]).withoutWarnings, code: 65,
      naming: ["no good image", "photos/\(name)"])
  }

  @Test func aBadImageInTheMiddleOfARun() throws {
    let cut = try DataFiles.golden("colour.png").prefix(700)
    try DataFiles.writeFolder("photos", count: 200, others: ["150x.png": cut], in: scratch)
    let order = ["data.order=sequential"]
    let refused = try train("folder", "photos", steps: 10, order)
    expectSentence(refused, code: 65, naming: ["photos/150x.png", "truncated or damaged PNG"])
    let outcome = try train(
      "folder", "photos", steps: 10, output: "skipping", order + ["data.skipBroken=true"])
    #expect(outcome.code == 0)
    let warnings = outcome.complaints.filter { $0.contains("warning: ") }
    #expect(warnings.count == 1, "\(outcome.errors)")
    #expect(warnings.first?.contains("bad image 1 was skipped: photos/150x.png") == true)
  }

  @Test(arguments: [
    (Data(), ["0 bytes", "LMDB"]),
    (Data(repeating: 7, count: 9000), ["no LMDB"]),
  ])
  func aBadLMDB(_ bytes: Data, _ facts: [String]) throws {
    try DataFiles.writeFolder("lsun", count: 0, others: ["data.mdb": bytes], in: scratch)
    for path in ["lsun", "lsun/data.mdb"] {
      expectSentence(try train("lmdb", path), code: 65, naming: ["lsun/data.mdb"] + facts)
    }
    expectSentence(
      try CommandProcess.run(["data", "info", "lsun"], in: scratch), code: 65,
      naming: ["lsun/data.mdb"] + facts)
  }

  /// The place of a changed byte, and what the sentence has to say.
  @Test(arguments: [
    (0, ["starts with"]), (8, ["version"]), (16, ["damaged"]), (4096, ["image 0", "check sum"]),
    (6000, ["check sum"]), (-1, ["damaged"]), (nil, ["bytes"]),
  ])
  func aBadPack(_ place: Int?, _ facts: [String]) throws {
    try DataFiles.writeFolder("photos", count: 30, in: scratch)
    _ = try CommandProcess.run(
      ["data", "pack", "photos", "--size", "8", "--output", "pack"], in: scratch)
    var bytes = try scratch.data("pack")
    if let place {
      bytes[place < 0 ? bytes.count + place : place] ^= 2
    } else {
      bytes = bytes.dropLast(100)
    }
    try scratch.write(bytes, as: "pack")
    for outcome in [
      try train("pack", "pack"), try CommandProcess.run(["data", "info", "pack"], in: scratch),
    ] {
      expectSentence(outcome, code: 65, naming: ["pack"] + facts)
    }
  }
}

extension CommandProcess.Outcome {
  /// The same without what was said of images that were passed over.
  fileprivate var withoutWarnings: CommandProcess.Outcome {
    let lines = errors.split(separator: "\n").filter { !$0.hasPrefix("selfgan: warning: ") }
    return CommandProcess.Outcome(
      code: code, output: output, errors: lines.joined(separator: "\n"))
  }
}
