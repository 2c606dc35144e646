import CZlib
import Foundation

/// The bytes of a file, decompressed where it is gzip and as they are where it is not.
struct GzipFile: ~Copyable {
  let path: String
  /// Bytes of the file on disk.
  let fileSize: Int
  private let stream: gzFile

  /// Throws `unreadable` where the path is not a regular file or cannot be opened.
  init(path: String) throws(DatasetError) {
    let fileSize = try requireRegularFile(at: path)
    guard let stream = gzopen(path, "rb") else {
      throw .unreadable(path: path, reason: lastReason)
    }
    gzbuffer(stream, 1 << 17)
    self.path = path
    self.fileSize = fileSize
    self.stream = stream
  }

  deinit { gzclose(stream) }

  /// Whether the file is gzip; known once something has been read.
  var isCompressed: Bool { gzdirect(stream) == 0 }

  /// The next `count` bytes, or fewer where the file ends before.
  ///
  /// Throws `truncatedGzip` and `corruptGzip`; the check sum is verified when the end is read.
  func read(upTo count: Int) throws(DatasetError) -> [UInt8] {
    var failure: DatasetError?
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      do throws(DatasetError) {
        while filled < count {
          let wanted = UInt32(min(count - filled, 1 << 30))
          let read = gzread(stream, buffer.baseAddress.map { $0 + filled }, wanted)
          try checkStream()
          if read <= 0 { break }
          filled += Int(read)
        }
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return bytes
  }

  private func checkStream() throws(DatasetError) {
    var code: Int32 = Z_OK
    let message = gzerror(stream, &code)
    switch code {
    case Z_OK, Z_STREAM_END: return
    case Z_BUF_ERROR: throw .truncatedGzip(path: path)
    case Z_ERRNO: throw .unreadable(path: path, reason: lastReason)
    default:
      throw .corruptGzip(path: path, reason: zlibReason(message))
    }
  }

  /// zlib's message without the path that it puts in front.
  private func zlibReason(_ message: UnsafePointer<CChar>?) -> String {
    let text = message.map { String(cString: $0) } ?? "zlib gives no reason"
    return text.hasPrefix(path + ": ") ? String(text.dropFirst(path.count + 2)) : text
  }
}
