import Foundation
import TestSupport
import Testing

/// `selfgan watch`, over HTTP.
@Suite struct WatchCommandTests {
  private let scratch: ScratchDirectory

  init() throws { scratch = try ScratchDirectory() }

  /// Starts it on a free port, calls `body` with that, and ends it by a signal.
  private func watching(
    until signal: Int32 = SIGTERM, _ body: (UInt16) throws -> Void
  ) throws {
    let process = try CommandProcess(["watch", "run", "--port", "0"], in: scratch)
    var hasEnded = false
    defer { if !hasEnded { process.send(SIGKILL) } }
    process.wait { process.output.hasSuffix("/\n") }
    let address = try #require(
      process.output.wholeMatch(of: /http:\/\/127\.0\.0\.1:(\d+)\/\n/), "\(process.errors)")
    try body(try #require(UInt16(address.1)))
    process.send(signal)
    let outcome = try process.outcome()
    hasEnded = true
    #expect(outcome.code == 128 + signal, "\(outcome.errors)")
  }

  @Test func thePageIsServedWithItsHeaders() throws {
    try WrittenRun.make("run", in: scratch, steps: 2)
    try watching { port in
      let page = try HTTPAnswer("GET /", port: port)
      #expect(page.code == 200)
      #expect(page.text.hasPrefix("<!doctype html>"))
      #expect(page.text.contains("connect-src 'self'"))
      #expect(page.headers["content-type"] == "text/html; charset=utf-8")
      #expect(page.headers["cache-control"] == "no-store")
      #expect(page.headers["x-content-type-options"] == "nosniff")
      #expect(page.headers["x-frame-options"] == "DENY")

      let document = try HTTPAnswer("GET /report.json", port: port)
      let head = try HTTPAnswer("HEAD /report.json", port: port)
      #expect(head.code == 200)
      #expect(head.body.isEmpty)
      #expect(head.headers["content-length"] == "\(document.body.count)")

      let picture = try HTTPAnswer("GET /samples/step-000001.png", port: port)
      #expect(picture.code == 200)
      #expect(picture.headers["content-type"] == "image/png")
      #expect(picture.body == WrittenRun.picture)
    }
  }

  @Test func aNewerDocumentIsGivenOnlyWhereThereIsOne() throws {
    try WrittenRun.make("run", in: scratch, steps: 2)
    try watching { port in
      let first = try HTTPAnswer("GET /report.json", port: port)
      #expect(first.code == 200)
      #expect(first.headers["content-type"] == "application/json")
      let tag = try #require(first.headers["etag"])
      let condition = ["If-None-Match: \(tag)"]
      let again = try HTTPAnswer("GET /report.json", port: port, headers: condition)
      #expect(again.code == 304)
      #expect(again.body.isEmpty)

      try WrittenRun.log("run", in: scratch, steps: 5)
      var newer = again
      for _ in 0..<2000 where newer.code == 304 {
        newer = try HTTPAnswer("GET /report.json", port: port, headers: condition)
        usleep(5000)
      }
      #expect(newer.code == 200)
      #expect(newer.headers["etag"] != tag)
      #expect(newer.text.contains(#""lastStep":5"#))
    }
  }

  @Test func namesThatAreNotOfThisMachineAreRefused() throws {
    try WrittenRun.make("run", in: scratch, steps: 2)
    try watching { port in
      for host in [nil, "", "example.org", "127.0.0.1.example.org:\(port)", "[::2]", "localhost."] {
        let code = try HTTPAnswer("GET /", port: port, host: host).code
        #expect(code == 403, "\(host ?? "none")")
      }
      for host in ["127.0.0.1:\(port)", "localhost", "LOCALHOST:\(port)", "[::1]:\(port)"] {
        let code = try HTTPAnswer("GET /", port: port, host: host).code
        #expect(code == 200, "\(host)")
      }
    }
  }

  @Test func nothingElseIsServed() throws {
    try WrittenRun.make("run", in: scratch, steps: 2)
    try scratch.write(WrittenRun.picture, as: "secret.png")
    try watching { port in
      for path in [
        "/config.yaml", "/samples/../config.yaml", "/../secret.png", "/samples/../../secret.png",
        "/samples/%2e%2e/%2e%2e/secret.png", "//etc/passwd", "/samples/",
        "/samples/step-000002.png",
        "/reals.png", "/samples/step-000001.png%00",
      ] {
        let code = try HTTPAnswer("GET \(path)", port: port).code
        #expect(code == 404, "\(path)")
      }
      for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let code = try HTTPAnswer("\(method) /", port: port).code
        #expect(code == 405, "\(method)")
      }
    }
  }

  @Test func aRunThatIsNotThereIsWaitedFor() throws {
    try watching(until: SIGINT) { port in
      let first = try HTTPAnswer("GET /", port: port).text
      #expect(first.contains("this page waits for the run"))
      try WrittenRun.make("run", in: scratch, steps: 2)
      var text = ""
      for _ in 0..<2000 where !text.contains(#""lastStep":2"#) {
        text = try HTTPAnswer("GET /report.json", port: port).text
        usleep(5000)
      }
      #expect(text.contains(#""lastStep":2"#))
    }
  }

  @Test func aPortThatIsTakenIsRefused() throws {
    try watching { port in
      expectSentence(
        try CommandProcess.run(["watch", "run", "--port", "\(port)"], in: scratch), code: 65,
        naming: ["--port", "\(port)"])
    }
  }
}
