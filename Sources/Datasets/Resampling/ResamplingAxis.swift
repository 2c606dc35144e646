import Foundation

/// How an image is made larger or smaller.
package enum ResamplingFilter: String, Sendable, CaseIterable {
  /// sinc(x) · sinc(x/3) for |x| < 3.
  case lanczos
  /// 1 − |x| for |x| < 1.
  case bilinear

  fileprivate var support: Double { self == .lanczos ? 3 : 1 }

  fileprivate func weight(_ x: Double) -> Double {
    switch self {
    case .lanczos: -3 <= x && x < 3 ? Self.sinc(x) * Self.sinc(x / 3) : 0
    case .bilinear: abs(x) < 1 ? 1 - abs(x) : 0
    }
  }

  private static func sinc(_ x: Double) -> Double { x == 0 ? 1 : sin(x * .pi) / (x * .pi) }
}

/// Which pixels along one axis make each pixel of the result, and with what weights.
///
/// These are Pillow's (`precompute_coeffs` in Resample.c): a filter as wide as the shrinking asks for,
/// whose weights are normalised, then rounded to fixed point.
struct ResamplingAxis {
  /// Bits after the point: what 32 bits leave beside 8 of a level and 2 for negative weights.
  static let precision = 22

  let sourceCount: Int
  /// For each pixel of the result, the first pixel that it is made of.
  let starts: [Int]
  /// For each pixel of the result, where its weights begin; and where the last one's end.
  let offsets: [Int]
  let weights: [Int32]

  init(from sourceCount: Int, to count: Int, _ filter: ResamplingFilter) {
    let scale = Double(sourceCount) / Double(count)
    let stretch = max(scale, 1)
    let support = filter.support * stretch
    var starts: [Int] = []
    var offsets = [0]
    var weights: [Int32] = []
    for pixel in 0..<count {
      let center = (Double(pixel) + 0.5) * scale
      let first = max(Int(center - support + 0.5), 0)
      let end = min(Int(center + support + 0.5), sourceCount)
      let exact = (first..<end).map { filter.weight((Double($0) - center + 0.5) / stretch) }
      let sum = exact.reduce(0, +)
      starts.append(first)
      weights += exact.map { weight in
        let fixed = (sum == 0 ? weight : weight / sum) * Double(1 << Self.precision)
        return Int32(fixed < 0 ? fixed - 0.5 : fixed + 0.5)
      }
      offsets.append(weights.count)
    }
    (self.sourceCount, self.starts, self.offsets, self.weights) =
      (sourceCount, starts, offsets, weights)
  }

  var count: Int { starts.count }
}
