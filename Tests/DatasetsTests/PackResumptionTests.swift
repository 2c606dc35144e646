import Datasets
import Foundation
import Synchronization
import TestSupport
import Testing

/// Packing that ends early, and goes on.
@Suite("Packing")
struct PackResumptionTests {
  /// Image r is the two bytes of r; some are bad. A file stands for them all.
  private final class NumberedImages: LevelSource {
    let files: [String]
    let count: Int
    let bad: Set<Int>
    let reads = Mutex<Set<Int>>([])
    var shape: ImageShape { ImageShape(height: 2, width: 1, channels: 1) }
    var description: String { "numbered images" }

    init(_ file: String, count: Int = 10_000, bad: Set<Int> = []) {
      (files, self.count, self.bad) = ([file], count, bad)
    }

    func readLevels(
      row: Int, into destination: UnsafeMutablePointer<UInt8>
    ) throws(DatasetError) {
      reads.withLock { _ = $0.insert(row) }
      if bad.contains(row) { throw .badImage(image: "image \(row)", .empty) }
      destination[0] = UInt8(row >> 8)
      destination[1] = UInt8(row & 0xFF)
    }
  }

  /// A directory with the file that stands for the images.
  private let directory: ScratchDirectory
  private let file: String

  init() throws {
    directory = try ScratchDirectory()
    file = try directory.write("images", as: "source")
  }

  private var output: String { directory.file("pack") }

  private func writer(_ images: NumberedImages, skipsBad: Bool = false) -> PackWriter {
    PackWriter(images, root: file, filter: .lanczos, skipsBad: skipsBad, output: output)
  }

  /// Packs one block of the images.
  private func begin(skipsBad: Bool = false, bad: Set<Int> = []) throws -> PackProgress {
    let images = NumberedImages(file, bad: bad)
    let progress = try writer(images, skipsBad: skipsBad).write { _ in false }
    try #require(!progress.isComplete && progress.rows > 0)
    #expect(try directory.names() == ["pack.partial", "source"])
    return progress
  }

  private func expectImages(_ rows: some Collection<Int>) throws {
    #expect(try directory.names() == ["pack", "source"])
    let packed = try PackedImages(path: output)
    try packed.verify()
    try #require(packed.count == rows.count)
    for (image, row) in rows.enumerated() {
      let found = try levels(of: packed, row: image)
      #expect(Int(found[0]) << 8 | Int(found[1]) == row)
    }
  }

  @Test("that was stopped goes on where it was, and reads nothing twice")
  func resumed() throws {
    let first = try begin()
    let images = NumberedImages(file)
    let progress = try writer(images).write { _ in true }
    #expect(progress.isComplete && progress.images == 10_000 && !progress.startedAnew)
    #expect(progress.resumedRows == first.rows)
    #expect(images.reads.withLock { $0 } == Set(first.rows..<10_000))
    try expectImages(0..<10_000)
  }

  @Test("that was killed while it wrote goes on after what it had said to be done")
  func killed() throws {
    let first = try begin()
    var bytes = try directory.data("pack.partial")
    bytes.append(contentsOf: [1, 2, 3])
    try directory.write(bytes, as: "pack.partial")
    let progress = try writer(NumberedImages(file)).write { _ in true }
    #expect(progress.resumedRows == first.rows)
    try expectImages(0..<10_000)
  }

  @Test(
    "begins anew where the source has changed, or the unfinished file is damaged",
    arguments: [
      "time", "size", "count", "journal", "numbers", "data", "foreign", "short",
    ])
  func startedAnew(change: String) throws {
    _ = try begin()
    var bytes = try directory.data("pack.partial")
    var count = 10_000
    switch change {
    case "time":
      try FileManager.default.setAttributes(
        [.modificationDate: Date(timeIntervalSince1970: 1)], ofItemAtPath: file)
    case "size": try directory.write("more images", as: "source")
    case "count": count = 9999
    case "journal": bytes[25] ^= 1
    case "numbers":
      // So many images and bad ones that their sum is no Int.
      bytes.replaceSubrange(32..<48, with: [UInt8](repeating: 0xFF, count: 16))
      withUnsafeBytes(of: crc32(bytes.prefix(48)).littleEndian) {
        bytes.replaceSubrange(48..<52, with: $0)
      }
    case "data": bytes[5000] ^= 1
    case "foreign": bytes = Data(repeating: 7, count: 10_000)
    default: bytes = bytes.prefix(5000)
    }
    try directory.write(bytes, as: "pack.partial")
    let images = NumberedImages(file, count: count)
    let progress = try writer(images).write { _ in true }
    #expect(progress.startedAnew && progress.resumedRows == 0)
    #expect(images.reads.withLock { $0.count } == count)
    try expectImages(0..<count)
  }

