import Datasets
import Foundation
import Synchronization
import TestSupport
import Testing

/// The same images as a folder, an LMDB and a pack; and what is done with bad ones.
@Suite("Images in files")
struct StoredImagesTests {
  private let directory: ScratchDirectory

  init() throws { directory = try ScratchDirectory() }

  private func name(_ number: Int) -> String { String(repeating: "a", count: number) + ".png" }

  /// A folder and an LMDB of the same images, and a pack of the folder.
  private func stored(_ images: [TestImage], _ request: ImageRequest) throws -> [StoredImages] {
    try directory.makeDirectory("folder")
    let encoded = try images.enumerated().map {
      (key: name($0.offset), value: try $0.element.png())
    }
    for image in encoded { try directory.write(image.value, as: "folder/\(image.key)") }
    let database = try directory.writeLMDB(encoded.reversed(), as: "lmdb")
    let folder = StoredImages.folder(path: directory.file("folder"))
    _ = try PackWriter(
      folder.open(request), root: directory.file("folder"), filter: request.filter,
      skipsBad: false, output: directory.file("pack")
    ).write { _ in true }
    return [folder, .lmdb(path: database), .pack(path: directory.file("pack"))]
  }

  /// All steps' batches of 8.
  private func batches(
    _ stored: StoredImages, _ request: ImageRequest, order: BatchOrder, steps: Int = 12
  ) throws -> [Float] {
    let images = try stored.openForTraining(request) { _ in }
    let schedule = try RowSchedule(count: images.count, batchSize: 8, order: order, seed: 5)
    let loader = BatchLoader(source: images, schedule: schedule, examples: 0..<8, consumers: 1)
    loader.start(step: 0)
    return try (0..<steps).flatMap { step in
      let batch = try loader.acquire(step: step)
      defer { loader.release(step: step) }
      return (0..<8 * images.shape.elementCount).map { batch[$0] }
    }
  }

  @Test("are the same images of the same batches", arguments: BatchOrder.allCases)
  func sameBatches(order: BatchOrder) throws {
    let images = (0..<30).map { TestImage(height: 5, width: 4, number: $0) }
    let request = ImageRequest(shape: images[0].shape)
    var schedule = try RowSchedule(count: 30, batchSize: 8, order: order, seed: 5)
    let expected = (0..<12).flatMap { step in
      (0..<8).flatMap { images[schedule.row(step: step, index: $0)].values }
    }
    for stored in try stored(images, request) {
      #expect(try batches(stored, request, order: order) == expected, "\(stored)")
    }
  }

  @Test(
    "are the same where each has another size, grey and in part",
    arguments: [
      ResamplingFilter.lanczos, .bilinear,
    ])
  func sameResized(filter: ResamplingFilter) throws {
    let images = (0..<20).map { TestImage(height: 3 + $0, width: 30 - $0, number: $0) }
    var request = ImageRequest(shape: ImageShape(height: 8, width: 8, channels: 1))
    request.filter = filter
    let stored = try stored(images, request)
    request.fraction = 0.5
    let values = try stored.map { try self.batches($0, request, order: .sequential) }
    #expect(values[0] == values[1] && values[0] == values[2])
    let distinct = Set(stride(from: 0, to: 96 * 64, by: 64).map { values[0][$0..<$0 + 64] })
    #expect(distinct.count == 10)
  }

  @Test("are told from what is there")
  func kinds() throws {
    let images = [TestImage(height: 5, width: 4)]
    let stored = try stored(images, ImageRequest(shape: images[0].shape))
    let idx = try directory.write(idxImages(count: 2, height: 2, width: 2), as: "idx")
    for (path, kind) in [
      (directory.file("folder"), "folder"), (directory.file("lmdb"), "lmdb"),
      (directory.file("lmdb/data.mdb"), "lmdb"), (directory.file("pack"), "pack"), (idx, "idx"),
    ] {
      #expect(try StoredImages(at: path).kind == kind)
    }
    #expect(stored.map(\.kind) == ["folder", "lmdb", "pack"])
    #expect(throws: DatasetError.self) { try StoredImages(at: directory.file("missing")) }
  }

