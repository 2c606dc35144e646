import Datasets
import Foundation
import Testing

/// The images in Tests/Goldens/images, and what Pillow made of them.
enum GoldenImages {
  static let directory = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Goldens/images").path

  static func path(_ file: String) -> String { "\(directory)/\(file)" }

  static func bytes(_ file: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(filePath: path(file))))
  }

  /// A file in a shape, by a filter.
  struct Case: Decodable, Sendable, CustomTestStringConvertible {
    let file: String
    let channels: Int
    let filter: String
    let height: Int
    let width: Int
    let levels: Data

    var shape: ImageShape { ImageShape(height: height, width: width, channels: channels) }
    var testDescription: String { "\(file) \(shape) \(filter)" }
  }

  static let cases: [Case] = {
    let file = URL(filePath: path("pillow.json"))
    guard let data = try? Data(contentsOf: file) else { return [] }
    return (try? JSONDecoder().decode([Case].self, from: data)) ?? []
  }()
}
