import Foundation
import RunAnalysis
import TestSupport

/// A run directory of a test's own.
struct RunFolder {
  let scratch: ScratchDirectory
  var path: String { scratch.path }

  /// - Parameter files: names and contents.
  init(_ files: [String: String]) throws {
    scratch = try ScratchDirectory()
    for (name, text) in files { try scratch.write(text, as: name) }
  }

  /// `shards.csv` with one column, `loss_self`.
  static func table(_ lines: String...) -> String {
    (["step,replica,loss_self"] + lines).joined(separator: "\n") + "\n"
  }

  func archive() throws -> RunArchive { try RunArchive(path: path) }

  func shards(replicas: Int? = nil) throws(RunAnalysisError) -> ReplicaTable {
    try ReplicaTable(.shards, path: path + "/shards.csv", replicas: replicas)
  }
}

/// The recorded run directories and what SciPy says of them.
enum Goldens {
  static let path = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../Goldens/shards").standardized.path

  static func json(_ name: String) throws -> Any {
    try JSONSerialization.jsonObject(with: Data(contentsOf: URL(filePath: "\(path)/\(name)")))
  }
}
