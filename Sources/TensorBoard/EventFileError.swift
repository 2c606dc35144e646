import Glibc

/// Why an event file cannot be written.
package enum EventFileError: Error, Equatable, CustomStringConvertible {
  /// The directory or the file cannot be made: nothing has been computed in vain yet.
  case cannotCreate(path: String, reason: String)
  /// A record of a file that was begun, or its end.
  case cannotWrite(path: String, reason: String)

  /// One sentence for people, with the path first.
  package var description: String {
    switch self {
    case .cannotCreate(let path, let reason): "\(path): cannot be created: \(reason)"
    case .cannotWrite(let path, let reason): "\(path): cannot be written: \(reason)"
    }
  }

  /// The reason that the C library gives for the last failure.
  static var lastReason: String { String(cString: strerror(errno)) }
}
