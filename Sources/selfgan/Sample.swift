import ArgumentParser
import Foundation
import RunFiles
import Training

struct Sample: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Draws images with the generator of a checkpoint.",
    discussion: """
      Image i of a seed is the same whatever is drawn beside it; the first 25 of the run's seed are those \
      of the run's own grids.
      """)

  @Argument(
    help: """
      A checkpoint, a run's directory (its newest checkpoint; latest is the highest numbered run), or \
      its weights.safetensors.
      """)
  var checkpoint: String

  @Option(help: "How many images (default: 64).")
  var count: Int?

  @Option(help: "Draw the images with these numbers: 3,7,10-20.")
  var images: ImageNumbers?

  @Option(
    help: ArgumentHelp(
      "Draw a way between the noise of two images, by great circle.", valueName: "a,b"))
  var interpolate: ImagePair?

  @Option(help: "Where noise exceeds this magnitude, draw it again.")
  var truncate: Double?

  @Option(
    help: "Whose statistics normalise: first, mean, own or batch (default: as the run's grids).")
  var statistics: SamplingStatistics?

  @Option(help: "The seed of the noise (default: the run's).")
  var seed: UInt64?

  @Option(
    help: "A grid (.png), a float32 array (.npy), or a folder of pictures.")
  var output = "samples.png"

  @Flag(help: "Say nothing on standard error.")
  var quiet = false

  func validate() throws {
    if images != nil, count != nil || interpolate != nil {
      throw ValidationError("--images excludes --count and --interpolate.")
    }
  }

  func run() throws {
    let interruption = Interruption(hasState: false)
    try Failure.reporting {
      let selection = try selection()
      try Failure.requireName("--output", output, of: "a file or a folder")
      let model = try SavedModel.named(checkpoint)
      let statistics = try statistics(of: model)
      say(model, statistics)
      let sampler = try Sampler(model.configuration, statistics: statistics, model: model)
      sampler.use(try model.state(statistics))
      let series = try SampleSeries(
        selection,
        of: SampleNoise(
          seed: seed ?? model.configuration.seed, latentSize: sampler.latentSize,
          truncation: truncate),
        sampler: sampler)
      let image = model.configuration.model.image
      let asked = WrittenImages(
        count: selection.count, height: image.height, width: image.width, channels: image.channels)
      let writer = try asked.writer(path: output)
      interruption.begin()
      try draw(series, asked, writer, interruption)
      print(output)
    }
  }

  private func selection() throws -> SampleSelection {
    let count = count ?? 64
    let least = interpolate == nil ? 1 : 2
    try Failure.requireOption(
      "--count", count, (least...ImageNumbers.limit).contains(count),
      expected: "\(least) to \(ImageNumbers.limit)")
    if let repeated = images?.repeated {
      try Failure.requireOption("--images", repeated, false, expected: "every number once")
    }
    if let truncate {
      try Failure.requireOption(
        "--truncate", truncate, truncate > 0 && truncate.isFinite, expected: "a number above 0")
    }
    if let interpolate {
      return .path(from: interpolate.first, to: interpolate.last, count: count)
    }
    return .numbers(images?.ranges ?? [0..<count])
  }

  private func statistics(of model: SavedModel) throws -> SamplingStatistics {
    if interpolate != nil, statistics == .own {
      try Failure.requireOption(
        "--statistics", "own", false,
        expected: "first, mean or batch, since images on a way shall differ by their noise only")
    }
    if let statistics { return statistics }
    let usual = model.configuration.samplingStatistics
    return usual == .own && (interpolate != nil || !model.statistics.contains(.own))
      ? .first : usual
  }

  private func say(_ model: SavedModel, _ statistics: SamplingStatistics) {
    if quiet { return }
    let step = model.facts.map { "step \($0.step), " } ?? ""
    Failure.complain("\(model.path): \(step)statistics \(statistics.rawValue)")
  }

  /// How long a command may say nothing, in seconds.
  private static let silence = 1.0

  private func draw(
    _ series: SampleSeries, _ asked: WrittenImages, _ writer: any ImageWriter,
    _ interruption: Interruption
  ) throws {
    let line = ProgressLine()
    defer { line.finish() }
    let start = ContinuousClock.now
    var done = 0
    try series.draw { images, number in
      try writer.append(images, number: number)
      done += images.count / asked.elementCount
      let seconds = (ContinuousClock.now - start).seconds
      if !quiet, seconds > Self.silence {
        line.show(Self.text(done, of: asked.count, seconds: seconds), isLast: done == asked.count)
      }
      return interruption.signal == 0
    }
    if done < asked.count { throw ExitCode(128 + interruption.signal) }
    try writer.finish()
  }

  private static func text(_ done: Int, of count: Int, seconds: Double) -> String {
    let rate = Double(done) / max(seconds, 1e-9)
    return "drawn \(done)/\(count)  " + String(format: "%.0f images/s  ETA ", rate)
      + ProgressLine.duration(Double(count - done) / max(rate, 1e-9))
  }
}

extension SamplingStatistics: ExpressibleByArgument {}
