import Foundation

/// This repository.
enum Project {
  static func file(_ name: String) -> String {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent(name).path
  }
}

/// The configurations of this repository.
enum Configurations {
  private static let directory = Project.file("configs")

  static func path(_ name: String) -> String { "\(directory)/\(name).yaml" }

  /// The paper's Keras-TPU run.
  static let gan = path("gan")

  static var all: [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
    return names.filter { $0.hasSuffix(".yaml") }.map { String($0.dropLast(5)) }.sorted()
  }

  /// Drawings, which need no file.
  static let synthetic = ["--set", "data.kind=synthetic"]

  /// Drawings of a few pixels, for the tests that are not about arithmetic.
  static let small =
    synthetic + ["--set", "model.image.height=6", "--set", "model.image.width=5"]
}
