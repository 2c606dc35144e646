/// Changes images of one size into another, with Pillow's filters and arithmetic: first along the rows,
/// then along the columns, both rounded to 8 bits.
struct Resampler {
  private let horizontal: ResamplingAxis
  private let vertical: ResamplingAxis
  private let channels: Int

  /// From height × width to `shape`'s, of its channels.
  init(height: Int, width: Int, to shape: ImageShape, _ filter: ResamplingFilter) {
    horizontal = ResamplingAxis(from: width, to: shape.width, filter)
    vertical = ResamplingAxis(from: height, to: shape.height, filter)
    channels = shape.channels
  }

  /// - Complexity: O(h·W·w/W + H·W·h/H) for h × w to H × W, times the filter's width.
  func resize(_ source: UnsafePointer<UInt8>, into destination: UnsafeMutablePointer<UInt8>) {
    // Pillow leaves an axis alone that keeps its length; its weights there would be 1.
    let rows = vertical.sourceCount
    if horizontal.count == horizontal.sourceCount {
      return resizeColumns(source, into: destination)
    }
    if vertical.count == rows { return resizeRows(source, rows, into: destination) }
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: rows * horizontal.count * channels) {
      guard let narrowed = $0.baseAddress else { return }
      resizeRows(source, rows, into: narrowed)
      resizeColumns(narrowed, into: destination)
    }
  }

  private func resizeRows(
    _ source: UnsafePointer<UInt8>, _ rows: Int, into destination: UnsafeMutablePointer<UInt8>
  ) {
    horizontal.weights.withUnsafeBufferPointer { weights in
      for row in 0..<rows {
        let line = source + row * horizontal.sourceCount * channels
        let result = destination + row * horizontal.count * channels
        for pixel in 0..<horizontal.count {
          let (from, to) = (horizontal.offsets[pixel], horizontal.offsets[pixel + 1])
          let pixels = line + horizontal.starts[pixel] * channels
          for channel in 0..<channels {
            var sum = half
            for tap in 0..<to - from {
              sum &+= weights[from + tap] &* Int32(pixels[tap * channels + channel])
            }
            (result + pixel * channels + channel).initialize(to: level(sum))
          }
        }
      }
    }
  }

  private func resizeColumns(
    _ source: UnsafePointer<UInt8>, into destination: UnsafeMutablePointer<UInt8>
  ) {
    let length = horizontal.count * channels
    // Row by row, so that the inner loop runs along memory.
    withUnsafeTemporaryAllocation(of: Int32.self, capacity: length) { sums in
      for row in 0..<vertical.count {
        sums.initialize(repeating: half)
        for tap in vertical.offsets[row]..<vertical.offsets[row + 1] {
          let weight = vertical.weights[tap]
          let line = source + (vertical.starts[row] + tap - vertical.offsets[row]) * length
          for index in 0..<length { sums[index] &+= weight &* Int32(line[index]) }
        }
        let result = destination + row * length
        for index in 0..<length { (result + index).initialize(to: level(sums[index])) }
      }
    }
  }

  private var half: Int32 { 1 << (ResamplingAxis.precision - 1) }

  private func level(_ sum: Int32) -> UInt8 {
    UInt8(clamping: sum >> Int32(ResamplingAxis.precision))
  }
}

extension Picture {
  /// Writes the picture in another shape: grey where that has one channel.
  func write(
    as shape: ImageShape, _ filter: ResamplingFilter,
    into destination: UnsafeMutablePointer<UInt8>
  ) {
    let picture = shape.channels == 1 ? grey : self
    picture.levels.withUnsafeBufferPointer { levels in
      guard let start = levels.baseAddress else { return }
      if picture.height == shape.height, picture.width == shape.width {
        destination.update(from: start, count: levels.count)
      } else {
        Resampler(height: height, width: width, to: shape, filter).resize(start, into: destination)
      }
    }
  }
}
