import Datasets
import Foundation
import TestSupport
import Testing

/// liblmdb writes what is read here.
@Suite("An LMDB")
struct LMDBImagesTests {
  /// Records in an order that is not their keys', with values on leaves and on pages of their own.
  private static func records(_ count: Int) -> [(key: String, value: [UInt8])] {
    var numbers = SeededNumbers(seed: count)
    return (0..<count).map { index in
      let size = Int.random(in: 0..<(index % 5 == 0 ? 20_000 : 1500), using: &numbers)
      let key = String(UInt64.random(in: 0...(.max), using: &numbers), radix: 16)
      return (key + "-\(index)", (0..<size).map { UInt8(truncatingIfNeeded: $0 * 31 + index) })
    }
  }

  private func value(_ images: LMDBImages, _ row: Int) throws -> [UInt8] {
    try images.withBytes(ofRow: row) { Array($0) }
  }

  /// 1 record is a tree of one level; 5000 make one of three.
  @Test("gives its values in the order of their keys", arguments: [1, 7, 300, 5000])
  func values(count: Int) throws {
    let directory = try ScratchDirectory()
    let records = Self.records(count)
    let path = try directory.writeLMDB(records, as: "a")
    let images = try LMDBImages(path: path)
    let sorted = records.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
    #expect(images.count == count)
    for (row, record) in sorted.enumerated() {
      #expect(try value(images, row) == record.value)
      #expect(images.name(ofRow: row) == "\(path)/data.mdb, key \(record.key)")
    }
    let file = try LMDBImages(path: path + "/data.mdb", fraction: 0.5)
    #expect(file.count == max(1, count / 2))
    #expect(try value(file, file.count - 1) == sorted[file.count - 1].value)
  }

  @Test("is read as its last transaction left it")
  func transactions() throws {
    let directory = try ScratchDirectory()
    _ = try directory.writeLMDB([("a", [1]), ("b", [2])], as: "a")
    _ = try directory.writeLMDB([("b", [3]), ("c", [4])], as: "a")
    let path = try directory.writeLMDB([("d", [5])], as: "a")
    let images = try LMDBImages(path: path)
    #expect(try (0..<images.count).map { try value(images, $0) } == [[1], [3], [4], [5]])
  }

  @Test("that is empty, foreign or cut off is refused in one sentence")
  func badFiles() throws {
    let directory = try ScratchDirectory()
    _ = try directory.writeLMDB(Self.records(300), as: "a")
    let whole = Array(try directory.data("a/data.mdb"))
    func refusal(_ bytes: some Sequence<UInt8>) throws -> String? {
      let file = try directory.write(bytes, as: "bad.mdb")
      let found = errorSentence { () throws(DatasetError) in _ = try LMDBImages(path: file) }
      return found.map { $0.replacing(file + " ", with: "", maxReplacements: 1) }
    }
    func changed(_ offset: Int, to bytes: [UInt8]) -> [UInt8] {
      var file = whole
      file.replaceSubrange(offset..<offset + bytes.count, with: bytes)
      return file
    }
    #expect(try refusal(whole) == nil)
    let short = "expected an LMDB file, which has two pages at least"
    #expect(try refusal([]) == "ends after 0 bytes, \(short)")
    #expect(try refusal(whole.prefix(100)) == "ends after 100 bytes, \(short)")
    #expect(try refusal(whole.prefix(4096)) == "ends after 4096 bytes, \(short)")
    for size in [8192, whole.count / 2, whole.count - 1] {
      #expect(
        try refusal(whole.prefix(size))
          == "is cut off: it ends after \(size) bytes, expected \(whole.count)")
    }
    let foreign = "is no LMDB file: its pages 0 and 1 are not LMDB's meta pages"
    #expect(try refusal(GoldenImages.bytes("large.webp")) == foreign)
    #expect(try refusal(changed(4096, to: [UInt8](repeating: 0, count: 4096))) == foreign)
    #expect(
      try refusal(changed(20, to: [2])) == "is of version 2 of LMDB's format, expected 1")
    #expect(
      try refusal(changed(40, to: [1, 16]))
        == "says that its pages have 4097 bytes, expected a power of two from 256 to 65536")
    // The last page's number, in both meta pages.
    var endless = changed(136, to: [UInt8](repeating: 0xFF, count: 8))
    endless.replaceSubrange(4096 + 136..<4096 + 144, with: [UInt8](repeating: 0xFF, count: 8))
    let sentence = try #require(try refusal(endless))
    #expect(sentence.hasPrefix("is cut off: it ends after \(whole.count) bytes, expected "))
  }

  @Test("without records, or that is not there, is refused")
  func nothing() throws {
    func refusal(_ path: String) -> String? {
      errorSentence { () throws(DatasetError) in _ = try LMDBImages(path: path) }
    }
    let directory = try ScratchDirectory()
    let empty = try directory.writeLMDB([], as: "empty") + "/data.mdb"
    #expect(refusal(empty) == "\(empty) holds no records, expected images")
    let missing = directory.file("missing.mdb")
    #expect(refusal(missing) == "\(missing) cannot be read: No such file or directory")
  }

  /// Also in the heads of pages, on which a reader that trusts them would end.
  @Test("with any bit changed gives records or an error, never a trap")
  func hostile() throws {
    let directory = try ScratchDirectory()
    _ = try directory.writeLMDB(Self.records(300), as: "a")
    let whole = Array(try directory.data("a/data.mdb"))
    let pages = whole.count / 4096
    var numbers = SeededNumbers(seed: 3)
    var refused = 0
    for round in 0..<600 {
      var file = whole
      let page = Int.random(in: 0..<pages, using: &numbers)
      let offset = Int.random(in: 0..<(round % 2 == 0 ? 64 : 4096), using: &numbers)
      file[page * 4096 + offset] ^= 1 << UInt8.random(in: 0..<8, using: &numbers)
      let path = try directory.write(file, as: "bad.mdb")
      guard let images = try? LMDBImages(path: path) else {
        refused += 1
        continue
      }
      var sum = 0
      for row in 0..<images.count {
        // Every page of it is touched.
        sum += try images.withBytes(ofRow: row) { bytes in
          stride(from: 0, to: bytes.count, by: 512).reduce(0) { $0 + Int(bytes[$1]) }
        }
      }
      #expect(sum > 0)
    }
    #expect(refused > 20)
  }

  @Test("whose values are no images names the key")
  func notImages() throws {
    let directory = try ScratchDirectory()
    let path = try directory.writeLMDB([("first key", Array("text".utf8))], as: "a")
    let images = try DecodedImages(
      LMDBImages(path: path), shape: ImageShape(height: 2, width: 2, channels: 3),
      filter: .lanczos)
    #expect(
      errorSentence { () throws(DatasetError) in _ = try levels(of: images, row: 0) }
        == "\(path)/data.mdb, key first key starts with the bytes 74 65 78 74, "
        + "expected a PNG, JPEG or WebP image")
  }
}
