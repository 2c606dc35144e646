import Execution
import Kernels
import Program
import Replicas
import TestSupport
import Testing

/// The images of one process's replicas. What lies before and behind them is no number, so that
/// whoever reads another's images has losses that show it.
final class ProcessBatches: BatchProvider, @unchecked Sendable {
  // Unchecked: everything is made beforehand.
  private let images: UnsafeMutablePointer<Float>
  private let count: Int
  private let margin: Int

  /// - Parameters:
  ///   - all: the images of all replicas, `replicaCount` numbers each.
  init(_ all: SeededBatches, steps: Int, of replicas: Range<Int>, replicaCount: Int) {
    count = replicas.count * replicaCount
    margin = replicaCount
    let stride = margin + count + margin
    images = .allocate(capacity: steps * stride)
    images.initialize(repeating: .nan, count: steps * stride)
    for step in 0..<steps {
      (images + step * stride + margin).update(
        from: all.acquire(step: step) + replicas.lowerBound * replicaCount, count: count)
    }
  }

  deinit { images.deallocate() }

  func acquire(step: Int) -> UnsafePointer<Float> {
    UnsafePointer(images + step * (margin + count + margin) + margin)
  }

  func release(step: Int) {}
}

/// One process of a job, and its replicas.
struct JobMember {
  let processes: ThreadedProcesses
  let group: ReplicaGroup
}

extension TrainingCase {
  /// Runs `body` in every process of a job; who fails ends the job, as commands do.
  ///
  /// - Returns: what it gave or threw in each process, in their order.
  func outcomes<Value: Sendable>(
    on shape: JobShape, reduction: ReductionMode, backend: MatrixBackend = .best,
    sharesUpdates: Bool = true, timeout: Double = 20, disorder: Int? = nil,
    _ body: @escaping @Sendable (JobMember) throws -> Value
  ) -> [Result<Value, any Error>] {
    let job = ThreadedProcesses.job(
      shape, replicas: replicas, timeout: .seconds(timeout), disorder: disorder)
    return onWorkers(job.count) { index in
      let processes = job[index]
      return Result {
        do {
          let store = try VariableStore(
            variants[0].variables, placement: shape.placement(replicas: replicas), seed: 9,
            sharesParameters: sharesUpdates, processes: processes)
          let group = try ReplicaGroup(
            variants, placement: shape.placement(replicas: replicas), store: store,
            options: options(
              reduction: reduction, backend: backend, timeout: timeout,
              sharesUpdates: sharesUpdates),
            processes: processes)
          // Shared parameters have their initial values before anyone reads them.
          try processes.communicator.barrier("the first step", step: 0)
          return try body(JobMember(processes: processes, group: group))
        } catch {
          processes.communicator.abort(reason: "\(error)")
          throw error
        }
      }
    }
  }

  /// The same of a job in which nothing fails.
  func results<Value: Sendable>(
    on shape: JobShape, reduction: ReductionMode, backend: MatrixBackend = .best,
    sharesUpdates: Bool = true, disorder: Int? = nil,
    _ body: @escaping @Sendable (JobMember) throws -> Value
  ) throws -> [Value] {
    let outcomes = outcomes(
      on: shape, reduction: reduction, backend: backend, sharesUpdates: sharesUpdates,
      disorder: disorder, body)
    let failures = outcomes.compactMap { outcome in
      if case .failure(let error) = outcome { error } else { nil }
    }
    let cause = failures.first {
      if let error = $0 as? ReplicaError { !error.isConsequence } else { true }
    }
    if let cause = cause ?? failures.first { throw cause }
    return try outcomes.map { try $0.get() }
  }

  func batches(steps: Int, of member: JobMember) -> ProcessBatches {
    ProcessBatches(
      batches(steps: steps), steps: steps, of: member.group.store.replicas,
      replicaCount: examples * imageCount)
  }

  /// As `train(threads:reduction:)`, with every process's copy of the moments.
  func train(
    on shape: JobShape, reduction: ReductionMode, backend: MatrixBackend = .best,
    variants: [Int] = [0, 0, 0], sharesUpdates: Bool = true, disorder: Int? = nil,
    isExamined: Bool = false
  ) throws -> TrainingBits {
    let members = try results(
      on: shape, reduction: reduction, backend: backend, sharesUpdates: sharesUpdates,
      disorder: disorder
    ) { member in
      let batches = batches(steps: variants.count, of: member)
      let losses = try variants.map { variant in
        try member.group.runStep(variant: variant, batches: batches, isExamined: isExamined)
        return member.group.losses(variant: variant)
      }
      // Nobody goes on to change what others still read.
      try member.processes.communicator.barrier("the last step", step: variants.count)
      return (losses: losses, variables: member.group.variables, moments: member.group.moments)
    }
    return TrainingBits(
      losses: variants.indices.flatMap { step in members.flatMap { $0.losses[step] } },
      variables: self.variants[0].variables.indices.flatMap { variable in
        members.flatMap { $0.variables[variable] }
      }, moments: members.map(\.moments))
  }

  /// The averaged gradient of the first step, as each process sees it.
  func averagedGradients(
    on shape: JobShape, reduction: ReductionMode, backend: MatrixBackend = .best,
    sharesUpdates: Bool = true
  ) throws -> [[Float]] {
    try results(
      on: shape, reduction: reduction, backend: backend, sharesUpdates: sharesUpdates
    ) { member in
      try member.group.run(steps: 1, variant: 1, batches: batches(steps: 1, of: member))
      let last = member.group.replicas(variant: 1).last
      return parameters.flatMap { last?.output("gradient/\($0)") ?? [] }
    }
  }
}

extension ReplicaGroup {
  /// One step, in which all is finite.
  func runStep(variant: Int, batches: any BatchProvider, isExamined: Bool) throws {
    if isExamined {
      #expect(try runExamined(variant: variant, batches: batches) == nil)
    } else {
      try run(steps: 1, variant: variant, batches: batches)
    }
  }

  /// The bits of each of this process's replicas' losses.
  func losses(variant: Int) -> [UInt32] {
    replicas(variant: variant).flatMap { replica in
      SelfGANStep.losses.flatMap { bits(replica.output($0) ?? []) }
    }
  }

  /// For each variable, the bits of what each of this process's replicas sees.
  var variables: [[UInt32]] {
    store.variables.map { variable in
      store.replicas.flatMap { bits(store.read(variable.name, replica: $0)) }
    }
  }

  /// The bits of both of Adam's moments.
  var moments: [UInt32] {
    bits(Array(store.firstMoments.values) + Array(store.secondMoments.values))
  }
}
