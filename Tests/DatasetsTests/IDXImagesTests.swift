import Datasets
import Foundation
import TestSupport
import Testing

@Suite("IDX images")
struct IDXImagesTests {
  @Test("are read from plain and from gzipped files", arguments: [false, true])
  func values(gzipped: Bool) throws {
    let directory = try ScratchDirectory()
    let bytes = idxImages(count: 50, height: 3, width: 5)
    let file =
      try gzipped ? directory.writeGzipped(bytes, as: "a.gz") : directory.write(bytes, as: "a")
    let images = try IDXImages(.idx(path: file))
    #expect(images.count == 50)
    #expect(images.shape == ImageShape(height: 3, width: 5, channels: 1))
    #expect(images.description == "50 images of 3×5×1 from \(file) (given path)")
    for row in [0, 17, 49] {
      let expected = (0..<15).map { Float((row * 15 + $0) % 256) / 127.5 - 1 }
      #expect(try pixels(of: images, row: row) == expected)
    }
  }

  @Test("span [-1, 1]")
  func range() throws {
    let directory = try ScratchDirectory()
    let file = try directory.write(idx([0x803, 1, 1, 2], [0, 255]), as: "a")
    #expect(try pixels(of: IDXImages(.idx(path: file)), row: 0) == [-1, 1])
  }

  @Test("may come in several gzip members")
  func members() throws {
    let directory = try ScratchDirectory()
    let bytes = idxImages(count: 4, height: 3, width: 5)
    let first = try contents(directory.writeGzipped(Array(bytes[..<20]), as: "first"))
    let second = try contents(directory.writeGzipped(Array(bytes[20...]), as: "second"))
    let file = try directory.write(first + second, as: "a.gz")
    let expected = (45..<60).map { Float($0) / 127.5 - 1 }
    #expect(try pixels(of: IDXImages(.idx(path: file)), row: 3) == expected)
  }

