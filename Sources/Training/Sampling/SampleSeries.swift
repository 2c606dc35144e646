/// Which images are drawn.
package enum SampleSelection: Sendable, Equatable {
  /// By their numbers, in this order.
  case numbers([Range<Int>])
  /// So many images on the way from one number's noise to another's, both included; two at least.
  case path(from: Int, to: Int, count: Int)

  package var count: Int {
    switch self {
    case .numbers(let ranges): ranges.reduce(0) { $0 + $1.count }
    case .path(_, _, let count): count
    }
  }
}

/// Images as they are asked for, drawn a batch at a time in memory for one.
package final class SampleSeries {
  private let sampler: Sampler
  private let noise: SampleNoise
  private let selection: SampleSelection
  private let path: NoisePath?
  /// The batch that was drawn last: others of its images are often asked for next.
  private var drawn: (batch: Int, images: [Float])?

  /// - Parameter sampler: has the variables that the images are drawn with.
  package init(
    _ selection: SampleSelection, of noise: SampleNoise, sampler: Sampler
  ) throws(TrainingError) {
    self.sampler = sampler
    self.noise = noise
    self.selection = selection
    if case .path(let start, let end, _) = selection {
      path = NoisePath(
        from: try noise.vectors(start..<(start + 1)), to: try noise.vectors(end..<(end + 1)))
    } else {
      path = nil
    }
  }

  /// Draws the images in their order.
  ///
  /// - Parameter body: gets some images, [some, height, width, channels], and the number of the first one:
  ///   the others follow it. On a way they are numbered from 0. It returns whether to go on.
  package func draw(
    _ body: (_ images: ArraySlice<Float>, _ number: Int) throws -> Bool
  ) throws {
    let ranges =
      switch selection {
      case .numbers(let ranges): ranges
      case .path(_, _, let count): [0..<count]
      }
    let size = sampler.batchCount
    for range in ranges {
      var number = range.lowerBound
      while number < range.upperBound {
        let batch = number / size
        let end = min(range.upperBound, (batch + 1) * size)
        let images = try images(batch)
        let (first, last) = (number - batch * size, end - batch * size)
        let isGoing = try body(
          images[(first * sampler.elementCount)..<(last * sampler.elementCount)], number)
        if !isGoing { return }
        number = end
      }
    }
  }

  private func images(_ batch: Int) throws(TrainingError) -> [Float] {
    if let drawn, drawn.batch == batch { return drawn.images }
    let images = try sampler.images(of: noise(of: batch))
    drawn = (batch, images)
    return images
  }

  /// The noise of a batch's rows. What a way's last batch has beyond its end is other noise: the batch's
  /// own statistics are never those of a few images alone.
  private func noise(of batch: Int) throws(TrainingError) -> [Float] {
    let rows = (batch * sampler.batchCount)..<((batch + 1) * sampler.batchCount)
    guard let path else { return try noise.vectors(rows) }
    let end = min(rows.upperBound, selection.count)
    let steps = Double(max(selection.count - 1, 1))
    var vectors = (rows.lowerBound..<end).flatMap { path.vector(at: Double($0) / steps) }
    if end < rows.upperBound { vectors += try noise.vectors(end..<rows.upperBound) }
    return vectors
  }
}
