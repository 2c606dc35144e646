import Dispatch
import RunFiles

/// Writes a run's checkpoints on a thread of its own, one after another, and removes those that are no longer
/// kept: all but the last ones and the best.
final class CheckpointWriter: @unchecked Sendable {
  // Unchecked: `kept` and `failure` belong to the queue.
  private struct Kept {
    let step: Int
    let score: Double?
  }

  private let directory: RunDirectory
  private let keep: Int
  private let onFailure: @Sendable (RunFileError) -> Void
  private let queue = DispatchQueue(label: "selfgan.checkpoints", qos: .utility)
  private var kept: [Kept]
  /// Of the last checkpoint.
  private var failure: RunFileError?

  /// - Parameters:
  ///   - step: those checkpoints that are there up to this step count as kept; whatever is later is damaged, and is left
  ///     alone.
  ///   - onFailure: hears, on the writer's thread, of a checkpoint that could not be written, unless somebody waits for it;
  ///     those before it stay.
  init(
    _ directory: RunDirectory, keep: Int, after step: Int,
    onFailure: @escaping @Sendable (RunFileError) -> Void
  ) throws(RunFileError) {
    self.directory = directory
    self.keep = keep
    self.onFailure = onFailure
    kept = directory.checkpointFiles.filter { $0.step <= step }.compactMap { file in
      (try? CheckpointFacts(path: file.path)).map { Kept(step: file.step, score: $0.score) }
    }
  }

  /// Begins to write a checkpoint, when the one before is written.
  ///
  /// - Parameters:
  ///   - isAwaited: whether `finish` comes next.
  ///   - prepare: what must be on the disk before the checkpoint is, because a resumed run takes it for written.
  func write(
    _ checkpoint: Checkpoint, isAwaited: Bool,
    after prepare: @escaping @Sendable () throws(RunFileError) -> Void
  ) {
    // No more than two copies of the state are in memory.
    queue.sync {}
    queue.async { [self] in
      let step = checkpoint.facts.step
      do throws(RunFileError) {
        try checkpoint.write(to: directory.checkpoint(step: step), before: prepare)
        failure = nil
        kept.removeAll { $0.step == step }
        kept.append(Kept(step: step, score: checkpoint.facts.score))
        removeOld()
      } catch {
        failure = error
        if !isAwaited { onFailure(error) }
      }
    }
  }

  /// Waits for the last checkpoint.
  ///
  /// - Throws: why it could not be written.
  func finish() throws(RunFileError) {
    if let failure = queue.sync(execute: { failure }) { throw failure }
  }

  /// Waits for the last checkpoint.
  ///
  /// - Returns: the step of the last one that could be written.
  func settle() -> Int? { queue.sync { kept.map(\.step).max() } }

  private func removeOld() {
    let best = kept.filter { $0.score != nil }.min { ($0.score ?? 0) < ($1.score ?? 0) }?.step
    let last = kept.suffix(keep).map(\.step)
    for old in kept where !last.contains(old.step) && old.step != best {
      directory.removeCheckpoint(step: old.step)
    }
    kept.removeAll { !last.contains($0.step) && $0.step != best }
  }
}
