import Foundation
import RunFiles
import TestSupport
import Testing

/// What images become that are written a few at a time.
@Suite struct ImageWriterTests {
  private let scratch: ScratchDirectory

  init() throws { scratch = try ScratchDirectory() }

  /// Images of levels 0 … 255, each pixel another one.
  private func images(_ asked: WrittenImages) -> [Float] {
    (0..<asked.count * asked.elementCount).map { Float($0 * 7 % 256) / 127.5 - 1 }
  }

  /// Writes all images, `stretch` at a time.
  private func write(_ asked: WrittenImages, to path: String, stretch: Int) throws -> [Float] {
    let (writer, images) = (try asked.writer(path: path), images(asked))
    for first in stride(from: 0, to: asked.count, by: stretch) {
      let end = min(first + stretch, asked.count)
      try writer.append(
        images[(first * asked.elementCount)..<(end * asked.elementCount)], number: first)
    }
    try writer.finish()
    return images
  }

  /// Read as NumPy's description of its format says.
  @Test(arguments: [1, 10, 12345])
  func anArrayIsNumPys(count: Int) throws {
    let asked = WrittenImages(count: count, height: 2, width: 3, channels: 1)
    let images = try write(asked, to: scratch.file("a.NPY"), stretch: 1000)
    let file = try Array(scratch.data("a.NPY"))
    #expect(file.prefix(8) == [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59, 1, 0])
    let length = Int(file[8]) + 256 * Int(file[9])
    #expect((10 + length) % 64 == 0)
    let header = String(decoding: file[10..<(10 + length)], as: UTF8.self)
    #expect(header.hasSuffix("\n"))
    #expect(
      header.trimmingCharacters(in: .whitespacesAndNewlines)
        == "{'descr': '<f4', 'fortran_order': False, 'shape': (\(count), 2, 3, 1), }")
    let numbers = stride(from: 10 + length, to: file.count, by: 4).map { start in
      Float(
        bitPattern: (0..<4).reduce(UInt32(0)) { $0 | UInt32(file[start + $1]) << UInt32(8 * $1) })
    }
    #expect(numbers == images)
    #expect(try scratch.names() == ["a.NPY"])
  }

  @Test(arguments: [(1, 1), (2, 2), (4, 2), (5, 3), (10, 4), (25, 5), (64, 8), (65, 9)])
  func gridsAreNearlySquare(count: Int, columns: Int) {
    #expect(ImageGrid.squareColumns(count: count) == columns)
  }

  @Test(arguments: [1, 3])
  func aGridHasItsImagesInTheirPlaces(channels: Int) throws {
    let asked = WrittenImages(count: 7, height: 4, width: 5, channels: channels)
    _ = try write(asked, to: scratch.file("g.png"), stretch: 2)
    let picture = try PNGImage(decoding: Array(scratch.data("g.png")), path: "g.png")
    // Three columns and rows of 5 × 4 pixels with two between them.
    #expect(picture.width == 3 * 5 + 4 && picture.height == 3 * 4 + 4)
    #expect(picture.channels == channels)
    for image in 0..<9 {
      for (y, x) in (0..<4).flatMap({ y in (0..<5).map { (y, $0) } }) {
        for channel in 0..<channels {
          let element = ((image * 4 + y) * 5 + x) * channels + channel
          let (top, left) = (image / 3 * 6 + y, image % 3 * 7 + x)
          #expect(
            picture.pixels[(top * 19 + left) * channels + channel]
              == (image < 7 ? UInt8(element * 7 % 256) : 255))
        }
      }
    }
  }

  @Test func aFolderHasAPictureANumber() throws {
    let asked = WrittenImages(count: 3, height: 2, width: 2, channels: 1)
    let images = images(asked)
    let writer = try asked.writer(path: scratch.file("a/pictures"))
    try writer.append(images[0..<8], number: 41)
    try writer.append(images[8..<12], number: 1_234_567)
    try writer.finish()
    #expect(
      try scratch.names(in: "a/pictures") == ["000041.png", "000042.png", "1234567.png"])
    let picture = try PNGImage(
      decoding: Array(scratch.data("a/pictures/000042.png")), path: "000042.png")
    #expect(picture.pixels == (4..<8).map { UInt8($0 * 7 % 256) })
  }

  @Test func whatIsInTheWayIsRefusedAndLeftAlone() throws {
    let asked = WrittenImages(count: 1, height: 2, width: 2, channels: 1)
    try scratch.write("mine", as: "notes")
    for (path, expected) in [
      (scratch.path, RunFileError.directoryNotEmpty(path: scratch.path)),
      (
        scratch.file("notes"),
        .cannotCreateDirectory(path: scratch.file("notes"), reason: "it is a file")
      ),
    ] {
      #expect(throws: expected) { try asked.writer(path: path) }
    }
    for name in ["nowhere/a.npy", "nowhere/a.png"] {
      #expect(throws: RunFileError.self) { try asked.writer(path: scratch.file(name)) }
    }
    #expect(try scratch.names() == ["notes"])
  }

  @Test func anArrayThatIsGivenUpLeavesNothing() throws {
    try scratch.write("before", as: "a.npy")
    do {
      let asked = WrittenImages(count: 2, height: 2, width: 2, channels: 1)
      let writer = try asked.writer(path: scratch.file("a.npy"))
      try writer.append([0, 0, 0, 0], number: 0)
      #expect(try scratch.names().count == 2)
    }
    #expect(try scratch.names() == ["a.npy"])
    #expect(try scratch.text("a.npy") == "before")
  }

  @Test func moreThanAPictureHoldsIsRefusedBeforeMemoryIsTaken() throws {
    let asked = WrittenImages(count: 1 << 32, height: 4096, width: 4096, channels: 3)
    let error = fileError { () throws(RunFileError) in
      _ = try asked.writer(path: scratch.file("g.png"))
    }
    guard case .pictureTooBig = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(error?.isRefusal == true)
    #expect(try scratch.names() == [])
  }
}
