import Foundation

/// A number that changes with the images of a source and with how they are packed: FNV-1a of 64 bits.
struct Fingerprint {
  private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

  /// Of the count and shape of the images, how they were resized, and the names below `root`, the sizes
  /// and the times of change of their files.
  init(of images: any LevelSource, root: String, filter: ResamplingFilter) {
    add("\(images.count) \(images.shape) \(filter.rawValue)")
    for path in images.files {
      var status = stat()
      stat(path, &status)
      let time = status.st_mtim
      add(path.dropFirst(root.count))
      add("\(status.st_size) \(time.tv_sec) \(time.tv_nsec)")
    }
  }

  private mutating func add(_ text: some StringProtocol) {
    for byte in text.utf8 { value = (value ^ UInt64(byte)) &* 0x100_0000_01b3 }
    // So that no two lists of texts run into the same bytes.
    value = (value ^ 0xFF) &* 0x100_0000_01b3
  }
}
