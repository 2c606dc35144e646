import Execution
import Program
import Replicas
import RunConfiguration

/// What the processes of a run do together between steps: all of it is collective, and what it gives
/// is given to the first process, which writes the run's files.
extension TrainingRun {
  /// How far the run goes on before its processes speak again.
  package struct Stretch: Sendable {
    /// The completed steps at its end.
    package let end: Int
    /// The signal that ends the run in any process; 0 where none has arrived.
    package let signal: Int32
  }

  /// Agrees on the next stretch: its end is the first process's wish.
  package func agree(end: Int, signal: Int32) throws(TrainingError) -> Stretch {
    try communicating { (communicator, step) throws(CommunicationError) in
      let signals = try communicator.gather([signal], to: 0, step: step)
      let first = signals?.joined().max() ?? 0
      let decision = try communicator.broadcast([end, Int(first)], from: 0, step: step)
      guard decision.count == 2 else { return Stretch(end: end, signal: signal) }
      return Stretch(end: decision[0], signal: Int32(truncatingIfNeeded: decision[1]))
    }
  }

  /// Returns once all processes have come so far.
  func meet(_ operation: StaticString) throws(TrainingError) {
    try communicating { (communicator, step) throws(CommunicationError) in
      try communicator.barrier(operation, step: step)
    }
  }

  /// Makes sure that the parameters are the same wherever there is a copy of them.
  package func requireEqualParameters() throws(TrainingError) {
    let hasOwn = !configuration.communication.shardedUpdate || processes.leads
    let copies =
      configuration.communication.shardedUpdate ? processes.hosts.count : processes.count
    if copies == 1 { return }
    let subject = Subject("other parameters", hash: hasOwn ? store.parameterHash : nil)
    try communicating { (communicator, step) throws(CommunicationError) in
      try communicator.requireAgreement(on: [subject], step: step)
    }
  }

  /// Numbers of every replica, in their order; nil in all processes but the first.
  package func gathered(
    _ values: (Replica) -> [Float]
  ) throws(TrainingError) -> [Float]? {
    let own = replicas.flatMap(values)
    return try communicating { (communicator, step) throws(CommunicationError) in
      try communicator.gather(own, to: 0, step: step)?.flatMap { $0 }
    }
  }

  /// What each replica did in the last step; nil in all processes but the first.
  package func shards() throws(TrainingError) -> [ShardStatistics]? {
    // All replicas have the same columns.
    let isThere = replicas.first.map { ShardStatistics($0).values.map { $0 != nil } } ?? []
    let width = isThere.count { $0 }
    guard let all = try gathered({ ShardStatistics($0).values.compactMap { $0 } }) else {
      return nil
    }
    return (0..<placement.replicas).map { replica in
      var row = all.dropFirst(replica * width).prefix(width)[...]
      return ShardStatistics(replica: replica, values: isThere.map { $0 ? row.popFirst() : nil })
    }
  }

  /// The model as it is saved and shown; nil in all processes but the first.
  package func trainedState() throws(TrainingError) -> TrainedState? {
    let statistics = configuration.batchNorm.movingStatistics
    var everyones: [String: [[Float]]] = [:]
    for variable in store.variables
    where variable.name != TrainingStep.last && variable.type.distribution == .perReplica
      && (statistics == .mean || statistics == .own)
    {
      let count = variable.type.shape.count
      guard let all = try gathered({ $0.variable(variable.name) }) else { continue }
      everyones[variable.name] = stride(from: 0, to: all.count, by: count).map {
        Array(all[$0..<($0 + count)])
      }
    }
    return processes.isFirst
      ? TrainedState(store, statistics: statistics, everyones: everyones) : nil
  }

  private func communicating<Value>(
    _ body: (any Communicator, _ step: Int) throws(CommunicationError) -> Value
  ) throws(TrainingError) -> Value {
    do throws(CommunicationError) { return try body(processes.communicator, completedSteps) } catch
    {
      throw .replicas(.communication(error))
    }
  }
}
