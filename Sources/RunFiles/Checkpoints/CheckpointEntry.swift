import Foundation

/// One of a run's checkpoints as it was found.
package struct CheckpointEntry: Sendable, Equatable, Encodable {
  package let path: String
  /// Completed updates, as the file's name says.
  package let step: Int
  package let bytes: Int
  /// Nil also where the file cannot be read.
  package let score: Double?
  /// Why it cannot be read.
  package let problem: String?
  /// Whether its score is the lowest of all.
  package fileprivate(set) var isBest = false
}

extension RunDirectory {
  /// The run's checkpoints in the order of their steps; all are read to their ends.
  package func checkpointEntries() -> [CheckpointEntry] {
    var entries = checkpointFiles.map { file in
      let attributes = try? FileManager.default.attributesOfItem(atPath: file.path)
      let bytes = (attributes?[.size] as? NSNumber)?.intValue ?? 0
      let (score, problem): (Double?, String?)
      do throws(RunFileError) {
        (score, problem) = (try Checkpoint(path: file.path).facts.score, nil)
      } catch { (score, problem) = (nil, "\(error)") }
      return CheckpointEntry(
        path: file.path, step: file.step, bytes: bytes, score: score, problem: problem)
    }
    let scored = entries.indices.filter { entries[$0].score?.isFinite == true }
    let best = scored.min { (entries[$0].score ?? .infinity) < (entries[$1].score ?? .infinity) }
    if let best { entries[best].isBest = true }
    return entries
  }
}
