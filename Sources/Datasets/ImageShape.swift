/// Height, width and channels of an image, stored in this order (HWC) with the channels innermost.
package struct ImageShape: Equatable, Sendable, CustomStringConvertible {
  package let height: Int
  package let width: Int
  package let channels: Int

  package init(height: Int, width: Int, channels: Int) {
    self.height = height
    self.width = width
    self.channels = channels
  }

  /// Values in one image: height · width · channels.
  package var elementCount: Int { height * width * channels }

  package var description: String { "\(height)×\(width)×\(channels)" }
}
