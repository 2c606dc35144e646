import Datasets
import Testing

@Suite("Synthetic images")
struct SyntheticImagesTests {
  static let shapes = [
    ImageShape(height: 28, width: 28, channels: 1), ImageShape(height: 64, width: 64, channels: 3),
    ImageShape(height: 1, width: 1, channels: 1), ImageShape(height: 7, width: 19, channels: 4),
  ]

  @Test("of any shape are whole levels in [-1, 1]", arguments: shapes)
  func levels(shape: ImageShape) throws {
    let images = SyntheticImages(shape: shape, seed: 5, count: 20)
    for row in 0..<images.count {
      for value in try pixels(of: images, row: row) {
        #expect(value >= -1 && value <= 1)
        let level = (value + 1) * 127.5
        #expect(abs(level - level.rounded()) < 1e-4)
      }
    }
  }

  @Test("depend on seed and row alone")
  func dependence() throws {
    let shape = ImageShape(height: 12, width: 10, channels: 3)
    let images = SyntheticImages(shape: shape, seed: 5, count: 8)
    let again = SyntheticImages(shape: shape, seed: 5, count: 100)
    let other = SyntheticImages(shape: shape, seed: 6, count: 8)
    #expect(try pixels(of: images, row: 3) == pixels(of: again, row: 3))
    #expect(try pixels(of: images, row: 3) != pixels(of: other, row: 3))
    #expect(try Set((0..<8).map { try pixels(of: images, row: $0) }).count == 8)
  }

  @Test("show a figure: some pixels of one level that the background does not reach")
  func figure() throws {
    let shape = ImageShape(height: 32, width: 32, channels: 1)
    let images = SyntheticImages(shape: shape, seed: 1, count: 50)
    for row in 0..<images.count {
      let values = try pixels(of: images, row: row)
      let commonest = Dictionary(grouping: values, by: \.self).values.map(\.count).max() ?? 0
      // The smallest figure is an ellipse of radii 0.15: 7% of the image, 72 pixels.
      #expect(commonest >= 60 && commonest < values.count)
    }
  }
}
