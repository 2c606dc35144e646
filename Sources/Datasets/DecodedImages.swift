/// Compressed images that are decoded, and resized to one shape, as they are read.
package struct DecodedImages: LevelSource {
  package let shape: ImageShape
  private let images: any EncodedImages
  private let filter: ResamplingFilter

  /// Throws `unsupportedChannels` for a shape that is neither grey nor RGB.
  package init(
    _ images: any EncodedImages, shape: ImageShape, filter: ResamplingFilter
  ) throws(DatasetError) {
    guard [1, 3].contains(shape.channels) else { throw .unsupportedChannels(shape.channels) }
    (self.images, self.shape, self.filter) = (images, shape, filter)
  }

  package var count: Int { images.count }
  package var files: [String] { images.files }
  package var isSlow: Bool { true }

  package var description: String {
    "\(count) images from \(images.place), resized to \(shape) (\(filter.rawValue))"
  }

  package func readLevels(
    row: Int, into destination: UnsafeMutablePointer<UInt8>
  ) throws(DatasetError) {
    try images.picture(row: row).write(as: shape, filter, into: destination)
  }
}
