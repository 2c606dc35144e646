import Replicas
import RunConfiguration
import TestSupport
import Testing
import Training

/// A job of several processes in one, each with a run of its own.
struct JobOfRuns: Sendable {
  /// Small networks on drawings, with fixed threads.
  static let text = """
    model: {latentSize: 5, image: {height: 4, width: 5, channels: 1}}
    data: {kind: synthetic}
    batchSize: 8
    replicas: 4
    threads: 1
    reduction: ordered
    """

  let shape: JobShape
  /// Where processes are given different ones.
  var overrides: @Sendable (_ process: Int) -> [String] = { _ in [] }
  var disorder: Int?

  /// Runs `body` in every process; who fails ends the job, as commands do.
  ///
  /// - Returns: what it gave or threw in each process, in their order.
  func outcomes<Value: Sendable>(
    recording: TrainingStep.Recording = [],
    _ body: @escaping @Sendable (TrainingRun) throws -> Value
  ) -> [Result<Value, any Error>] {
    let job = ThreadedProcesses.job(shape, replicas: 4, disorder: disorder)
    return onWorkers(job.count) { index in
      let processes = job[index]
      return Result {
        do {
          let configuration = try Self.configuration(overrides(index))
          let run = try TrainingRun(
            configuration, data: try RunData(configuration), recording: recording,
            processes: processes)
          let value = try body(run)
          try processes.finish()
          return value
        } catch {
          processes.communicator.abort(reason: "\(error)")
          throw error
        }
      }
    }
  }

  /// The same of a job in which nothing fails.
  func results<Value: Sendable>(
    recording: TrainingStep.Recording = [],
    _ body: @escaping @Sendable (TrainingRun) throws -> Value
  ) throws -> [Value] {
    try outcomes(recording: recording, body).map { try $0.get() }
  }

  /// What a run of one process gives.
  static func alone<Value>(
    _ overrides: [String] = [], recording: TrainingStep.Recording = [],
    _ body: (TrainingRun) throws -> Value
  ) throws -> Value {
    let configuration = try configuration(overrides)
    return try body(
      TrainingRun(configuration, data: try RunData(configuration), recording: recording))
  }

  static func configuration(_ overrides: [String]) throws -> Configuration {
    try Configuration.decode(text, source: "test", overrides: overrides)
  }
}
