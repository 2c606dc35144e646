import Dispatch
import FlyingFox
import FlyingSocks
import Foundation
import Report
import RunReport
import Synchronization

/// Serves the page of a live report, and what it asks for, to this machine: on 127.0.0.1, to requests
/// that name it by an address of its own (other names come from pages that have pointed theirs here).
final class WatchServer: HTTPHandler {
  private let report: LiveReport
  private let port: UInt16
  private let failure = Mutex<(any Error)?>(nil)
  private let ended = DispatchSemaphore(value: 0)

  /// Why the server cannot go on.
  private struct Stopped: Error, CustomStringConvertible {
    let reason: String
    var description: String { "the server has stopped: \(reason)" }
  }

  /// - Parameter port: 0 takes one that is free.
  init(_ report: LiveReport, port: UInt16) {
    (self.report, self.port) = (report, port)
  }

  /// Begins to serve, in the background and as long as the process lives.
  ///
  /// - Parameter onListening: is told the page's address as soon as it can be asked for.
  func start(onListening: @escaping @Sendable (String) -> Void) {
    Task {
      do { try await serve(onListening) } catch {
        failure.withLock { $0 = error }
        ended.signal()
      }
    }
  }

  /// Waits for so long, or until the server has failed.
  ///
  /// - Throws: why it has failed: `Failure.ImpossibleOption` where the port cannot be had.
  func hasEnded(within duration: DispatchTimeInterval) throws -> Bool {
    if ended.wait(timeout: .now() + duration) == .timedOut { return false }
    if let error = failure.withLock({ $0 }) { throw error }
    return true
  }

  private func serve(_ onListening: @escaping @Sendable (String) -> Void) async throws {
    do {
      let server = HTTPServer(
        address: try .inet(ip4: "127.0.0.1", port: port), timeout: 60, logger: .disabled,
        handler: self)
      try await withThrowingTaskGroup { group in
        group.addTask { try await server.run() }
        group.addTask {
          try await server.waitUntilListening()
          guard case .ip4(let address, let port) = await server.listeningAddress else { return }
          onListening("http://\(address):\(port)/")
        }
        try await group.waitForAll()
      }
    } catch SocketError.failed(_, let number, let message)
      where [EADDRINUSE, EACCES].contains(number)
    {
      throw Failure.ImpossibleOption(
        option: "--port", value: "\(port)",
        expected: "a port of 127.0.0.1 that can be had (\(message)); 0 takes one that is free")
    } catch {
      throw Stopped(reason: error.localizedDescription)
    }
  }

  // MARK: Answers

  /// Pages of other origins must neither read nor frame what is served here, nor keep it.
  private static let headers: [HTTPHeader: String] = [
    .cacheControl: "no-store", .init("X-Content-Type-Options"): "nosniff",
    .init("X-Frame-Options"): "DENY", .init("Referrer-Policy"): "no-referrer",
    .init("Cross-Origin-Resource-Policy"): "same-origin",
  ]

  func handleRequest(_ request: HTTPRequest) async -> HTTPResponse {
    let answer = await answer(to: request)
    var headers = HTTPHeaders(Self.headers.merging(answer.headers) { $1 })
    let hasBody = request.method != .HEAD && answer.code != .notModified
    headers[.contentLength] = "\(answer.body.count)"
    return HTTPResponse(
      statusCode: answer.code, headers: headers, body: hasBody ? Data(answer.body) : Data())
  }

  private struct Answer {
    var code = HTTPStatusCode.ok
    var headers: [HTTPHeader: String]
    var body: [UInt8]

    init(_ type: String, _ body: [UInt8]) {
      (headers, self.body) = ([.contentType: type], body)
    }

    /// A sentence instead of what was asked for.
    init(_ code: HTTPStatusCode, _ sentence: String) {
      self.init("text/plain; charset=utf-8", Array("\(sentence)\n".utf8))
      self.code = code
    }
  }

  private func answer(to request: HTTPRequest) async -> Answer {
    guard Self.isOwn(host: request.headers[.host]) else {
      return Answer(.forbidden, "this server answers to 127.0.0.1 and localhost only")
    }
    guard [.GET, .HEAD].contains(request.method) else {
      var answer = Answer(.methodNotAllowed, "only GET and HEAD are possible")
      answer.headers[.init("Allow")] = "GET, HEAD"
      return answer
    }
    do {
      switch request.path {
      case "/":
        let page = ReportPage.html(document: try await report.version().json, isLive: true)
        return Answer("text/html; charset=utf-8", page)
      case "/report.json":
        return Self.answer(try await report.version(), knownTag: request.headers[.ifNoneMatch])
      default:
        guard let image = await report.image(String(request.path.dropFirst())) else {
          return Answer(.notFound, "there is no such file")
        }
        return Answer("image/png", image)
      }
    } catch {
      return Answer(.internalServerError, "the report cannot be written: \(error)")
    }
  }

  private static func answer(_ version: LiveReport.Version, knownTag: String?) -> Answer {
    var answer = Answer("application/json", version.json)
    answer.headers[.eTag] = version.tag
    let known = (knownTag ?? "").split(separator: ",").map { $0.drop { $0 == " " } }
    if known.contains(version.tag[...]) { answer.code = .notModified }
    return answer
  }

  private static func isOwn(host: String?) -> Bool {
    guard let host else { return false }
    let name =
      host.hasPrefix("[") ? host.prefix { $0 != "]" } + "]" : host.prefix { $0 != ":" }
    return ["127.0.0.1", "localhost", "[::1]"].contains(name.lowercased())
  }
}
