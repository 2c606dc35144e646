import Foundation

/// The images in a directory and in those within it: files named .png, .jpg, .jpeg or .webp, in the
/// order of their paths' bytes. Links are followed to files, not to directories.
package struct ImageFolder: EncodedImages {
  package let path: String
  package let count: Int
  private let paths: [String]

  /// - Parameter fraction: how much of the folder is used, from its first image on.
  /// - Throws: `noImageFiles`; `unreadable`, also for a directory within.
  package init(path: String, fraction: Double = 1) throws(DatasetError) {
    self.path = path
    var paths: [String] = []
    try Self.list(path, into: &paths)
    guard !paths.isEmpty else { throw .noImageFiles(path: path) }
    paths.sort { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    count = leadingCount(of: paths.count, fraction: fraction)
    self.paths = Array(paths.prefix(count))
  }

  package var place: String { "folder \(path)" }
  package var files: [String] { paths }

  package func name(ofRow row: Int) -> String { paths[row] }

  package func promisedFormat(ofRow row: Int) -> ImageFormat? {
    ImageFormat(fileName: paths[row])
  }

  package func withBytes<Value>(
    ofRow row: Int, _ body: (UnsafeRawBufferPointer) throws(ImageProblem) -> Value
  ) throws(ImageProblem) -> Value {
    let bytes: [UInt8]
    do throws(DatasetError) {
      let file = try RegularFile(path: paths[row])
      // One byte more than allowed, which is then refused.
      bytes = try file.read(upTo: min(file.size, Picture.byteLimit + 1))
    } catch {
      guard case .unreadable(_, let reason) = error else { preconditionFailure("\(error)") }
      throw .unreadable(reason: reason)
    }
    return try bytes.withUnsafeBufferPointer { (bytes) throws(ImageProblem) in
      try body(UnsafeRawBufferPointer(bytes))
    }
  }

  private static func list(
    _ directory: String, into paths: inout [String]
  ) throws(DatasetError) {
    guard let stream = opendir(directory) else {
      throw .unreadable(path: directory, reason: lastReason)
    }
    defer { closedir(stream) }
    errno = 0
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." {
        try add("\(directory)/\(name)", into: &paths)
      }
      errno = 0
    }
    guard errno == 0 else { throw .unreadable(path: directory, reason: lastReason) }
  }

  private static func add(_ path: String, into paths: inout [String]) throws(DatasetError) {
    var status = stat()
    let isLink = lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK
    if isDirectory(path) {
      if !isLink { try list(path, into: &paths) }
    } else if ImageFormat(fileName: path) != nil {
      // Also a broken link, which is named when it is read.
      paths.append(path)
    }
  }
}
