import CPNG
import Foundation
import RunFiles
import TestSupport
import Testing

/// What libpng reads back.
private func decoded(_ path: String, channels: Int) -> (width: Int, height: Int, pixels: [UInt8])? {
  var image = png_image()
  image.version = UInt32(PNG_IMAGE_VERSION)
  guard png_image_begin_read_from_file(&image, path) != 0 else { return nil }
  defer { png_image_free(&image) }
  // The file's own format first: reading must not be what turns colour into grey.
  let isColour = image.format & 2 != 0
  if isColour != (channels == 3) { return nil }
  image.format = channels == 3 ? 2 : 0
  var pixels = [UInt8](repeating: 0, count: Int(image.width * image.height) * channels)
  guard png_image_finish_read(&image, nil, &pixels, 0, nil) != 0 else { return nil }
  return (Int(image.width), Int(image.height), pixels)
}

@Suite struct PNGImageTests {
  @Test(arguments: [1, 3])
  func aWrittenImageIsReadBackByLibpng(channels: Int) throws {
    let scratch = try ScratchDirectory()
    let values = (0..<5 * 7 * channels).map { Float($0 * 37 % 256) / 127.5 - 1 }
    let image = PNGImage(grid: values, height: 5, width: 7, channels: channels, columns: 1)
    try OutputFile.write(image.encoded(), to: scratch.file("i.png"))
    let read = try #require(decoded(scratch.file("i.png"), channels: channels))
    #expect(read.width == 7)
    #expect(read.height == 5)
    #expect(read.pixels == (0..<5 * 7 * channels).map { UInt8($0 * 37 % 256) })
    #expect(try scratch.names() == ["i.png"])
  }

  @Test func everyLevelOfADatasetComesBack() {
    let image = PNGImage(
      grid: (0...255).map { Float($0) / 127.5 - 1 }, height: 16, width: 16, channels: 1, columns: 1)
    #expect(image.pixels == Array(0...255))
  }

  @Test func valuesOutsideTheRangeAreClampedAndNoNumberIsBlack() {
    let values: [Float] = [-1.5, 1.5, -.infinity, .infinity, .nan, .greatestFiniteMagnitude, 0, 1]
    let image = PNGImage(grid: values, height: 1, width: 8, channels: 1, columns: 1)
    #expect(image.pixels == [0, 255, 0, 255, 0, 255, 128, 255])
  }

  @Test func aGridHasItsImagesRowByRowWithGapsBetween() {
    // Five images of 1×2 in three columns, each of one level; the sixth place stays empty.
    let levels: [UInt8] = [10, 20, 30, 40, 50]
    let values = levels.flatMap { [Float](repeating: Float($0) / 127.5 - 1, count: 2) }
    let image = PNGImage(grid: values, height: 1, width: 2, channels: 1, columns: 3)
    #expect(image.width == 3 * 2 + 2 * 2)
    #expect(image.height == 2 * 1 + 2)
    let gap: [UInt8] = [255, 255]
    let full = [UInt8](repeating: 255, count: 10)
    #expect(
      image.pixels
        == [10, 10] + gap + [20, 20] + gap + [30, 30] + full + full
        + [40, 40] + gap + [50, 50] + gap + gap)
  }

  @Test func anUnwritablePlaceIsNamed() throws {
    let scratch = try ScratchDirectory()
    let path = try scratch.write([0], as: "file") + "/i.png"
    let image = PNGImage(grid: [0], height: 1, width: 1, channels: 1, columns: 1)
    let error = fileError { () throws(RunFileError) in
      try OutputFile.write(image.encoded(), to: path)
    }
    #expect(error?.description.contains(path) == true)
  }
}
