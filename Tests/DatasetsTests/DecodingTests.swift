import Datasets
import Foundation
import TestSupport
import Testing

@Suite("Decoding and resizing")
struct DecodingTests {
  private func read(_ test: GoldenImages.Case) throws -> [UInt8] {
    let directory = try ScratchDirectory()
    try directory.write(GoldenImages.bytes(test.file), as: test.file)
    let filter = try #require(ResamplingFilter(rawValue: test.filter))
    let images = try DecodedImages(
      ImageFolder(path: directory.path), shape: test.shape, filter: filter)
    return try levels(of: images, row: 0)
  }

  @Test("has goldens")
  func goldens() {
    #expect(GoldenImages.cases.count > 30)
  }

  /// The same arithmetic, so the same levels; lossy formats may be decoded by another version, whose
  /// rounding may differ.
  @Test("gives Pillow's levels", arguments: GoldenImages.cases)
  func pillow(_ test: GoldenImages.Case) throws {
    let found = try read(test)
    try #require(found.count == test.levels.count)
    let differences = zip(found, test.levels).map { abs(Int($0) - Int($1)) }
    let isExact =
      ["colour.png", "grey.png", "alpha.png", "palette.png"].contains(test.file)
      || test.file.hasPrefix("lossless") || test.file == "alpha.webp"
    #expect(differences.max() ?? 0 <= (isExact ? 0 : 1), "\(differences)")
    #expect(Double(differences.reduce(0, +)) / Double(differences.count) < 1)
  }
}
