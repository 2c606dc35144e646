import Execution
import Program
import Replicas
import RunConfiguration
import RunFiles

/// What the processes of a run do together between steps: all of it is collective, and what it gives
/// is given to the first process, which writes the run's files.
extension TrainingRun {
  /// How far the run goes on before its processes speak again.
  package struct Stretch: Sendable {
    /// The completed steps at its end.
    package let end: Int
    /// The signal that ends the run in any process; 0 where none has arrived.
    package let signal: Int32
    /// Whether a checkpoint is wanted in any process.
    package let checkpoint: Bool
  }

  /// Agrees on the next stretch: its end is the first process's wish.
  package func agree(
    end: Int, signal: Int32, checkpoint: Bool = false
  ) throws(TrainingError) -> Stretch {
    try communicating { (communicator, step) throws(CommunicationError) in
      let all = try communicator.gather([Int(signal), checkpoint ? 1 : 0], to: 0, step: step)
      func greatest(_ position: Int) -> Int { all?.map { $0[position] }.max() ?? 0 }
      let decision = try communicator.broadcast(
        [end, greatest(0), greatest(1)], from: 0, step: step)
      return Stretch(
        end: decision[0], signal: Int32(truncatingIfNeeded: decision[1]),
        checkpoint: decision[2] > 0)
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

  /// Each replica's gradient beside the averaged one, if the last step measured it; nil in all
  /// processes but the first.
  package func gradientStatistics() throws(TrainingError) -> [GradientStatistics]? {
    let names = [
      TrainingStep.gradientNorm, TrainingStep.gradientProduct, TrainingStep.combinedNorm,
    ]
    guard lastStepMeasuredGradients,
      let all = try gathered({ replica in names.map { replica.output($0)?.first ?? .nan } })
    else { return nil }
    func column(_ index: Int) -> [Float] {
      stride(from: index, to: all.count, by: names.count).map { all[$0] }
    }
    return GradientStatistics.ofReplicas(
      norms: column(0), products: column(1), combinedNorm: all[2],
      isSum: configuration.gradients == .sum, batchSize: configuration.batchSize)
  }

  /// How far each replica's statistics of the last step's batch are from those of all, for each
  /// batch norm and pass; nil in all processes but the first.
  package func batchNormDistances() throws(TrainingError) -> [BatchNormPass]? {
    let suffix = "/" + BatchNormLayer.batchMean
    var distances: [BatchNormPass] = []
    for (name, shape) in outputs where name.hasSuffix(suffix) {
      let layer = String(name.dropLast(suffix.count))
      let variance = "\(layer)/\(BatchNormLayer.batchVariance)"
      guard let all = try gathered({ ($0.output(name) ?? []) + ($0.output(variance) ?? []) })
      else { continue }
      // [replicas, (mean, variance), passes, channels]
      let channels = shape[shape.rank - 1]
      let passes = shape.count / channels
      for pass in 0..<passes {
        func ofReplicas(_ statistic: Int) -> [ArraySlice<Float>] {
          (0..<placement.replicas).map { replica in
            all[(((replica * 2 + statistic) * passes + pass) * channels)...].prefix(channels)
          }
        }
        distances.append(
          BatchNormPass(
            layer: layer, pass: passes == 1 ? "" : PassName.allCases[pass].rawValue,
            replicas: BatchNormDistance.ofReplicas(means: ofReplicas(0), variances: ofReplicas(1))))
      }
    }
    return processes.isFirst ? distances : nil
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

  /// The values of the first process, in all.
  func broadcast<Element: BitwiseCopyable>(_ values: [Element]) throws(TrainingError) -> [Element] {
    try communicating { (communicator, step) throws(CommunicationError) in
      try communicator.broadcast(values, from: 0, step: step)
    }
  }

  func communicating<Value>(
    _ body: (any Communicator, _ step: Int) throws(CommunicationError) -> Value
  ) throws(TrainingError) -> Value {
    do throws(CommunicationError) { return try body(processes.communicator, completedSteps) } catch
    {
      throw .replicas(.communication(error))
    }
  }
}

/// All replicas' distances at one batch norm and pass.
package struct BatchNormPass: Sendable {
  package let layer: String
  /// Empty where the layer has one pass.
  package let pass: String
  package let replicas: [BatchNormDistance]
}

extension ShardStatistics {
  /// What `replica` did in the last step.
  init(_ replica: Replica) {
    self.init(
      replica: replica.index, values: Self.columns.map { replica.output($0)?.first })
  }
}
