import Datasets
import Foundation
import TestSupport
import Testing

/// Every bad image is refused in one sentence that names it.
@Suite("A bad image")
struct BadImageTests {
  /// The sentence that a file of these bytes gives, after its path and a space.
  private func refusal(_ bytes: [UInt8], as name: String) throws -> String? {
    let directory = try ScratchDirectory()
    try directory.write(bytes, as: name)
    let images = try DecodedImages(
      ImageFolder(path: directory.path),
      shape: ImageShape(height: 8, width: 8, channels: 3), filter: .lanczos)
    let found = errorSentence { () throws(DatasetError) in _ = try levels(of: images, row: 0) }
    let prefix = directory.file(name) + " "
    guard let found else { return nil }
    #expect(found.hasPrefix(prefix))
    return String(found.dropFirst(prefix.count))
  }

  @Test(
    "that is cut off is refused",
    arguments: [
      ("colour.png", "PNG"), ("palette.png", "PNG"), ("colour.jpg", "JPEG"),
      ("progressive.jpg", "JPEG"), ("colour.webp", "WebP"), ("lossless.webp", "WebP"),
    ])
  func truncated(file: String, format: String) throws {
    let whole = try GoldenImages.bytes(file)
    #expect(try refusal(whole, as: file) == nil)
    for length in [16, 40, whole.count / 2, whole.count * 9 / 10] {
      let sentence = try #require(try refusal(Array(whole.prefix(length)), as: file))
      #expect(sentence.hasPrefix("is a truncated or damaged \(format) image: "), "\(sentence)")
    }
  }

