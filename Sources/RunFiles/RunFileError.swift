import Glibc

/// Why a file of a run cannot be written or read.
package enum RunFileError: Error, Equatable, CustomStringConvertible {
  case directoryNotEmpty(path: String)
  case cannotCreateDirectory(path: String, reason: String)
  /// A file cannot be begun: nothing has been computed in vain yet.
  case cannotCreate(path: String, reason: String)
  case cannotWrite(path: String, reason: String)
  /// libpng refuses an image.
  case cannotEncode(width: Int, height: Int)
  case cannotRead(path: String, reason: String)
  /// The file is no safetensors file that this program can use.
  case malformed(path: String, detail: String)
  /// The file is not as it was written, by its checksum.
  case damaged(path: String, found: String, expected: String)
  case notACheckpoint(path: String, detail: String)
  /// `latest` was asked for, and `directory` holds no numbered run.
  case noRuns(directory: String)
  /// A run has no checkpoint that can be read.
  case noCheckpoint(path: String)
  case pictureTooBig(path: String, width: Int, height: Int, limit: Int)
  /// Another process writes into the directory.
  case directoryInUse(path: String)

  package var description: String {
    switch self {
    case .directoryNotEmpty(let path):
      "\(path): the output directory exists and is not empty; name another one"
    case .cannotCreateDirectory(let path, let reason):
      "\(path): the output directory cannot be used: \(reason)"
    case .cannotCreate(let path, let reason), .cannotWrite(let path, let reason):
      "\(path): cannot be written: \(reason)"
    case .cannotEncode(let width, let height):
      "an image of \(width) × \(height) pixels cannot be written as PNG"
    case .cannotRead(let path, let reason): "\(path): cannot be read: \(reason)"
    case .malformed(let path, let detail): "\(path): not a usable safetensors file: \(detail)"
    case .damaged(let path, let found, let expected):
      "\(path): damaged: its checksum is \(found), and \(expected) was expected"
    case .notACheckpoint(let path, let detail): "\(path): not a checkpoint: \(detail)"
    case .noRuns(let directory): "latest: there is no numbered run in \(directory)"
    case .noCheckpoint(let path):
      "\(path): there is no checkpoint that can be read; expected one in \(path)/checkpoints"
    case .pictureTooBig(let path, let width, let height, let limit):
      "\(path): \(width) × \(height) pixels are more than the \(limit) of one picture; "
        + "expected fewer images, a folder or an .npy file"
    case .directoryInUse(let path): "\(path): another process is writing into this run"
    }
  }

  /// Whether a run is refused before it starts, rather than failing on its way.
  package var isRefusal: Bool {
    switch self {
    case .directoryNotEmpty, .cannotCreateDirectory, .cannotCreate, .cannotRead, .malformed,
      .damaged, .notACheckpoint, .noRuns, .noCheckpoint, .pictureTooBig, .directoryInUse:
      true
    case .cannotWrite, .cannotEncode: false
    }
  }

  /// The same failure where a run is on its way: what it has computed so far was not in vain, but it ends.
  package var whileRunning: RunFileError {
    if case .cannotCreate(let path, let reason) = self {
      .cannotWrite(path: path, reason: reason)
    } else {
      self
    }
  }

  /// The same failure to write, of the file that the user knows.
  func naming(_ path: String) -> RunFileError {
    switch self {
    case .cannotCreate(_, let reason): .cannotCreate(path: path, reason: reason)
    case .cannotWrite(_, let reason): .cannotWrite(path: path, reason: reason)
    default: self
    }
  }

  /// The reason that the C library gives for the last failure.
  package static var lastReason: String { String(cString: strerror(errno)) }
}
