import Glibc
import SwiftProtobuf

/// Writes one event file of a run, which TensorBoard shows while it grows.
///
/// A run is a directory. A resumed run adds a file to it, and TensorBoard reads all of them in the
/// order of their names, thus of their times.
package final class EventFileWriter {
  private let file: RecordFile

  /// Where the file is: `<directory>/events.out.tfevents.<time>.<host>.<process>.<number>`.
  package var path: String { file.path }

  /// Creates the file with its first two records: the format's version, and the session's start.
  ///
  /// - Parameters:
  ///   - directory: created where it does not exist; its parent does.
  ///   - host: this machine's name, of which letters, digits, "-" and "_" are kept.
  ///   - wallTime: now, in seconds since 1970.
  ///   - firstStep: where the run starts, 0, or is resumed. What earlier files of the directory
  ///     have from this step on is no longer shown.
  /// - Throws: `EventFileError`
  package init(
    directory: String, host: String, wallTime: Double, firstStep: Int
  ) throws(EventFileError) {
    if mkdir(directory, 0o755) != 0, errno != EEXIST {
      throw .cannotCreate(path: directory, reason: EventFileError.lastReason)
    }
    let name = Self.fileName(host: host, wallTime: wallTime)
    var number = 0
    while true {
      if let file = try RecordFile.create(path: "\(directory)/\(name).\(number)") {
        self.file = file
        break
      }
      number += 1
    }
    try append(wallTime: wallTime, step: 0, .fileVersion("brain.Event:2"))
    try restart(step: firstStep, wallTime: wallTime)
  }

  /// Writes the values of one step, in one record; it is readable at once.
  ///
  /// - Parameter wallTime: now, in seconds since 1970.
  /// - Throws: `EventFileError.cannotWrite`
  package func append(
    _ values: [SummaryValue], step: Int, wallTime: Double
  ) throws(EventFileError) {
    let summary = Summary.with { $0.value = values.map(\.message) }
    try append(wallTime: wallTime, step: step, .summary(summary))
  }

  /// Says that the run goes on from `step`: what was written of it and of later steps is no longer
  /// shown.
  ///
  /// - Parameter wallTime: now, in seconds since 1970.
  /// - Throws: `EventFileError.cannotWrite`
  package func restart(step: Int, wallTime: Double) throws(EventFileError) {
    let start = SessionLog.with { $0.status = .start }
    try append(wallTime: wallTime, step: step, .sessionLog(start))
  }

  /// Waits until all records are on the disk.
  ///
  /// - Throws: `EventFileError.cannotWrite`
  package func flush() throws(EventFileError) { try file.flush() }

  /// Flushes and closes the file; nothing can be appended afterwards.
  ///
  /// - Throws: `EventFileError.cannotWrite`
  package func close() throws(EventFileError) { try file.close() }

  private func append(
    wallTime: Double, step: Int, _ content: Event.OneOf_What
  ) throws(EventFileError) {
    let event = Event.with {
      $0.wallTime = wallTime
      $0.step = Int64(step)
      $0.what = content
    }
    let data: [UInt8]
    do { data = try event.serializedBytes() } catch {
      throw .cannotWrite(path: path, reason: "\(error)")
    }
    try file.append(data)
  }

  /// A name that sorts by time. TensorBoard takes files whose names hold "tfevents".
  private static func fileName(host: String, wallTime: Double) -> String {
    let seconds = "\(wallTime.isFinite ? UInt64(min(max(wallTime, 0), 9_999_999_999)) : 0)"
    let padding = String(repeating: "0", count: 10 - seconds.count)
    let safeHost = host.prefix(64).map { character in
      character.isASCII && (character.isLetter || character.isNumber || character == "-")
        ? character : "_"
    }
    return "events.out.tfevents.\(padding)\(seconds).\(String(safeHost)).\(getpid())"
  }
}
