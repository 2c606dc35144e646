import Foundation
import RunAnalysis

/// Size and time of a run's files: whether they have changed.
struct RunStamps: Equatable, Sendable {
  private struct Stamp: Equatable {
    let size: Int
    let modified: Date
  }

  private var stamps: [String: Stamp] = [:]

  /// Of all files in the directory and its `samples`; none where it is not there.
  init(directory: String) {
    for folder in ["", "samples/"] {
      let names =
        (try? FileManager.default.contentsOfDirectory(atPath: "\(directory)/\(folder)")) ?? []
      for name in names {
        let attributes = try? FileManager.default.attributesOfItem(
          atPath: "\(directory)/\(folder)\(name)")
        stamps[folder + name] = Stamp(
          size: (attributes?[.size] as? Int) ?? -1,
          modified: (attributes?[.modificationDate] as? Date) ?? .distantPast)
      }
    }
  }

  /// Whether a problem of a run is only that it still goes on: files that are not there yet or still
  /// empty, and last lines that are not written to their end.
  func explain(_ problem: String) -> Bool {
    if problem.contains(" is cut off; ") { return true }
    let file = String(problem.prefix { $0 != ":" })
    return (stamps[file]?.size ?? 0) <= 0
  }
}
