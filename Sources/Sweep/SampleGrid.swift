import RunAnalysis
import RunFiles

/// The pictures of a grid that a run has drawn, as vectors of pixels in 0 … 1.
struct SampleGrid {
  /// Of one picture, in pixels.
  struct Size {
    let height: Int
    let width: Int
    let channels: Int
  }

  private let pictures: [[Double]]

  /// Nil where there is no such grid of pictures of this size.
  init?(path: String, _ size: Size) {
    guard let file = try? FileBytes(path: path, limit: 1 << 26),
      let image = try? PNGImage(decoding: file.bytes, path: path)
    else { return nil }
    let cells = image.gridCells(height: size.height, width: size.width)
    if cells.isEmpty { return nil }
    pictures = cells.map { $0.map { Double($0) / 255 } }
  }

  /// The mean over all pairs of pictures of their root mean square difference: 0 where all are the
  /// same.
  var variety: Double {
    var (sum, count) = (0.0, 0)
    for (index, picture) in pictures.enumerated() {
      for other in pictures[(index + 1)...] {
        sum += Self.difference(picture, other)
        count += 1
      }
    }
    return count > 0 ? sum / Double(count) : 0
  }

  /// The root mean square difference, picture by picture; nil where they are not alike in number and
  /// size.
  func distance(to other: SampleGrid) -> Double? {
    guard pictures.map(\.count) == other.pictures.map(\.count) else { return nil }
    return Self.difference(pictures.flatMap { $0 }, other.pictures.flatMap { $0 })
  }

  private static func difference(_ a: [Double], _ b: [Double]) -> Double {
    let sum = zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    return (sum / Double(max(a.count, 1))).squareRoot()
  }
}
