import Foundation
import RunConfiguration
import RunFiles
import Training

/// What a job goes on from, as all of its processes know it.
struct Resume {
  /// Of the checkpoint, or of the configuration.
  let path: String
  /// As JSON.
  let configuration: String
  /// Nil where the run has no checkpoint yet, and begins again.
  let facts: CheckpointFacts?
  /// Whether the run goes on in its directory.
  let isInPlace: Bool
  /// In the first process only, which has read the files.
  let resumption: Resumption?

  /// Finds and reads the checkpoint in the first process, and tells the others. Collective.
  ///
  /// - Parameter path: a run's directory, `latest`, or a checkpoint.
  init(_ path: String, _ job: Job) throws {
    resumption = try job.together {
      try Failure.requireName("--resume", path, of: "a run")
      guard job.processes.isFirst else { return nil }
      return try Resumption(path: path) { damage in
        job.say("warning: \(damage); the checkpoint before it is taken")
      }
    }
    struct Message: Codable {
      let path: String
      let configuration: String
      let metadata: [String: String]?
      let isInPlace: Bool
    }
    let own = resumption.map {
      Message(
        path: $0.path, configuration: $0.configuration, metadata: $0.checkpoint?.facts.metadata,
        isInPlace: $0.place != nil)
    }
    let told = try job.processes.communicator.broadcast(
      Array(own.map { try JSONEncoder().encode($0) } ?? Data()), from: 0, step: 0)
    let message = try JSONDecoder().decode(Message.self, from: Data(told))
    self.path = message.path
    configuration = message.configuration
    isInPlace = message.isInPlace
    facts = try message.metadata.map { try CheckpointFacts(metadata: $0, path: message.path) }
  }

  /// Makes the run what it was, once nothing has changed that should not.
  ///
  /// - Parameter allowed: what the user lets change.
  /// - Returns: whether something has changed.
  func restore(_ run: TrainingRun, allowing allowed: Set<String>, _ job: Job) throws -> Bool {
    guard let facts else { return false }
    let hasChanged = try job.together {
      try facts.requireUnchanged(run, allowing: allowed, path: path)
    }
    if run.configuration.reduction == .fast, !facts.hasPlacement(of: run) {
      job.say(
        "warning: the checkpoint is of \(facts.ranks) processes of \(facts.threads) threads; on "
          + "\(run.placement.ranks) of \(run.placement.threads) the bits differ, as reduction is fast"
      )
    }
    try run.restore(resumption?.checkpoint, from: path)
    return hasChanged
  }
}
