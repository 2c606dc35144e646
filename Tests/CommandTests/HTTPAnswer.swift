import Foundation

/// What a server on 127.0.0.1 answers to one request, byte by byte: no client tidies up the request.
struct HTTPAnswer {
  let code: Int
  /// By their names in lower case.
  let headers: [String: String]
  let body: [UInt8]

  struct NoAnswer: Error {}

  var text: String { String(decoding: body, as: UTF8.self) }

  /// Asks and waits for the answer.
  ///
  /// - Parameters:
  ///   - request: the first line without the version: "GET /".
  ///   - host: nil sends no such header.
  ///   - headers: lines.
  init(
    _ request: String, port: UInt16, host: String? = "127.0.0.1", headers lines: [String] = []
  ) throws {
    let lines =
      ["\(request) HTTP/1.1", "Connection: close"] + (host.map { ["Host: \($0)"] } ?? []) + lines
    let bytes = try Self.exchange(lines.joined(separator: "\r\n") + "\r\n\r\n", port: port)
    let separator = Array("\r\n\r\n".utf8)
    guard
      let end = bytes.indices.first(where: { bytes[$0...].starts(with: separator) })
    else { throw NoAnswer() }
    let head = String(decoding: bytes[..<end], as: UTF8.self).components(separatedBy: "\r\n")
    let status = head[0].split(separator: " ")
    guard status.count > 1, let code = Int(status[1]) else { throw NoAnswer() }
    self.code = code
    headers = Dictionary(
      head.dropFirst().compactMap { line in
        guard let colon = line.firstIndex(of: ":") else { return nil }
        return (
          line[..<colon].lowercased(),
          line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
        )
      }, uniquingKeysWith: { first, _ in first })
    body = Array(bytes[(end + separator.count)...])
  }

  /// Sends a text and reads until the other side closes the connection.
  private static func exchange(_ text: String, port: UInt16) throws -> [UInt8] {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { throw NoAnswer() }
    defer { close(descriptor) }
    var patience = timeval(tv_sec: CommandProcess.patience, tv_usec: 0)
    setsockopt(
      descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    let status = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    let request = Array(text.utf8)
    guard status == 0, send(descriptor, request, request.count, Int32(MSG_NOSIGNAL)) > 0
    else { throw NoAnswer() }
    var (answer, buffer) = ([UInt8](), [UInt8](repeating: 0, count: 1 << 16))
    while true {
      let count = recv(descriptor, &buffer, buffer.count, 0)
      guard count > 0 else { break }
      answer += buffer[..<count]
    }
    return answer
  }
}
