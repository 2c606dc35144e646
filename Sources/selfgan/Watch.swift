import ArgumentParser
import Foundation
import RunReport

struct Watch: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Shows a run in the browser while it goes on.",
    discussion: """
      The page is served to this machine alone. The run may begin later, and may be removed: the page \
      says so, and goes on when it is there.
      """)

  @Argument(
    help: ArgumentHelp(
      "The run directory; latest is the highest numbered one in runs.", valueName: "run"))
  var directory: String

  @Option(help: "The port on 127.0.0.1; 0 takes one that is free.")
  var port: UInt16 = 8765

  @Option(help: "The page's title (default: the name of the run).")
  var title: String?

  func run() throws {
    let interruption = Interruption()
    try Failure.reporting {
      let server = WatchServer(LiveReport(path: directory, title: title), port: port)
      server.start { address in
        print(address)
        // Whoever reads this through a pipe waits for it.
        fflush(nil)
      }
      while interruption.signal == 0, try !server.hasEnded(within: .milliseconds(100)) {}
      throw ExitCode(128 + interruption.signal)
    }
  }
}
