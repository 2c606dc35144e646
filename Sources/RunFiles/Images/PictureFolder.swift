import Foundation

/// A folder with a picture an image, named by the image's number: `000042.png`.
final class PictureFolder: ImageWriter {
  private let path: String
  private let shape: WrittenImages

  /// Creates the folder.
  ///
  /// - Throws: `RunFileError.directoryNotEmpty`, `.cannotCreateDirectory`
  init(_ images: WrittenImages, path: String) throws(RunFileError) {
    self.path = try RunDirectory.created(path)
    shape = images
  }

  func append(_ images: ArraySlice<Float>, number: Int) throws(RunFileError) {
    let size = shape.elementCount
    for index in 0..<images.count / size {
      let start = images.startIndex + index * size
      let picture = PNGImage(
        grid: Array(images[start..<(start + size)]), height: shape.height, width: shape.width,
        channels: shape.channels, columns: 1)
      let png = try picture.encoded()
      // Waiting for the disk once a picture would take most of the time; it can be drawn again.
      let file = try PendingFile(
        path: "\(path)/\(String(format: "%06ld", number + index)).png")
      try file.write { (file) throws(RunFileError) in try file.write(png) }
      try file.commit(synchronizes: false)
    }
  }

  func finish() {}
}
