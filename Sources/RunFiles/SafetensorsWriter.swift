import Foundation

/// Writes tensors in the safetensors format: an 8-byte length, a JSON header, and the data.
///
/// The header comes first, but a trace learns of its tensors as it goes: data is spooled beside the
/// file, and the file appears under its name when it is complete.
package final class SafetensorsWriter {
  private let path: String
  private let spool: OutputFile
  private var header: SafetensorsHeader

  /// - Throws: `RunFileError.cannotWrite`
  package init(path: String, metadata: [String: String] = [:]) throws(RunFileError) {
    self.path = path
    header = SafetensorsHeader(metadata: metadata)
    try OutputFile.requireReplaceable(path)
    do throws(RunFileError) {
      spool = try OutputFile(path: OutputFile.temporaryPath(beside: path), isNew: true)
    } catch { throw error.naming(path) }
  }

  deinit { unlink(spool.path) }

  /// Adds a tensor. Names are distinct.
  package func add(_ name: String, shape: [Int], _ values: [Float]) throws(RunFileError) {
    header.add(name, shape: shape, count: values.count)
    do throws(RunFileError) { try spool.write(values) } catch { throw error.naming(path) }
  }

  /// Adds an integer, a tensor of shape []. Integers come before all others: readers that map the file want each
  /// number at a multiple of its size.
  package func add(_ name: String, _ integer: Int64) throws(RunFileError) {
    header.add(name, shape: [], count: 1, type: .int64)
    do throws(RunFileError) { try spool.write([integer]) } catch { throw error.naming(path) }
  }

  /// Puts header and data together under the file's name.
  package func finish() throws(RunFileError) {
    do throws(RunFileError) { try spool.flush() } catch { throw error.naming(path) }
    let header = try header.encoded(for: path)
    try OutputFile.writeAtomically(to: path) { (file) throws(RunFileError) in
      try file.write(header)
      try self.copySpool(to: file)
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
      try file.write(Array(data))
    }
  }
}
