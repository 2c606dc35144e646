/// Where images stand in one picture: row by row, with a gap between them.
package struct ImageGrid: Sendable, Equatable {
  package let count: Int
  /// Of an image.
  package let height: Int
  package let width: Int
  package let channels: Int
  /// Images in a row.
  package let columns: Int

  /// White pixels between two images.
  static let gap = 2

  package init(count: Int, height: Int, width: Int, channels: Int, columns: Int) {
    self.count = count
    self.height = height
    self.width = width
    self.channels = channels
    self.columns = columns
  }

  /// The fewest columns that are at least as many as the rows: 64 images are 8 × 8, 10 are 4 × 3.
  package static func squareColumns(count: Int) -> Int {
    var columns = Int(Double(count).squareRoot())
    while columns * columns < count { columns += 1 }
    return max(columns, 1)
  }

  var rows: Int { (count + columns - 1) / columns }
  var fullWidth: Int { columns * (width + Self.gap) - Self.gap }
  var fullHeight: Int { rows * (height + Self.gap) - Self.gap }
  /// 1 or 3.
  var shownChannels: Int { channels >= 3 ? 3 : 1 }

  /// The upper left pixel of image `index`.
  func place(_ index: Int) -> (top: Int, left: Int) {
    (index / columns * (height + Self.gap), index % columns * (width + Self.gap))
  }
}
