import CPNG
import Foundation

/// An 8-bit image, grey or RGB, that libpng can write.
package struct PNGImage: Equatable, Sendable {
  package let height: Int
  package let width: Int
  /// 1 or 3.
  package let channels: Int
  /// [height, width, channels]
  package private(set) var pixels: [UInt8]

  /// A grid of images with a gap between them, from values in [−1, 1].
  ///
  /// - Parameters:
  ///   - images: [count, height, width, channels]
  ///   - columns: images in a row.
  package init(grid images: [Float], height: Int, width: Int, channels: Int, columns: Int) {
    let grid = ImageGrid(
      count: images.count / (height * width * channels), height: height, width: width,
      channels: channels, columns: columns)
    self.init(white: grid)
    draw(images[...], from: 0, in: grid)
  }

  /// A grid's picture before any image is drawn: white.
  package init(white grid: ImageGrid) {
    (height, width, channels) = (grid.fullHeight, grid.fullWidth, grid.shownChannels)
    pixels = [UInt8](repeating: 255, count: height * width * channels)
  }

  /// Draws images into their places, from place `first` on; of four channels the first three are shown,
  /// of two the first.
  ///
  /// - Parameter images: [count, height, width, channels], in [−1, 1].
  package mutating func draw(_ images: ArraySlice<Float>, from first: Int, in grid: ImageGrid) {
    let count = images.count / (grid.height * grid.width * grid.channels)
    for index in 0..<count {
      let (top, left) = grid.place(first + index)
      for y in 0..<grid.height {
        for x in 0..<grid.width {
          let source = ((index * grid.height + y) * grid.width + x) * grid.channels
          let target = ((top + y) * width + left + x) * channels
          for channel in 0..<channels {
            pixels[target + channel] = Self.level(images[images.startIndex + source + channel])
          }
        }
      }
    }
  }

  /// The images of a grid that was made by `init(grid:…)`, each [height, width, channels], row by row;
  /// none where they do not fill the image. A grid's last row may have white images at its end.
  package func gridCells(height cellHeight: Int, width cellWidth: Int) -> [[UInt8]] {
    let gap = ImageGrid.gap
    let (tall, wide) = (cellHeight + gap, cellWidth + gap)
    guard (height + gap) % tall == 0, (width + gap) % wide == 0 else { return [] }
    return (0..<(height + gap) / tall * ((width + gap) / wide)).map { index in
      let columns = (width + gap) / wide
      let (top, left) = (index / columns * tall, index % columns * wide)
      return (0..<cellHeight).flatMap { y in
        pixels[(((top + y) * width + left) * channels)...].prefix(cellWidth * channels)
      }
    }
  }

  /// −1 … 1 to 0 … 255, rounded; what is no number is black.
  static func level(_ value: Float) -> UInt8 {
    value.isNaN ? 0 : UInt8(max(0, min(255, (value + 1) * 127.5)).rounded())
  }

  /// Decodes an image that `encoded` has made: grey, or RGB.
  ///
  /// - Parameter path: what errors name.
  /// - Throws: `RunFileError.cannotRead`
  package init(decoding bytes: [UInt8], path: String) throws(RunFileError) {
    var image = png_image()
    image.version = UInt32(PNG_IMAGE_VERSION)
    defer { png_image_free(&image) }
    var pixels: [UInt8] = []
    var reason: String?
    // libpng keeps the pointer until it has finished.
    bytes.withUnsafeBytes { bytes in
      guard png_image_begin_read_from_memory(&image, bytes.baseAddress, bytes.count) != 0 else {
        reason = "it is no PNG image"
        return
      }
      guard Int(image.width) * Int(image.height) <= Self.largestCount else {
        reason = "\(image.width) × \(image.height) pixels are too many"
        return
      }
      let isColour = image.format & UInt32(PNG_FORMAT_FLAG_COLOR) != 0
      image.format = isColour ? UInt32(PNG_FORMAT_RGB) : UInt32(PNG_FORMAT_GRAY)
      pixels = [UInt8](
        repeating: 0, count: Int(image.width) * Int(image.height) * (isColour ? 3 : 1))
      if png_image_finish_read(&image, nil, &pixels, 0, nil) == 0 { reason = "it is damaged" }
    }
    if let reason { throw .cannotRead(path: path, reason: reason) }
    height = Int(image.height)
    width = Int(image.width)
    channels = height * width == 0 ? 1 : pixels.count / (height * width)
    self.pixels = pixels
  }

  /// Of a picture, in pixels.
  static let largestCount = 1 << 26

  /// The image as a PNG file's bytes.
  ///
  /// - Throws: `RunFileError.cannotEncode`
  package func encoded() throws(RunFileError) -> [UInt8] {
    var image = png_image()
    image.version = UInt32(PNG_IMAGE_VERSION)
    image.width = UInt32(width)
    image.height = UInt32(height)
    image.format = channels == 3 ? UInt32(PNG_FORMAT_RGB) : UInt32(PNG_FORMAT_GRAY)
    defer { png_image_free(&image) }
    var size = 0
    guard png_image_write_to_memory(&image, nil, &size, 0, pixels, 0, nil) != 0 else {
      throw .cannotEncode(width: width, height: height)
    }
    var bytes = [UInt8](repeating: 0, count: size)
    guard png_image_write_to_memory(&image, &bytes, &size, 0, pixels, 0, nil) != 0 else {
      throw .cannotEncode(width: width, height: height)
    }
    return Array(bytes.prefix(size))
  }
}
