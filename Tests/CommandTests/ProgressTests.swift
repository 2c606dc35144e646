import Foundation
import TestSupport
import Testing

/// What `train` says on its way.
@Suite struct ProgressTests {
  private static let arguments =
    ["train", Configurations.gan, "--steps", "30", "--output", "run"] + Configurations.small

  @Test func quietSaysNothing() throws {
    let scratch = try ScratchDirectory()
    let outcome = try CommandProcess.run(Self.arguments + ["--quiet"], in: scratch)
    #expect(outcome.code == 0)
    #expect(outcome.errors == "")
    #expect(outcome.output == "")
  }

  @Test func linesArePlainWhereThereIsNoTerminal() throws {
    let scratch = try ScratchDirectory()
    let outcome = try CommandProcess.run(Self.arguments, in: scratch)
    #expect(outcome.code == 0)
    #expect(outcome.output == "")
    #expect(outcome.errors.utf8.allSatisfy { $0 == 0x0A || $0 >= 0x20 })
    #expect(outcome.errors.contains("selfgan: data: "))
    #expect(outcome.errors.contains("selfgan: run directory: run\n"))
    let last = outcome.errors.split(separator: "\n").last { $0.hasPrefix("step ") } ?? ""
    for part in ["step 30/30", "steps/s", "self ", "ETA ", "MiB"] { #expect(last.contains(part)) }
  }

  @Test func theLineIsWrittenOverOnATerminal() throws {
    let scratch = try ScratchDirectory()
    let terminal = try PseudoTerminal()
    let process = try CommandProcess(Self.arguments, in: scratch, terminal: terminal.device)
    let outcome = try process.outcome()
    #expect(outcome.code == 0)
    let text = terminal.text()
    // Carriage return, "erase in line": the line before goes.
    #expect(text.contains("\r\u{1B}[2Kstep 30/30"))
    // All of them share one line.
    #expect(text.components(separatedBy: "\r\n").filter { $0.contains("steps/s") }.count == 1)
  }
}

/// A terminal that nobody sits at.
private final class PseudoTerminal {
  struct Unavailable: Error { let reason: String }

  /// The side that a program writes to.
  let device: FileHandle
  private let controller: Int32

  init() throws {
    // What unlockpt and ptsname do; Swift's import of the C library lacks them.
    let (unlock, getNumber): (UInt, UInt) = (0x4004_5431, 0x8004_5430)
    var isLocked: Int32 = 0
    var number: Int32 = 0
    controller = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
    guard controller >= 0, ioctl(controller, unlock, &isLocked) == 0,
      ioctl(controller, getNumber, &number) == 0
    else { throw Unavailable(reason: String(cString: strerror(errno))) }
    let descriptor = open("/dev/pts/\(number)", O_RDWR | O_NOCTTY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Unavailable(reason: String(cString: strerror(errno))) }
    device = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
  }

  deinit { close(controller) }

  /// What has been written; a run's few lines fit into the terminal's buffer.
  func text() -> String {
    _ = fcntl(controller, F_SETFL, O_NONBLOCK)
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = read(controller, &chunk, chunk.count)
      if count <= 0 { return String(decoding: bytes, as: UTF8.self) }
      bytes += chunk.prefix(count)
    }
  }
}