  @Test("of no bytes, or of text, is refused")
  func noImage() throws {
    #expect(try refusal([], as: "a.png") == "is empty, expected a PNG, JPEG or WebP image")
    #expect(
      try refusal(Array("hello, world".utf8), as: "a.jpg")
        == "starts with the bytes 68 65 6c 6c 6f 2c 20 77, expected a PNG, JPEG or WebP image")
  }

  @Test(
    "of another type than its name says is refused",
    arguments: [
      ("colour.png", "a.jpg", "is a PNG image by its first bytes, expected JPEG by its name"),
      ("colour.jpg", "a.webp", "is a JPEG image by its first bytes, expected WebP by its name"),
      ("colour.webp", "a.PNG", "is a WebP image by its first bytes, expected PNG by its name"),
    ])
  func misnamed(file: String, name: String, sentence: String) throws {
    #expect(try refusal(GoldenImages.bytes(file), as: name) == sentence)
  }

  @Test("of four inks, or that is animated, is refused")
  func unusual() throws {
    #expect(
      try refusal(GoldenImages.bytes("cmyk.jpg"), as: "a.jpg")
        == "is a JPEG image of CMYK inks, expected grey or RGB colours")
    #expect(
      try refusal(GoldenImages.bytes("animated.webp"), as: "a.webp")
        == "is an animated WebP image, expected a single picture")
  }

  /// The header of a huge image, before which no memory may be taken: with it, this would need 30 GB.
  @Test("that says it is huge is refused", arguments: [100_000, 65_535, 8193])
  func hugePNG(side: Int) throws {
    var bytes = try GoldenImages.bytes("colour.png")
    let sides = [side, side].flatMap { side in
      (0..<4).map { UInt8(truncatingIfNeeded: side >> (24 - 8 * $0)) }
    }
    bytes.replaceSubrange(16..<24, with: sides)
    // IHDR's check sum is of its type and data.
    let sum = crc32(bytes[12..<29])
    bytes.replaceSubrange(
      29..<33, with: (0..<4).map { UInt8(truncatingIfNeeded: sum >> (24 - 8 * $0)) })
    #expect(try refusal(bytes, as: "huge.png") == tooLarge(side, side))
  }

  @Test("of another format that says it is huge is refused")
  func hugeJPEGAndWebP() throws {
    var jpeg = try GoldenImages.bytes("colour.jpg")
    let frame = try #require(
      jpeg.indices.dropLast(1).first { jpeg[$0] == 0xFF && jpeg[$0 + 1] == 0xC0 })
    // Height and width, after the marker, the length and the precision.
    jpeg.replaceSubrange(frame + 5..<frame + 9, with: [0xFF, 0xDC, 0xFF, 0xDC])
    #expect(try refusal(jpeg, as: "huge.jpg") == tooLarge(65_500, 65_500))

    var webP = try GoldenImages.bytes("lossless.webp")
    try #require(Array(webP[12..<16]) == Array("VP8L".utf8) && webP[20] == 0x2F)
    // Width − 1 and height − 1 in 14 bits each.
    webP.replaceSubrange(21..<24, with: [0xFF, 0xFF, 0xFF])
    webP[24] |= 0x0F
    #expect(try refusal(webP, as: "huge.webp") == tooLarge(16_384, 16_384))
  }

  private func tooLarge(_ width: Int, _ height: Int) -> String {
    "says that it is \(width) pixels wide and \(height) high, "
      + "expected at most 67108864 in all and 65535 a side"
  }

  @Test("that cannot be read is named with the reason")
  func unreadable() throws {
    let directory = try ScratchDirectory()
    try FileManager.default.createSymbolicLink(
      atPath: directory.file("a.png"), withDestinationPath: "nowhere")
    try #require(mkfifo(directory.file("b.png"), 0o600) == 0)
    let images = try DecodedImages(
      ImageFolder(path: directory.path),
      shape: ImageShape(height: 8, width: 8, channels: 3), filter: .lanczos)
    let sentences = (0..<2).map { row in
      errorSentence { () throws(DatasetError) in _ = try levels(of: images, row: row) }
    }
    #expect(
      sentences == [
        "\(directory.file("a.png")) cannot be read: No such file or directory",
        "\(directory.file("b.png")) cannot be read: it is not a regular file",
      ])
  }

  @Test(
    "with any bit changed gives an image or an error, never a trap",
    arguments: [
      "colour.png", "palette.png", "sixteen.png", "progressive.jpg", "colour.jpg", "colour.webp",
      "lossless.webp", "alpha.webp",
    ])
  func hostile(file: String) throws {
    let directory = try ScratchDirectory()
    let whole = try GoldenImages.bytes(file)
    var numbers = SeededNumbers(seed: 1)
    var refused = 0
    for _ in 0..<300 {
      var bytes = whole
      bytes[Int.random(in: 0..<bytes.count, using: &numbers)] ^=
        1
        << UInt8.random(
          in: 0..<8, using: &numbers)
      try directory.write(bytes, as: file)
      let images = try DecodedImages(
        ImageFolder(path: directory.path),
        shape: ImageShape(height: 4, width: 4, channels: 3), filter: .bilinear)
      if errorSentence({ () throws(DatasetError) in _ = try levels(of: images, row: 0) }) != nil {
        refused += 1
      }
    }
    #expect(refused > 0)
  }

  @Test("of other channels than grey and RGB is not asked for", arguments: [2, 4])
  func channels(count: Int) throws {
    let shape = ImageShape(height: 8, width: 8, channels: count)
    let folder = try ImageFolder(path: GoldenImages.directory)
    #expect(
      errorSentence { () throws(DatasetError) in
        _ = try DecodedImages(folder, shape: shape, filter: .lanczos)
      } == "images are read as grey (1 channel) or RGB (3 channels), not with \(count)")
  }
}

/// CRC-32 bit by bit, as ISO 3309 defines it.
func crc32(_ bytes: some Sequence<UInt8>) -> UInt32 {
  var register: UInt32 = .max
  for byte in bytes {
    register ^= UInt32(byte)
    for _ in 0..<8 { register = register >> 1 ^ (register & 1 == 1 ? 0xEDB8_8320 : 0) }
  }
  return ~register
}