  @Test("say what they hold")
  func summaries() throws {
    let images = [TestImage(height: 5, width: 4), TestImage(height: 9, width: 2)]
    let summaries = try stored(images, ImageRequest(shape: images[0].shape)).map {
      try $0.summary()
    }
    #expect(summaries.map(\.count) == [2, 2, 2])
    #expect(summaries.map(\.shape) == Array(repeating: images[0].shape, count: 3))
    #expect(summaries.map(\.isOfOneShape) == [false, false, true])
    #expect(summaries.map(\.verifiedImages) == [nil, nil, 2])
  }

  // MARK: Bad images

  /// A folder of ten images of which those with the given numbers are bad.
  private func folder(bad: Set<Int>) throws -> (StoredImages, images: [TestImage]) {
    try directory.makeDirectory("folder")
    let images = (0..<10).map { TestImage(height: 2, width: 2, number: $0) }
    for (number, image) in images.enumerated() {
      let png = try image.png()
      try directory.write(
        bad.contains(number) ? png.dropLast(20) : png[...], as: "folder/\(number).png")
    }
    return (.folder(path: directory.file("folder")), images)
  }

  @Test("are replaced by the next good one where they are bad, and counted once")
  func skipped() throws {
    let (folder, images) = try folder(bad: [0, 3, 4, 9])
    var request = ImageRequest(shape: images[0].shape)
    request.skipsBad = true
    let skips = Mutex<[SkippedImage]>([])
    let source = try folder.openForTraining(request) { skip in skips.withLock { $0.append(skip) } }
    for _ in 0..<2 {
      for (row, good) in [1, 1, 2, 5, 5, 5, 6, 7, 8, 1].enumerated() {
        #expect(try pixels(of: source, row: row) == images[good].values)
      }
    }
    let found = skips.withLock { $0 }
    #expect(found.map(\.number) == [1, 2, 3, 4])
    #expect(
      found.map { $0.description.components(separatedBy: " is a truncated")[0] }
        == [0, 3, 4, 9].enumerated().map { index, number in
          "bad image \(index + 1) was skipped: \(directory.file("folder/\(number).png"))"
        })
  }

  @Test("end the run where they are bad, by name, at once where it is the first")
  func notSkipped() throws {
    let (folder, images) = try folder(bad: [3])
    let request = ImageRequest(shape: images[0].shape)
    let source = try folder.openForTraining(request) { _ in }
    #expect(try pixels(of: source, row: 2) == images[2].values)
    let sentence = errorSentence { () throws(DatasetError) in _ = try pixels(of: source, row: 3) }
    #expect(sentence?.hasPrefix("\(directory.file("folder/3.png")) is a truncated") == true)

    try directory.write([], as: "folder/0.png")
    #expect(throws: DatasetError.badImage(image: directory.file("folder/0.png"), .empty)) {
      try folder.openForTraining(request) { _ in }
    }
  }

  @Test("are refused where none is good")
  func noneGood() throws {
    let (folder, images) = try folder(bad: Set(0..<10))
    var request = ImageRequest(shape: images[0].shape)
    request.skipsBad = true
    let sentence = errorSentence { () throws(DatasetError) in
      _ = try folder.openForTraining(request) { _ in }
    }
    #expect(sentence?.contains("holds no good image among its 10") == true, "\(sentence ?? "")")
  }

  @Test("are replaced in a damaged pack as well")
  func skippedInPack() throws {
    let (folder, images) = try folder(bad: [])
    var request = ImageRequest(shape: images[0].shape)
    _ = try PackWriter(
      folder.open(request), root: "", filter: .lanczos, skipsBad: false,
      output: directory.file("pack")
    ).write { _ in true }
    var bytes = try directory.data("pack")
    bytes[4096 + 12 * 6] ^= 1
    let pack = StoredImages.pack(path: try directory.write(bytes, as: "pack"))
    request.skipsBad = true
    let count = Atomic(0)
    let source = try pack.openForTraining(request) { _ in count.add(1, ordering: .relaxed) }
    #expect(try pixels(of: source, row: 6) == images[7].values)
    #expect(count.load(ordering: .relaxed) == 1)
  }
}
