/// What files of images hold.
package struct ImageSummary: Equatable, Sendable {
  package let count: Int
  /// Of all images, or of the first one where each has its own.
  package let shape: ImageShape
  package let isOfOneShape: Bool
  /// How many check sums were verified; nil where there are none.
  package let verifiedImages: Int?
}

extension StoredImages {
  /// Reads what the files hold: a pack's check sums, an IDX file as a whole, of others the first image.
  ///
  /// Throws the `DatasetError` of what is bad among it.
  package func summary() throws(DatasetError) -> ImageSummary {
    switch self {
    case .folder(let path): try Self.summary(of: ImageFolder(path: path))
    case .lmdb(let path): try Self.summary(of: LMDBImages(path: path))
    case .idx(let location): Self.summary(of: try IDXImages(location), verifiedImages: nil)
    case .pack(let path): try Self.verifiedSummary(of: PackedImages(path: path))
    }
  }

  private static func summary(of images: some EncodedImages) throws(DatasetError) -> ImageSummary {
    let first = try images.picture(row: 0)
    return ImageSummary(
      count: images.count,
      shape: ImageShape(height: first.height, width: first.width, channels: first.channels),
      isOfOneShape: false, verifiedImages: nil)
  }

  private static func verifiedSummary(
    of images: PackedImages
  ) throws(DatasetError) -> ImageSummary {
    try images.verify()
    return summary(of: images, verifiedImages: images.count)
  }

  private static func summary(of images: some LevelSource, verifiedImages: Int?) -> ImageSummary {
    ImageSummary(
      count: images.count, shape: images.shape, isOfOneShape: true, verifiedImages: verifiedImages)
  }
}
