/// How far packing has come.
package struct PackProgress: Equatable, Sendable {
  /// Rows of the source: all, those that are done, and those of them that were done by a run before.
  package let totalRows: Int
  package fileprivate(set) var rows = 0
  package fileprivate(set) var resumedRows = 0
  /// Images in the pack.
  package fileprivate(set) var images = 0
  /// Bad images that were left out, and what was wrong with the last one that this run met.
  package fileprivate(set) var skipped = 0
  package fileprivate(set) var lastSkipped: DatasetError?
  /// Whether the file of a run before was of other images, and was begun anew.
  package fileprivate(set) var startedAnew = false

  package var isComplete: Bool { rows == totalRows }
}

/// Packs images into one file: `PackHeader` says what is where in it.
///
/// The file grows under another name beside it. After every block of images its first page is written
/// to say how far it is, so that the next run goes on from there when this one ends early.
package struct PackWriter {
  private let images: any LevelSource
  private let fingerprint: UInt64
  private let skipsBad: Bool
  private let output: String
  private let blockRows: Int

  /// Bytes of a block: some seconds' work.
  private static let blockSize = 8 << 20

  /// - Parameters:
  ///   - root: the path of the source, which may have another name when packing is resumed.
  ///   - filter: how the images were resized.
  ///   - skipsBad: whether bad images are left out, rather than ending the run.
  package init(
    _ images: any LevelSource, root: String, filter: ResamplingFilter, skipsBad: Bool,
    output: String
  ) {
    self.images = images
    self.skipsBad = skipsBad
    self.output = output
    fingerprint = Fingerprint(of: images, root: root, filter: filter).value
    blockRows = min(max(Self.blockSize / images.shape.elementCount, 16), 4096)
  }

  /// Packs all images.
  ///
  /// - Parameter shouldGoOn: hears of the progress after each block; false ends the run, to be resumed.
  /// - Throws: `cannotWrite`, and what reading an image throws.
  package func write(
    shouldGoOn: (PackProgress) -> Bool
  ) throws(DatasetError) -> PackProgress {
    let file = try PartialFile(for: output)
    var progress = PackProgress(totalRows: images.count)
    var (journal, table) = resume(file, &progress)
    do throws(DatasetError) {
      try file.truncate(to: PackHeader.dataOffset + journal.images * images.shape.elementCount)
      while !progress.isComplete {
        try pack(blockAt: journal.rows, into: file, &journal, &table, &progress)
        if !shouldGoOn(progress), !progress.isComplete { return progress }
      }
      guard journal.images > 0 else {
        throw .allImagesBad(
          source: images.description, count: images.count,
          example: progress.lastSkipped?.description ?? "")
      }
    } catch {
      if journal.images == 0 { file.remove() }
      throw error
    }
    let header = PackHeader(
      count: journal.images, shape: images.shape, tableChecksum: journal.tableChecksum)
    try file.write(table, at: header.tableOffset)
    try file.write(header.bytes, at: 0)
    try file.publish()
    return progress
  }

  private func pack(
    blockAt first: Int, into file: borrowing PartialFile, _ journal: inout PackJournal,
    _ table: inout [UInt8], _ progress: inout PackProgress
  ) throws(DatasetError) {
    let length = images.shape.elementCount
    let rows = first..<min(first + blockRows, images.count)
    let block = LevelBlock(byteCount: rows.count * length)
    let errors = concurrently(rows.count) { [images] (index) throws(DatasetError) in
      try images.readLevels(row: rows.lowerBound + index, into: block.start + index * length)
    }
    for (_, error) in errors.sorted(by: { $0.key < $1.key }) {
      guard skipsBad, error.isOfOneImage else { throw error }
      progress.lastSkipped = error
    }
    let good = rows.indices.map { $0 - rows.lowerBound }.filter { errors[$0] == nil }
    for (place, index) in good.enumerated() {
      block.move(from: index * length, to: place * length, count: length)
      table.append(checksum(block.bytes(at: place * length, count: length)))
    }
    try file.write(
      block.bytes(at: 0, count: good.count * length),
      at: PackHeader.dataOffset + journal.images * length)
    // The journal must not be on the disk before what it speaks of.
    try file.synchronize()
    journal.rows = rows.upperBound
    journal.images += good.count
    journal.skipped += errors.count
    journal.tableChecksum = table.withUnsafeBytes { checksum($0) }
    try file.write(journal.bytes, at: 0)
    progress.take(journal)
  }

  /// The journal and the table of check sums of an earlier run; those of a new one where there is none,
  /// where it was of other images, or where the file is not what its journal says.
  private func resume(
    _ file: borrowing PartialFile, _ progress: inout PackProgress
  ) -> (PackJournal, table: [UInt8]) {
    let new = PackJournal(fingerprint: fingerprint)
    var start = [UInt8](repeating: 0, count: new.bytes.count)
    guard start.withUnsafeMutableBytes({ file.read(into: $0, at: 0) }) else { return (new, []) }
    progress.startedAnew = true
    guard let journal = PackJournal(start), journal.fingerprint == fingerprint,
      journal.rows <= images.count, journal.images <= journal.rows,
      journal.skipped == journal.rows - journal.images,
      skipsBad || journal.skipped == 0,
      let table = table(of: file, count: journal.images),
      table.withUnsafeBytes({ checksum($0) }) == journal.tableChecksum
    else { return (new, []) }
    progress.startedAnew = false
    progress.take(journal)
    progress.resumedRows = journal.rows
    return (journal, table)
  }

  /// The check sums of the images in the file; nil where they are not there.
  private func table(of file: borrowing PartialFile, count: Int) -> [UInt8]? {
    let length = images.shape.elementCount
    var table: [UInt8] = []
    let block = LevelBlock(byteCount: length)
    for image in 0..<count {
      let place = UnsafeMutableRawBufferPointer(start: block.start, count: length)
      guard file.read(into: place, at: PackHeader.dataOffset + image * length) else { return nil }
      table.append(checksum(UnsafeRawBufferPointer(place)))
    }
    return table
  }
}

extension PackProgress {
  fileprivate mutating func take(_ journal: PackJournal) {
    (rows, images, skipped) = (journal.rows, journal.images, journal.skipped)
  }
}

/// Memory for some images, each written by one thread.
private final class LevelBlock: @unchecked Sendable {
  // Unchecked: threads write to parts of it that do not meet.
  let start: UnsafeMutablePointer<UInt8>

  init(byteCount: Int) { start = .allocate(capacity: byteCount) }

  deinit { start.deallocate() }

  func bytes(at offset: Int, count: Int) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: start + offset, count: count)
  }

  func move(from offset: Int, to place: Int, count: Int) {
    (start + place).update(from: start + offset, count: count)
  }
}
