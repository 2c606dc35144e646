/// Images of one size, made larger or smaller as they are read.
struct ResizedImages: LevelSource {
  private let images: any LevelSource
  private let resampler: Resampler
  let shape: ImageShape
  let description: String

  /// Throws `unexpectedChannels` where `shape` has not the images' channels; `tooLarge` for sides that
  /// would take too much memory on the way.
  init(
    _ images: any LevelSource, to shape: ImageShape, _ filter: ResamplingFilter
  ) throws(DatasetError) {
    let found = images.shape
    let path = images.files.first ?? images.description
    guard found.channels == shape.channels else {
      throw .unexpectedChannels(path: path, found: found.channels, expected: shape.channels)
    }
    guard max(found.height, found.width) <= Picture.sideLimit else {
      throw .badImage(image: path, .tooManyPixels(width: found.width, height: found.height))
    }
    self.images = images
    self.shape = shape
    resampler = Resampler(height: found.height, width: found.width, to: shape, filter)
    description = "\(images), resized to \(shape) (\(filter.rawValue))"
  }

  var count: Int { images.count }
  var files: [String] { images.files }
  var isSlow: Bool { true }

  func readLevels(
    row: Int, into destination: UnsafeMutablePointer<UInt8>
  ) throws(DatasetError) {
    var failure: DatasetError?
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: images.shape.elementCount) { levels in
      guard let start = levels.baseAddress else { return }
      do throws(DatasetError) {
        try images.readLevels(row: row, into: start)
        resampler.resize(start, into: destination)
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
  }
}
