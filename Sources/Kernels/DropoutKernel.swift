import CKernels

/// Dropout of [segments, examples, positions, channels]: an element is 0 with probability `rate`,
/// and is multiplied by 1/(1 − rate) otherwise.
///
/// Element e of an example is decided by the field of b bits from bit e·b on of the words that the
/// example has in its segment's stream; b is 2 where 4·rate is an integer, and 16 elsewhere. It is
/// dropped where the field is less than rate·2ᵇ, rounded. e counts positions and channels, or, where
/// a decision is made for a whole channel of an example, channels alone.
package struct DropoutKernel {
  package var rate: Double
  package var seed: UInt64
  /// The identifiers of the streams. Where there are several segments a stream, a stream's come one
  /// after another, and each one's examples follow those of the one before it.
  package var streams: [UInt32]
  /// The first example's index in the global batch.
  package var firstExample: Int
  /// Examples in a segment.
  package var examples: Int
  package var perChannel: Bool
  package var step: UnsafePointer<Int64>

  package init(
    rate: Double, seed: UInt64, streams: [UInt32], firstExample: Int, examples: Int,
    perChannel: Bool, step: UnsafePointer<Int64>
  ) {
    self.rate = rate
    self.seed = seed
    self.streams = streams
    self.firstExample = firstExample
    self.examples = examples
    self.perChannel = perChannel
    self.step = step
  }
}

extension KernelFactory {
  /// y = dropout(x), of as many segments as the dropout has streams; y may be x.
  package func dropout(
    _ dropout: DropoutKernel, x: UnsafePointer<Float>, y: UnsafeMutablePointer<Float>,
    positions: Int, channels: Int
  ) -> KernelCall {
    let segments = dropout.streams.count
    return KernelCall(
      ck_dropout,
      keep(
        ck_dropout_arguments(
          x: x, y: y, dropout: arguments(dropout, segments: segments), segments: Int64(segments),
          positions: Int64(positions), channels: Int64(channels))))
  }

  func arguments(_ dropout: DropoutKernel, segments: Int) -> ck_dropout {
    precondition(
      !dropout.streams.isEmpty && segments % dropout.streams.count == 0,
      "every stream has as many segments")
    let segmentsAStream = segments / dropout.streams.count
    precondition((0..<1).contains(dropout.rate), "a rate of dropout is in 0 ..< 1")
    let bits = (4 * dropout.rate).rounded() == 4 * dropout.rate ? 2 : 16
    let threshold = (dropout.rate * Double(1 << bits)).rounded()
    let sources = (0..<segments).map { segment in
      let (stream, part) = segment.quotientAndRemainder(dividingBy: segmentsAStream)
      return ck_dropout_segment(
        stream: dropout.streams[stream],
        first_example: UInt32(
          truncatingIfNeeded: dropout.firstExample + part * dropout.examples))
    }
    return ck_dropout(
      segments: keep(array: sources), step: dropout.step, seed: dropout.seed,
      examples: Int64(dropout.examples), threshold: UInt32(threshold),
      keep: Float(1 / (1 - dropout.rate)), bits: Int32(bits),
      per_channel: dropout.perChannel ? 1 : 0)
  }
}
