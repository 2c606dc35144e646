import RunConfiguration
import RunFiles

/// What a run goes on from, as the first process finds it.
package struct Resumption {
  /// Of the checkpoint, or of the configuration.
  package let path: String
  /// Nil where a run was ended before its first checkpoint, and begins again.
  package let checkpoint: Checkpoint?
  /// As JSON.
  package let configuration: String
  /// The run that goes on where it is; nil where a checkpoint was named, of which a new run comes.
  package let place: (directory: RunDirectory, lock: RunLock)?

  /// - Parameters:
  ///   - path: a run's directory, whose newest readable checkpoint is taken, or a checkpoint.
  ///   - onDamage: hears of newer checkpoints that cannot be read.
  /// - Throws: `TrainingError.file`, `.configuration`, `.program`, `.unusableModel`; `.initialValue` where the checkpoint does not have
  ///   what its own configuration needs, before a run takes memory for it.
  package init(
    path: String, onDamage: (RunFileError) -> Void = { _ in }
  ) throws(TrainingError) {
    let run: RunDirectory?
    do throws(RunFileError) {
      run = try RunDirectory(resolving: path)
      place = if let run { (run, try RunLock(run)) } else { nil }
      if let run, run.checkpointFiles.isEmpty, run.isRun, !run.hasRecords {
        checkpoint = nil
        self.path = run.configuration
      } else if let run {
        let newest = try run.newestCheckpoint(onDamage: onDamage)
        checkpoint = newest
        self.path = run.checkpoint(step: newest.facts.step)
      } else {
        checkpoint = try Checkpoint(path: path)
        self.path = path
      }
    } catch { throw .file(error) }
    if let checkpoint {
      configuration = checkpoint.facts.configuration
      try SavedModel(checkpoint, path: self.path).requireAllVariables()
      return
    }
    do throws(ConfigurationError) {
      configuration = try Configuration.load(path: self.path).json
    } catch { throw .configuration(error) }
  }
}

/// What makes sure that a run goes on as what it was.
extension CheckpointFacts {
  /// Makes sure that nothing differs that was not allowed to.
  ///
  /// Where replicas are added in order, the number of threads does not matter.
  ///
  /// - Parameters:
  ///   - allowed: keys of the configuration, `data` and `program`.
  ///   - path: of the checkpoint.
  /// - Returns: whether something differs.
  /// - Throws: `TrainingError.changed`; `.configuration` where more steps are done than are wanted.
  package func requireUnchanged(
    _ run: TrainingRun, allowing allowed: Set<String>, path: String
  ) throws(TrainingError) -> Bool {
    let before: Configuration
    do throws(ConfigurationError) {
      before = try Configuration.decode(configuration, source: path)
    } catch { throw .configuration(error) }
    let now = run.configuration
    guard now.steps >= step else {
      throw .configuration(
        .impossible(
          key: "steps", found: "\(now.steps)", expected: "\(step) or more, which are done"))
    }
    guard updates == step + run.uncounted else {
      throw .file(
        .notACheckpoint(
          path: path,
          detail: "its random.position is \(updates), and \(step + run.uncounted) is expected"))
    }
    var changes = zip(before.values, now.values).filter { $0.value != $1.value }.map {
      TrainingError.Change(key: $0.key, before: $0.value, now: $1.value)
    }
    if now.reduction == .ordered { changes.removeAll { $0.key == "threads" } }
    if run.data != data { changes.append(.init(key: "data", before: data, now: run.data)) }
    // What this version makes of the configuration that the checkpoint has.
    let own = before == now ? run.programHash : TrainingRun.programHash(of: before)
    if own != program {
      changes.append(
        .init(
          key: "program", before: "\(program) of version \(version)",
          now: "\(own) of version \(programVersion)"))
    }
    let refused = changes.filter { !allowed.contains($0.key) }
    if !refused.isEmpty { throw .changed(refused, checkpoint: path) }
    return !changes.isEmpty
  }

  /// Whether the replicas are where they were; if not, bits are the same only where gradients are added in order.
  package func hasPlacement(of run: TrainingRun) -> Bool {
    (ranks, threads) == (run.placement.ranks, run.placement.threads)
  }
}
