/// One picture of all images, in a grid that is as square as can be.
final class GridWriter: ImageWriter {
  private let path: String
  private let grid: ImageGrid
  private var picture: PNGImage
  private var count = 0

  /// - Throws: `RunFileError.pictureTooBig`, `.cannotCreate`
  init(_ images: WrittenImages, path: String) throws(RunFileError) {
    self.path = path
    grid = ImageGrid(
      count: images.count, height: images.height, width: images.width, channels: images.channels,
      columns: ImageGrid.squareColumns(count: images.count))
    let limit = PNGImage.largestCount
    guard grid.fullWidth * grid.fullHeight <= limit else {
      throw .pictureTooBig(
        path: path, width: grid.fullWidth, height: grid.fullHeight, limit: limit)
    }
    try OutputFile.requireWritable(path)
    picture = PNGImage(white: grid)
  }

  func append(_ images: ArraySlice<Float>, number: Int) throws(RunFileError) {
    picture.draw(images, from: count, in: grid)
    count += images.count / (grid.height * grid.width * grid.channels)
  }

  func finish() throws(RunFileError) { try OutputFile.write(picture.encoded(), to: path) }
}