  struct BadFile: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let bytes: [UInt8]
    /// After the file's path.
    let sentence: String
    /// Where a gzipped file is refused in other words.
    var gzippedSentence: String?
  }

  static let badFiles = [
    BadFile(
      testDescription: "empty", bytes: [],
      sentence: " ends after 0 bytes, expected an IDX3 header of 16 bytes"),
    BadFile(
      testDescription: "part of a header", bytes: idx([0x803, 1, 1], []),
      sentence: " ends after 12 bytes, expected an IDX3 header of 16 bytes"),
    BadFile(
      testDescription: "labels", bytes: idx([0x801, 3], [1, 2, 3]),
      sentence: " is a labels file (IDX1), expected images (IDX3)"),
    BadFile(
      testDescription: "floats", bytes: idx([0xd03, 1, 1, 1], [0, 0, 0, 0]),
      sentence: " starts with 0x00000d03, expected 0x00000803 (IDX3 of unsigned bytes)"),
    BadFile(
      testDescription: "a PNG", bytes: [0x89, 0x50, 0x4e, 0x47] + Array(repeating: 0, count: 20),
      sentence: " starts with 0x89504e47, expected 0x00000803 (IDX3 of unsigned bytes)"),
    BadFile(
      testDescription: "no images", bytes: idx([0x803, 0, 28, 28], []),
      sentence: " holds 0 images, expected at least one"),
    BadFile(
      testDescription: "no height", bytes: idx([0x803, 1, 0, 28], []),
      sentence: " says that its images are 0×28, expected at least 1×1"),
    BadFile(
      testDescription: "5 GiB", bytes: idx([0x803, 5, 32768, 32768], []),
      sentence: " says that it holds 5 images of 32768×32768, "
        + "expected at most 4294967296 bytes in all"),
    BadFile(
      testDescription: "sizes that overflow", bytes: idx([0x803, .max, .max, .max], []),
      sentence: " says that it holds 4294967295 images of 4294967295×4294967295, "
        + "expected at most 4294967296 bytes in all"),
    BadFile(
      testDescription: "3 GiB that are not there", bytes: idx([0x803, 3, 32768, 32768], [1]),
      sentence: " ends after 17 bytes, expected 3221225488 for the 3 images of 32768×32768×1 "
        + "in its header",
      gzippedSentence: "cannot hold the 3221225488 bytes "
        + "expected for the 3 images of 32768×32768×1 in its header"),
    BadFile(
      testDescription: "one byte less", bytes: idxImages(count: 3, height: 4, width: 4).dropLast(),
      sentence: " ends after 63 bytes, expected 64 for the 3 images of 4×4×1 in its header"),
    BadFile(
      testDescription: "one byte more", bytes: idxImages(count: 3, height: 4, width: 4) + [7],
      sentence: " goes on after the 64 bytes expected for the 3 images of 4×4×1 in its header"),
  ]

  @Test("of a bad plain file are refused in one sentence", arguments: badFiles)
  func badPlain(_ bad: BadFile) throws {
    let directory = try ScratchDirectory()
    let file = try directory.write(bad.bytes, as: "bad")
    #expect(refusal(file) == file + bad.sentence)
  }

  @Test("of a bad gzipped file are refused in one sentence", arguments: badFiles)
  func badGzipped(_ bad: BadFile) throws {
    let directory = try ScratchDirectory()
    let file = try directory.writeGzipped(bad.bytes, as: "bad.gz")
    let sentence = try #require(refusal(file))
    if let ending = bad.gzippedSentence {
      #expect(sentence.hasPrefix(file + " has only ") && sentence.hasSuffix(ending))
    } else {
      #expect(sentence == file + bad.sentence)
    }
  }

  @Test("of a gzip file cut anywhere are refused as truncated")
  func truncatedGzip() throws {
    let directory = try ScratchDirectory()
    let bytes = idxImages(count: 90, height: 9, width: 9)
    let whole = try contents(directory.writeGzipped(bytes, as: "whole.gz"))
    // Inside the header, the data, the check sum and the length.
    for length in [12, 40, whole.count / 2, whole.count - 9, whole.count - 6, whole.count - 1] {
      let file = try directory.write(Array(whole[..<length]), as: "cut\(length).gz")
      #expect(
        refusal(file)
          == "\(file) is a truncated gzip file: it ends before its compressed data does")
    }
  }

  @Test("of a gzip file with a wrong check sum, length or method are refused as corrupt")
  func corruptGzip() throws {
    let directory = try ScratchDirectory()
    let bytes = idxImages(count: 90, height: 9, width: 9)
    let whole = try contents(directory.writeGzipped(bytes, as: "whole.gz"))
    let changes = [
      (whole.count - 8, "incorrect data check"), (whole.count - 1, "incorrect length check"),
      (2, "unknown compression method"),
    ]
    for (index, reason) in changes {
      var corrupt = whole
      corrupt[index] ^= 0x55
      let file = try directory.write(corrupt, as: "corrupt\(index).gz")
      #expect(refusal(file) == "\(file) is a corrupt gzip file: \(reason)")
    }
  }

  @Test("of another size than the asked one are resized, of other channels refused")
  func otherShape() throws {
    let directory = try ScratchDirectory()
    let level: UInt8 = 200
    let file = try directory.write(
      idx([0x803, 2, 4, 4], Array(repeating: level, count: 32)), as: "a")
    let source = StoredImages.idx(try .idx(path: file))
    let wide = ImageShape(height: 3, width: 9, channels: 1)
    let images = try source.open(ImageRequest(shape: wide))
    #expect(images.count == 2 && images.shape == wide)
    #expect(try levels(of: images, row: 1) == Array(repeating: level, count: 27))
    let colour = ImageShape(height: 4, width: 4, channels: 3)
    #expect(
      errorSentence { () throws(DatasetError) in _ = try source.open(ImageRequest(shape: colour)) }
        == "\(file) holds images of 1 channel, expected 3")
  }

  @Test(
    "are the first ones of a fraction of the file, one at least",
    arguments: [
      (1.0, 10), (0.5, 5), (0.39, 3), (0.01, 1),
    ])
  func fraction(fraction: Double, count: Int) throws {
    let directory = try ScratchDirectory()
    let file = try directory.write(idxImages(count: 10, height: 2, width: 2), as: "a")
    let images = try IDXImages(.idx(path: file), fraction: fraction)
    #expect(images.count == count)
    #expect(
      try levels(of: images, row: count - 1) == (0..<4).map { UInt8(4 * (count - 1) + $0) })
  }

  @Test("of no file, a directory and a pipe are refused without waiting")
  func unreadable() throws {
    let directory = try ScratchDirectory()
    let missing = directory.path + "/missing"
    #expect(refusal(missing) == "\(missing) cannot be read: No such file or directory")
    #expect(
      refusal(directory.path) == "\(directory.path) cannot be read: it is not a regular file")
    let pipe = directory.path + "/pipe"
    try #require(mkfifo(pipe, 0o600) == 0)
    #expect(refusal(pipe) == "\(pipe) cannot be read: it is not a regular file")
  }

  @Test("with any byte of their header changed give images or an error, never a trap")
  func hostileHeaders() throws {
    let directory = try ScratchDirectory()
    let bytes = idxImages(count: 3, height: 4, width: 4)
    for index in 0..<16 {
      for value in [0, 1, 3, 4, 0x7f, 0x80, 0xff] as [UInt8] where bytes[index] != value {
        var changed = bytes
        changed[index] = value
        // Every byte of the header matters: no changed one may pass.
        #expect(try refusal(directory.write(changed, as: "hostile")) != nil)
      }
    }
  }

  @Test(
    "of Debian's Fashion-MNIST are the 60,000 known ones",
    .enabled(if: FileManager.default.fileExists(atPath: DatasetLocation.fashionMNIST)))
  func fashionMNIST() throws {
    let location = try DatasetLocation.mnist(path: nil, environment: [:])
    let images = try IDXImages(location)
    #expect(images.shape == ImageShape(height: 28, width: 28, channels: 1))
    #expect(images.count == 60_000)
    // Computed by NumPy: the sum of the levels, and the sum of level · position from 1.
    for (row, sum, weighted) in [(0, 76_247, 35_954_273), (59_999, 16_684, 7_678_154)] {
      let levels = try pixels(of: images, row: row).map { Int((($0 + 1) * 127.5).rounded()) }
      #expect(levels.reduce(0, +) == sum)
      #expect(levels.enumerated().reduce(0) { $0 + $1.element * ($1.offset + 1) } == weighted)
    }
  }

  private func contents(_ path: String) throws -> [UInt8] {
    try Array(Data(contentsOf: URL(fileURLWithPath: path)))
  }

  private func refusal(_ path: String) -> String? {
    errorSentence { () throws(DatasetError) in _ = try IDXImages(.idx(path: path)) }
  }
}

/// One image, read as a consumer would, with a value behind it that must stay.
func pixels(of source: any ImageSource, row: Int) throws(DatasetError) -> [Float] {
  let length = source.shape.elementCount
  let buffer = UnsafeMutablePointer<Float>.allocate(capacity: length + 1)
  defer { buffer.deallocate() }
  buffer[length] = -77
  try source.read(row: row, into: buffer)
  #expect(buffer[length] == -77)
  return (0..<length).map { buffer[$0] }
}
