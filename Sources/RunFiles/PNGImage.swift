import CPNG
import Foundation

/// An 8-bit image, grey or RGB, that libpng can write.
package struct PNGImage: Equatable, Sendable {
  package let height: Int
  package let width: Int
  /// 1 or 3.
  package let channels: Int
  /// [height, width, channels]
  package let pixels: [UInt8]

  /// White pixels between the images of a grid.
  private static let gap = 2

  /// A grid of images with a gap between them, from values in [−1, 1]; of four channels the first
  /// three are shown, of two the first.
  ///
  /// - Parameters:
  ///   - images: [count, height, width, channels]
  ///   - columns: images in a row.
  package init(grid images: [Float], height: Int, width: Int, channels: Int, columns: Int) {
    let gap = Self.gap
    let shown = channels >= 3 ? 3 : 1
    let count = images.count / (height * width * channels)
    let rows = (count + columns - 1) / columns
    let fullWidth = columns * (width + gap) - gap
    let fullHeight = rows * (height + gap) - gap
    var pixels = [UInt8](repeating: 255, count: fullHeight * fullWidth * shown)
    for index in 0..<count {
      let (top, left) = (index / columns * (height + gap), index % columns * (width + gap))
      for y in 0..<height {
        for x in 0..<width {
          for channel in 0..<shown {
            let value = images[((index * height + y) * width + x) * channels + channel]
            pixels[((top + y) * fullWidth + left + x) * shown + channel] = Self.level(value)
          }
        }
      }
    }
    (self.height, self.width, self.channels, self.pixels) = (fullHeight, fullWidth, shown, pixels)
  }

  /// The images of a grid that was made by `init(grid:…)`, each [height, width, channels], row by row;
  /// none where they do not fill the image. A grid's last row may have white images at its end.
  package func gridCells(height cellHeight: Int, width cellWidth: Int) -> [[UInt8]] {
    let (tall, wide) = (cellHeight + Self.gap, cellWidth + Self.gap)
    guard (height + Self.gap) % tall == 0, (width + Self.gap) % wide == 0 else { return [] }
    return (0..<(height + Self.gap) / tall * ((width + Self.gap) / wide)).map { index in
      let columns = (width + Self.gap) / wide
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

  /// Of a picture that is read, in pixels.
  private static let largestCount = 1 << 26

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
