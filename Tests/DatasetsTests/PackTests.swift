import Datasets
import Foundation
import TestSupport
import Testing

@Suite("A pack")
struct PackTests {
  /// The bytes of a pack by its description, not by the code that writes it.
  private static func pack(
    _ images: [[UInt8]], height: Int, width: Int, channels: Int, version: Int = 1
  ) -> [UInt8] {
    func word(_ value: Int, bytes: Int = 4) -> [UInt8] {
      (0..<bytes).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
    let table = images.flatMap { word(Int(crc32($0))) }
    var header = Array("SELFPACK".utf8) + word(version) + word(0) + word(images.count, bytes: 8)
    header += [height, width, channels, Int(crc32(table))].flatMap { word($0) }
    header += word(Int(crc32(header)))
    return header + Array(repeating: 0, count: 4096 - header.count) + images.joined() + table
  }

  private static let images = (0..<5).map { image in (0..<6).map { UInt8(image * 40 + $0) } }
  private static let whole = pack(images, height: 2, width: 1, channels: 3)

  @Test("of an IDX file has the described bytes")
  func layout() throws {
    let directory = try ScratchDirectory()
    let source = try directory.write(idxImages(count: 7, height: 3, width: 2), as: "idx")
    let progress = try write(IDXImages(.idx(path: source)), root: source, in: directory)
    #expect(progress.isComplete && progress.images == 7 && progress.skipped == 0)
    let images = (0..<7).map { image in (0..<6).map { UInt8(image * 6 + $0) } }
    #expect(
      Array(try directory.data("pack"))
        == Self.pack(images, height: 3, width: 2, channels: 1))
    #expect(try directory.names() == ["idx", "pack"])
  }

  @Test("gives its images, and the first ones of a fraction")
  func read() throws {
    let directory = try ScratchDirectory()
    let path = try directory.write(Self.whole, as: "pack")
    let images = try PackedImages(path: path)
    #expect(images.count == 5 && images.shape == ImageShape(height: 2, width: 1, channels: 3))
    for row in 0..<5 {
      #expect(try levels(of: images, row: row) == Self.images[row])
      #expect(try pixels(of: images, row: row) == Self.images[row].map { Float($0) / 127.5 - 1 })
    }
    try images.verify()
    #expect(try PackedImages(path: path, fraction: 0.5).count == 2)
  }

  @Test("that is no whole pack of this version is refused in one sentence")
  func badFiles() throws {
    func changed(_ offset: Int, _ byte: UInt8) -> [UInt8] {
      var file = Self.whole
      file[offset] ^= byte
      return file
    }
    let whole = Self.whole
    let damaged = "is a damaged pack: its header does not have its check sum"
    #expect(try refusal(whole) == nil)
    for size in [whole.count - 1, 4096, 5000 - 890] {
      #expect(
        try refusal(Array(whole.prefix(size)))
          == "is a damaged pack: it has \(size) bytes, expected \(whole.count)")
    }
    #expect(
      try refusal(whole + [0])
        == "is a damaged pack: it has \(whole.count + 1) bytes, expected \(whole.count)")
    #expect(
      try refusal(Array(whole.prefix(1000)))
        == "ends after 1000 bytes, expected a pack's header of 4096 bytes")
    #expect(
      try refusal(changed(0, 0x20))
        == "is no pack: it starts with \"sELFPACK\", expected \"SELFPACK\"")
    #expect(try refusal([]) == "is no pack: it starts with \"\", expected \"SELFPACK\"")
    #expect(
      try refusal(Self.pack(Self.images, height: 2, width: 1, channels: 3, version: 2))
        == "is a pack of version 2, expected 1")
    for offset in [16, 24, 28, 32, 36, 40] {
      #expect(try refusal(changed(offset, 1)) == damaged)
    }
    #expect(
      try refusal(changed(whole.count - 1, 1))
        == "is a damaged pack: its table of check sums does not have its own")
    #expect(
      try refusal(Self.pack([[1, 2]], height: 1, width: 1, channels: 2))
        == "says that it holds 1 images of 1×1×2, which no pack can")
    #expect(
      try refusal(Self.pack([], height: 2, width: 1, channels: 3))
        == "says that it holds 0 images of 2×1×3, which no pack can")
    #expect(
      try refusal(Array("SELFPART".utf8) + Array(repeating: 0, count: 9000))
        == "is an unfinished pack: run the same `selfgan data pack` again to go on with it")
  }

  @Test("with a damaged image is refused when it is opened to train, or when the image is read")
  func damagedImage() throws {
    var file = Self.whole
    file[4096 + 3 * 6 + 2] ^= 0x10
    let directory = try ScratchDirectory()
    let path = try directory.write(file, as: "pack")
    let sentence =
      "\(path), image 3 does not have the check sum that was written with it: "
      + "the file is damaged"
    let images = try PackedImages(path: path)
    #expect(try levels(of: images, row: 2) == Self.images[2])
    for _ in 0..<2 {
      #expect(
        errorSentence { () throws(DatasetError) in _ = try levels(of: images, row: 3) } == sentence)
    }
    #expect(errorSentence { () throws(DatasetError) in try images.verify() } == sentence)
    let request = ImageRequest(shape: images.shape)
    #expect(
      errorSentence { () throws(DatasetError) in
        _ = try StoredImages.pack(path: path).openForTraining(request) { _ in }
      } == sentence)
  }

  @Test("is resized to the asked shape as the images of an IDX file are")
  func resized() throws {
    let directory = try ScratchDirectory()
    let source = try directory.write(idxImages(count: 4, height: 9, width: 8), as: "idx")
    _ = try write(IDXImages(.idx(path: source)), root: source, in: directory)
    let request = ImageRequest(shape: ImageShape(height: 4, width: 12, channels: 1))
    let packed = try StoredImages.pack(path: directory.file("pack")).open(request)
    let direct = try StoredImages.idx(.idx(path: source)).open(request)
    for row in 0..<4 {
      #expect(try levels(of: packed, row: row) == levels(of: direct, row: row))
    }
  }

  private func refusal(_ bytes: [UInt8]) throws -> String? {
    let directory = try ScratchDirectory()
    let path = try directory.write(bytes, as: "pack")
    return errorSentence { () throws(DatasetError) in _ = try PackedImages(path: path) }
      .map { $0.replacing(path + " ", with: "", maxReplacements: 1) }
  }

  private func write(
    _ images: some LevelSource, root: String, in directory: ScratchDirectory
  ) throws -> PackProgress {
    try PackWriter(
      images, root: root, filter: .lanczos, skipsBad: false, output: directory.file("pack")
    ).write { _ in true }
  }
}
