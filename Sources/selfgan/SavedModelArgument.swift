import RunFiles
import Training

extension SavedModel {
  /// The model that a user names: a checkpoint, weights, or a run's newest checkpoint that can be read.
  /// Newer ones that cannot are complained about.
  static func named(_ path: String) throws -> SavedModel {
    switch try CheckpointLocation(path) {
    case .file(let path): return try read(path)
    case .run(let directory):
      let checkpoint = try directory.newestCheckpoint { Failure.complain("warning: \($0)") }
      return try SavedModel(checkpoint, path: directory.checkpoint(step: checkpoint.facts.step))
    }
  }
}
