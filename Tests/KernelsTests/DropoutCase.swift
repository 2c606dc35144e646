import Kernels
import RandomStreams

/// Dropout of [segments, examples, positions, channels], and what it multiplies by according to
/// `RandomStreams`.
final class DropoutCase {
  let rate: Double
  let perChannel: Bool
  let examples: Int
  let positions: Int
  let channels: Int
  private let seed: UInt64 = 0xFEED_0000_1234_5678
  private let firstExample: Int
  private let step: UnsafeMutablePointer<Int64>
  private let streams: [RandomStream]
  /// The groups of examples that one stream decides about.
  private let segmentsAStream: Int

  init(
    rate: Double, perChannel: Bool, streams count: Int, segmentsAStream: Int = 1, examples: Int,
    positions: Int, channels: Int, firstExample: Int = 5, step: Int64 = 7
  ) {
    (self.rate, self.perChannel) = (rate, perChannel)
    (self.examples, self.positions, self.channels) = (examples, positions, channels)
    (self.segmentsAStream, self.firstExample) = (segmentsAStream, firstExample)
    self.step = .allocate(capacity: 1)
    self.step.initialize(to: step)
    streams = ["generated", "real", "fake"][..<count].map { [seed] in
      RandomStream(seed: seed, name: "discriminator/dropout_0/\($0)")
    }
  }

  deinit { step.deallocate() }

  var segments: Int { streams.count * segmentsAStream }
  var count: Int { segments * examples * positions * channels }

  var kernel: DropoutKernel {
    DropoutKernel(
      rate: rate, seed: seed, streams: streams.map(\.identifier), firstExample: firstExample,
      examples: examples, perChannel: perChannel, step: UnsafePointer(step))
  }

  var multipliers: [Double] {
    let elements = positions * channels
    return (0..<count).map { flat in
      let (row, element) = flat.quotientAndRemainder(dividingBy: elements)
      let (segment, example) = row.quotientAndRemainder(dividingBy: examples)
      let (stream, part) = segment.quotientAndRemainder(dividingBy: segmentsAStream)
      return streams[stream].dropoutMultiplier(
        rate: rate, element: perChannel ? element % channels : element,
        example: firstExample + part * examples + example, step: Int(step.pointee))
    }
  }
}
