/// Takes images a few at a time, and makes a file or a folder of them. Nothing that appears under its
/// name is incomplete.
package protocol ImageWriter: AnyObject {
  /// - Parameters:
  ///   - images: [some, height, width, channels], in [−1, 1].
  ///   - number: the first one's, of which some kinds of output make a name; the others follow it.
  func append(_ images: ArraySlice<Float>, number: Int) throws(RunFileError)

  /// Ends the output, once all images are there.
  func finish() throws(RunFileError)
}

/// The shape of images that are written, and how many there will be.
package struct WrittenImages: Sendable, Equatable {
  package let count: Int
  package let height: Int
  package let width: Int
  package let channels: Int

  package init(count: Int, height: Int, width: Int, channels: Int) {
    self.count = count
    self.height = height
    self.width = width
    self.channels = channels
  }

  /// Numbers in one image.
  package var elementCount: Int { height * width * channels }

  /// The writer that a path's ending asks for: a grid for `.png`, an array for `.npy`, and a folder of
  /// pictures for anything else.
  ///
  /// - Throws: `RunFileError` where nothing can be put at `path`.
  package func writer(path: String) throws(RunFileError) -> any ImageWriter {
    let name = path.lowercased()
    if name.hasSuffix(".png") { return try GridWriter(self, path: path) }
    if name.hasSuffix(".npy") { return try NPYWriter(self, path: path) }
    return try PictureFolder(self, path: path)
  }
}
