import ArgumentParser
import Datasets
import Foundation
import Training

struct DataPack: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pack",
    abstract: "Decodes and resizes images once, and packs them into one file to train on.",
    discussion: """
      An interrupted command is resumed by running it again. The output appears when it is complete.
      """)

  @Argument(help: "A directory of PNG, JPEG and WebP files, an LMDB, an IDX file or a pack.")
  var source: String

  @Option(help: "Height and width of the packed images, in pixels.")
  var size: Int

  @Option(help: "The file to write.")
  var output: String

  @Option(help: "1 for grey, 3 for RGB (default: 1 for IDX, 3 for other images).")
  var channels: Int?

  @Option(help: "The filter that resizes: lanczos or bilinear.")
  var resize = ResamplingFilter.lanczos

  @Option(help: "How much of the images is packed, from the first on: above 0, at most 1.")
  var fraction = 1.0

  @Flag(help: "Leave bad images out, rather than ending with the first one.")
  var skipBroken = false

  @Flag(help: "No progress on standard error.")
  var quiet = false

  func run() throws {
    try Failure.reporting {
      let interruption = Interruption()
      let stored = try StoredImages(at: source)
      let images = try stored.open(try request(stored))
      let writer = PackWriter(
        images, root: source, filter: resize, skipsBad: skipBroken, output: output)
      let progress = try write(writer, interruption)
      guard progress.isComplete else {
        Failure.complain(
          "stopped after \(progress.rows) of \(progress.totalRows) images; "
            + "the same command goes on from there")
        throw ExitCode(interruption.signal == 0 ? Failure.run : 128 + interruption.signal)
      }
      say("\(output): \(progress.images) images of \(images.shape)\(skipped(progress))")
    }
  }

  /// Throws `ImpossibleOption`.
  private func request(_ stored: StoredImages) throws -> ImageRequest {
    try Failure.requireOption("--size", size, (1...4096).contains(size), expected: "1 to 4096")
    try Failure.requireOption(
      "--fraction", fraction, fraction > 0 && fraction <= 1, expected: "above 0, at most 1")
    let channels = channels ?? (stored.kind == "idx" ? 1 : 3)
    try Failure.requireOption(
      "--channels", channels, [1, 3].contains(channels), expected: "1 or 3")
    var request = ImageRequest(
      shape: ImageShape(height: size, width: size, channels: channels))
    request.filter = resize
    request.fraction = fraction
    request.skipsBad = skipBroken
    return request
  }

  private func write(_ writer: PackWriter, _ interruption: Interruption) throws -> PackProgress {
    let line = ProgressLine()
    let start = ContinuousClock.now
    var isFirst = true
    defer { line.finish() }
    return try writer.write { progress in
      if isFirst, progress.startedAnew {
        say("the unfinished file of another source or other options is begun anew")
      }
      if isFirst, progress.resumedRows > 0 {
        say("going on after \(progress.resumedRows) images")
      }
      isFirst = false
      if !quiet {
        line.show(
          Self.text(progress, seconds: (ContinuousClock.now - start).seconds),
          isLast: progress.isComplete)
      }
      return interruption.signal == 0
    }
  }

  private static func text(_ progress: PackProgress, seconds: Double) -> String {
    let rate = Double(progress.rows - progress.resumedRows) / max(seconds, 1e-9)
    let left = Double(progress.totalRows - progress.rows) / max(rate, 1e-9)
    return "packed \(progress.rows)/\(progress.totalRows)  "
      + String(format: "%.0f images/s  ETA ", rate) + ProgressLine.duration(left)
  }

  private func skipped(_ progress: PackProgress) -> String {
    guard progress.skipped > 0 else { return "" }
    let last = progress.lastSkipped.map { "; the last: \($0)" } ?? ""
    return "; \(progress.skipped) bad ones were left out\(last)"
  }

  private func say(_ sentence: String) {
    if !quiet { Failure.complain(sentence) }
  }
}

extension ResamplingFilter: ExpressibleByArgument {}