  @Test("ends with a bad image, and goes on where bad ones are left out")
  func badImage() throws {
    let images = NumberedImages(file, bad: [9000, 9500])
    #expect(
      errorSentence { () throws(DatasetError) in _ = try writer(images).write { _ in true } }
        == "image 9000 is empty, expected a PNG, JPEG or WebP image")
    #expect(try directory.names() == ["pack.partial", "source"])
    let progress = try writer(images, skipsBad: true).write { _ in true }
    #expect(progress.resumedRows > 0 && progress.skipped == 2 && progress.images == 9998)
    #expect(progress.lastSkipped == .badImage(image: "image 9500", .empty))
    try expectImages((0..<10_000).filter { ![9000, 9500].contains($0) })
  }

  @Test("keeps count of bad images over a stop, and does not keep them from who wants none")
  func badImagesBefore() throws {
    let bad: Set = [3, 9999]
    _ = try begin(skipsBad: true, bad: bad)
    #expect(
      errorSentence { () throws(DatasetError) in
        _ = try writer(NumberedImages(file, bad: bad)).write { _ in true }
      } == "image 3 is empty, expected a PNG, JPEG or WebP image")
    _ = try begin(skipsBad: true, bad: bad)
    let progress = try writer(NumberedImages(file, bad: bad), skipsBad: true).write { _ in true }
    #expect(progress.skipped == 2 && progress.images == 9998 && progress.resumedRows > 0)
    try expectImages((0..<10_000).filter { !bad.contains($0) })
  }

  @Test("leaves nothing where the first images are bad, or all of them")
  func nothingGood() throws {
    #expect(throws: DatasetError.badImage(image: "image 0", .empty)) {
      try writer(NumberedImages(file, bad: [0])).write { _ in true }
    }
    #expect(try directory.names() == ["source"])
    let sentence = errorSentence { () throws(DatasetError) in
      _ = try writer(NumberedImages(file, count: 3, bad: [0, 1, 2]), skipsBad: true)
        .write { _ in true }
    }
    #expect(
      sentence == "numbered images holds no good image among its 3; "
        + "one bad one: image 2 is empty, expected a PNG, JPEG or WebP image")
    #expect(try directory.names() == ["source"])
  }

  @Test("replaces an older pack only when it is complete")
  func replaced() throws {
    try directory.write("older", as: "pack")
    _ = try writer(NumberedImages(file)).write { _ in false }
    #expect(try directory.text("pack") == "older")
    _ = try writer(NumberedImages(file)).write { _ in true }
    try expectImages(0..<10_000)
  }

  @Test("is done by one process at a time")
  func locked() throws {
    let other = writer(NumberedImages(file))
    var sentence: String?
    _ = try writer(NumberedImages(file)).write { _ in
      sentence = errorSentence { () throws(DatasetError) in _ = try other.write { _ in true } }
      return true
    }
    #expect(sentence == "\(output) cannot be written: another process is packing into it")
    try expectImages(0..<10_000)
  }

  @Test("into no directory, or over one, is refused")
  func badOutput() throws {
    func refusal(_ output: String) -> String? {
      errorSentence { () throws(DatasetError) in
        _ = try PackWriter(
          NumberedImages(file), root: file, filter: .lanczos, skipsBad: false, output: output
        ).write { _ in true }
      }
    }
    let missing = directory.file("missing/pack")
    #expect(refusal(missing) == "\(missing) cannot be written: No such file or directory")
    #expect(
      refusal(directory.path) == "\(directory.path) cannot be written: it is not a regular file")
    #expect(try directory.names() == ["source"])
  }
}
