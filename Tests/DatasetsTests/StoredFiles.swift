import CLMDB
import CPNG
import Datasets
import Foundation
import TestSupport
import Testing

/// An image in memory, with which files are made.
struct TestImage {
  let shape: ImageShape
  let levels: [UInt8]

  /// Levels that tell images and pixels apart.
  init(height: Int, width: Int, channels: Int = 3, number: Int = 0) {
    shape = ImageShape(height: height, width: width, channels: channels)
    var numbers = SeededNumbers(seed: number)
    levels = (0..<shape.elementCount).map { _ in UInt8(truncatingIfNeeded: numbers.next()) }
  }

  /// As libpng writes it.
  func png() throws -> [UInt8] {
    var image = png_image()
    image.version = UInt32(PNG_IMAGE_VERSION)
    image.height = UInt32(shape.height)
    image.width = UInt32(shape.width)
    image.format = shape.channels == 3 ? UInt32(PNG_FORMAT_RGB) : UInt32(PNG_FORMAT_GRAY)
    defer { png_image_free(&image) }
    var size = 0
    try #require(png_image_write_to_memory(&image, nil, &size, 0, levels, 0, nil) != 0)
    var bytes = [UInt8](repeating: 0, count: size)
    try #require(png_image_write_to_memory(&image, &bytes, &size, 0, levels, 0, nil) != 0)
    return Array(bytes.prefix(size))
  }

  /// x/127.5 − 1.
  var values: [Float] { levels.map { Float($0) / 127.5 - 1 } }
}

extension ScratchDirectory {
  func makeDirectory(_ name: String) throws {
    try FileManager.default.createDirectory(
      atPath: file(name), withIntermediateDirectories: true)
  }

  /// Writes an LMDB by liblmdb, and returns its directory.
  func writeLMDB(_ records: [(key: String, value: [UInt8])], as name: String) throws -> String {
    try makeDirectory(name)
    var environment: OpaquePointer?
    try #require(mdb_env_create(&environment) == 0)
    defer { mdb_env_close(environment) }
    try #require(mdb_env_set_mapsize(environment, 1 << 28) == 0)
    try #require(mdb_env_open(environment, file(name), 0, 0o600) == 0)
    var transaction: OpaquePointer?
    try #require(mdb_txn_begin(environment, nil, 0, &transaction) == 0)
    var database: MDB_dbi = 0
    try #require(mdb_dbi_open(transaction, nil, 0, &database) == 0)
    for record in records {
      var (key, value) = (Array(record.key.utf8), record.value)
      let result = key.withUnsafeMutableBytes { keyBytes in
        value.withUnsafeMutableBytes { valueBytes in
          var key = MDB_val(mv_size: keyBytes.count, mv_data: keyBytes.baseAddress)
          var value = MDB_val(mv_size: valueBytes.count, mv_data: valueBytes.baseAddress)
          return mdb_put(transaction, database, &key, &value, 0)
        }
      }
      try #require(result == 0)
    }
    try #require(mdb_txn_commit(transaction) == 0)
    return file(name)
  }
}

/// An image's levels, with one behind it that must stay.
func levels(of source: some LevelSource, row: Int) throws(DatasetError) -> [UInt8] {
  let length = source.shape.elementCount
  let buffer = UnsafeMutablePointer<UInt8>.allocate(capacity: length + 1)
  defer { buffer.deallocate() }
  buffer[length] = 77
  try source.readLevels(row: row, into: buffer)
  #expect(buffer[length] == 77)
  return (0..<length).map { buffer[$0] }
}

/// The sentence of the error that `body` throws; nil where it throws none.
func errorSentence(_ body: () throws(DatasetError) -> Void) -> String? {
  do throws(DatasetError) {
    try body()
    return nil
  } catch {
    return error.description
  }
}
