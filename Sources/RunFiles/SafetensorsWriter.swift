import Foundation

/// Writes tensors in the safetensors format: an 8-byte length, a JSON header, and the data.
///
/// The header comes first, but a trace learns of its tensors as it goes: data is spooled beside the
/// file, and the file appears under its name when it is complete.
package final class SafetensorsWriter {
  private let path: String
  private let spool: PendingFile
  private var header: SafetensorsHeader

  /// - Throws: `RunFileError.cannotCreate`
  package init(path: String, metadata: [String: String] = [:]) throws(RunFileError) {
    self.path = path
    header = SafetensorsHeader(metadata: metadata)
    spool = try PendingFile(path: path)
  }

  /// Adds a tensor. Names are distinct.
  package func add(_ name: String, shape: [Int], _ values: [Float]) throws(RunFileError) {
    header.add(name, shape: shape, count: values.count)
    try spool.write { (file) throws(RunFileError) in try file.write(values) }
  }

  /// Adds an integer, a tensor of shape []. Integers come before all others: readers that map the file want each
  /// number at a multiple of its size.
  package func add(_ name: String, _ integer: Int64) throws(RunFileError) {
    header.add(name, shape: [], count: 1, type: .int64)
    try spool.write { (file) throws(RunFileError) in try file.write([integer]) }
  }

  /// Puts header and data together under the file's name.
  package func finish() throws(RunFileError) {
    try spool.write { (file) throws(RunFileError) in try file.flush() }
    let header = try header.encoded(for: path)
    try OutputFile.writeAtomically(to: path) { (file) throws(RunFileError) in
      try file.write(header)
      try self.copySpool(to: file)
    }
  }

  private func copySpool(to file: OutputFile) throws(RunFileError) {
    let chunk = 1 << 20
    guard let source = FileHandle(forReadingAtPath: spool.temporaryPath) else {
      throw .cannotRead(path: spool.temporaryPath, reason: RunFileError.lastReason)
    }
    while true {
      let data: Data
      do { data = try source.read(upToCount: chunk) ?? Data() } catch {
        throw .cannotRead(path: spool.temporaryPath, reason: "\(error)")
      }
      if data.isEmpty { return }
      try file.write(Array(data))
    }
  }
}
