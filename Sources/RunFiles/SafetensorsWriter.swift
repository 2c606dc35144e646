import Foundation

/// Writes float32 tensors in the safetensors format: an 8-byte length, a JSON header, and the data.
///
/// The header comes first, but a trace learns of its tensors as it goes: data is spooled beside the
/// file, and the file appears under its name when it is complete.
package final class SafetensorsWriter {
  private struct Entry: Encodable {
    let dtype = "F32"
    let shape: [Int]
    let offsets: [Int]

    private enum CodingKeys: String, CodingKey {
      case dtype, shape
      case offsets = "data_offsets"
    }
  }

  private let path: String
  private let metadata: [String: String]
  private let spool: OutputFile
  private var entries: [String: Entry] = [:]
  private var offset = 0

  /// - Throws: `RunFileError.cannotWrite`
  package init(path: String, metadata: [String: String] = [:]) throws(RunFileError) {
    self.path = path
    self.metadata = metadata
    try OutputFile.requireReplaceable(path)
    do throws(RunFileError) {
      spool = try OutputFile(path: OutputFile.temporaryPath(beside: path), isNew: true)
    } catch { throw error.naming(path) }
  }

  deinit { unlink(spool.path) }

  /// Adds a tensor. Names are distinct.
  package func add(_ name: String, shape: [Int], _ values: [Float]) throws(RunFileError) {
    precondition(shape.reduce(1, *) == values.count && entries[name] == nil, name)
    let end = offset + values.count * MemoryLayout<Float>.stride
    entries[name] = Entry(shape: shape, offsets: [offset, end])
    offset = end
    try values.withUnsafeBytes { bytes in
      Result { () throws(RunFileError) in
        do throws(RunFileError) { try spool.write(bytes) } catch { throw error.naming(path) }
      }
    }.get()
  }

  /// Puts header and data together under the file's name.
  package func finish() throws(RunFileError) {
    do throws(RunFileError) { try spool.flush() } catch { throw error.naming(path) }
    let header = try header()
    try OutputFile.writeAtomically(to: path) { (file) throws(RunFileError) in
      try withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { bytes in
        Result { () throws(RunFileError) in try file.write(bytes) }
      }.get()
      try file.write(header)
      try self.copySpool(to: file)
    }
  }

  /// The JSON header, padded with spaces so that the data is aligned.
  private func header() throws(RunFileError) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do {
      var members = [
        "\"__metadata__\":" + String(decoding: try encoder.encode(metadata), as: UTF8.self)
      ]
      for (name, entry) in entries.sorted(by: {
        $0.value.offsets[0] < $1.value.offsets[0]
      }) {
        let key = String(decoding: try encoder.encode(name), as: UTF8.self)
        members.append(key + ":" + String(decoding: try encoder.encode(entry), as: UTF8.self))
      }
      let text = "{" + members.joined(separator: ",") + "}"
      return text + String(repeating: " ", count: (8 - text.utf8.count % 8) % 8)
    } catch {
      throw .cannotWrite(path: path, reason: "\(error)")
    }
  }

  private func copySpool(to file: OutputFile) throws(RunFileError) {
    let chunk = 1 << 20
    guard let source = FileHandle(forReadingAtPath: spool.path) else {
      throw .cannotRead(path: spool.path, reason: RunFileError.lastReason)
    }
    while true {
      let data: Data
      do { data = try source.read(upToCount: chunk) ?? Data() } catch {
        throw .cannotRead(path: spool.path, reason: "\(error)")
      }
      if data.isEmpty { return }
      try data.withUnsafeBytes { bytes in
        Result { () throws(RunFileError) in try file.write(bytes) }
      }.get()
    }
  }
}
