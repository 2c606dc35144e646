import Foundation

/// What is asked of images that are read from files.
package struct ImageRequest: Sendable {
  package var shape: ImageShape
  package var filter = ResamplingFilter.lanczos
  /// How much of the images is used, from the first on: above 0, at most 1.
  package var fraction = 1.0
  /// Whether bad images are left to the reader, one by one.
  package var skipsBad = false

  package init(shape: ImageShape) { self.shape = shape }
}

/// Images in files, of any kind.
package enum StoredImages: Equatable, Sendable {
  /// One file of images of one size, grey, in MNIST's format.
  case idx(DatasetLocation)
  /// A directory of PNG, JPEG and WebP files.
  case folder(path: String)
  /// Compressed images in an LMDB, as LSUN publishes them.
  case lmdb(path: String)
  /// What `PackWriter` wrote.
  case pack(path: String)

  /// Tells from what is at a path which kind it is: a directory is a folder, or an LMDB where it has a
  /// `data.mdb`; a file is what its first bytes say.
  ///
  /// Throws `unreadable`, `unknownKind`.
  package init(at path: String) throws(DatasetError) {
    if isDirectory(path) {
      let isLMDB = FileManager.default.fileExists(atPath: "\(path)/\(LMDBImages.fileName)")
      self = isLMDB ? .lmdb(path: path) : .folder(path: path)
      return
    }
    let start = try RegularFile(path: path).read(upTo: 32)
    if start.starts(with: PackHeader.magic.utf8) || start.starts(with: PackJournal.magic.utf8) {
      self = .pack(path: path)
    } else if LMDBImages.isLMDB(start) || path.hasSuffix(".mdb") {
      self = .lmdb(path: path)
    } else if start.starts(with: [0, 0]) || start.starts(with: [0x1F, 0x8B]) {
      self = .idx(try DatasetLocation.idx(path: path))
    } else {
      throw .unknownKind(path: path, start: Array(start.prefix(8)))
    }
  }

  package var kind: String {
    switch self {
    case .idx: "idx"
    case .folder: "folder"
    case .lmdb: "lmdb"
    case .pack: "pack"
    }
  }

  /// Opens the images in the asked shape, each of which is an error where it is bad.
  ///
  /// Throws one `DatasetError` a kind of bad file, each naming the file.
  package func open(_ request: ImageRequest) throws(DatasetError) -> any LevelSource {
    switch self {
    case .folder(let path):
      return try Self.decoded(ImageFolder(path: path, fraction: request.fraction), request)
    case .lmdb(let path):
      return try Self.decoded(LMDBImages(path: path, fraction: request.fraction), request)
    case .idx(let location):
      return try Self.resized(IDXImages(location, fraction: request.fraction), request)
    case .pack(let path):
      let images = try PackedImages(path: path, fraction: request.fraction)
      if !request.skipsBad, images.byteCount <= Self.verifiedAtOnce { try images.verify() }
      return try Self.resized(images, request)
    }
  }

  /// Opens the images to train on: a bad one is passed over where `request.skipsBad`, and what is slow
  /// to read is kept in memory. The first image is read, so that what holds none is refused at once.
  ///
  /// - Parameter onSkip: hears of every bad image once, on any thread.
  package func openForTraining(
    _ request: ImageRequest, onSkip: @escaping @Sendable (SkippedImage) -> Void
  ) throws(DatasetError) -> any ImageSource {
    var images = try open(request)
    if request.skipsBad { images = SkippingImages(images, onSkip: onSkip) }
    if images.isSlow { images = CachedImages(images) }
    let first = UnsafeMutablePointer<UInt8>.allocate(capacity: images.shape.elementCount)
    defer { first.deallocate() }
    try images.readLevels(row: 0, into: first)
    return images
  }

  /// Bytes of a pack whose check sums are all verified when it is opened, which takes a quarter of a
  /// second; a larger one's when an image is first read.
  private static let verifiedAtOnce = 256 << 20

  private static func decoded(
    _ images: some EncodedImages, _ request: ImageRequest
  ) throws(DatasetError) -> any LevelSource {
    try DecodedImages(images, shape: request.shape, filter: request.filter)
  }

  private static func resized(
    _ images: some LevelSource, _ request: ImageRequest
  ) throws(DatasetError) -> any LevelSource {
    images.shape == request.shape
      ? images : try ResizedImages(images, to: request.shape, request.filter)
  }
}
