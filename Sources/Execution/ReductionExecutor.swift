import Kernels
import Program
import ProgramPasses

/// Which of how many equal stretches of each sweep a worker does.
package struct Share: Hashable, Sendable {
  package let index: Int
  package let count: Int

  package init(_ index: Int, of count: Int) {
    self.index = index
    self.count = count
  }
}

/// Does one worker's share of what happens between the segments of a plan, in phases that follow one
/// another: adds the partial sums of all groups along the tree, and lets Adam take them.
///
/// Where the workers that share the sums also share the parameters, both are one sweep over memory.
package final class ReductionExecutor {
  /// What a call does.
  struct Task {
    enum Kind {
      /// Stores sums.
      case sum
      /// Lets Adam take sums that are stored, or, where `adds`, that it makes itself.
      case update(adds: Bool)
    }

    let kind: Kind
    let sweep: ExecutionPlan.Sweep
    /// The worker's stretch of the sweep.
    let range: Range<Int>
  }

  let plan: ExecutionPlan
  let store: VariableStore
  let reduced: AlignedBuffer
  /// Whether others store the sums.
  let receivesSums: Bool
  let updates: Share
  /// The calls of each phase of each round, and what each of them does.
  let rounds: [[(calls: CallList, tasks: [Task])]]
  private let partials: [AlignedBuffer]
  private let merges: [Int32]
  private let replicas: Int
  private let factory: KernelFactory

  /// - Parameters:
  ///   - partials: the reduction buffers of all groups, in the order of their replicas.
  ///   - merges: the additions that follow each partial sum (`ReductionTree`).
  ///   - sums: the worker's share of the additions; nil where others add, and store the sums.
  ///   - updates: its share of the parameters.
  ///   - replicas: how many replicas there are in all.
  package init(
    _ plan: ExecutionPlan, partials: [AlignedBuffer], merges: [Int32], sums: Share?,
    updates: Share, replicas: Int, store: VariableStore, reduced: AlignedBuffer,
    step: UnsafePointer<Int64>
  ) throws(ExecutionError) {
    let factory: KernelFactory
    do { factory = try KernelFactory(KernelLibraries(.openBLAS)) } catch {
      throw .kernel(error, operation: "all_reduce", layer: "")
    }
    (self.plan, self.store, self.reduced, self.updates) = (plan, store, reduced, updates)
    (self.partials, self.merges, self.replicas) = (partials, merges, replicas)
    receivesSums = sums == nil
    let isOneSweep = sums == updates

    func sum(_ sweep: ExecutionPlan.Sweep, _ share: Share) -> (KernelCall, CallOrigin, Task)? {
      let range = ParameterLayout.stretch(share.index, of: share.count, in: sweep.range)
      if range.isEmpty { return nil }
      return (
        factory.sumTree(
          partials.map { UnsafePointer($0.pointer + range.lowerBound) }, merges: merges,
          out: reduced.pointer + range.lowerBound, count: range.count,
          scale: sweep.scale(replicas)),
        CallOrigin(layer: "", operation: "all_reduce"),
        Task(kind: .sum, sweep: sweep, range: range)
      )
    }
    func update(_ sweep: ExecutionPlan.Sweep) -> (KernelCall, CallOrigin, Task)? {
      let range = ParameterLayout.stretch(updates.index, of: updates.count, in: sweep.range)
      guard let adam = sweep.adam, !range.isEmpty else { return nil }
      let at = range.lowerBound
      let sources = isOneSweep ? partials : [reduced]
      return (
        factory.adam(
          adam.kernel, partials: sources.map { UnsafePointer($0.pointer + at) },
          merges: isOneSweep ? merges : [0],
          scale: isOneSweep ? sweep.scale(replicas) : 1,
          stored: isOneSweep && sweep.stores ? reduced.pointer + at : nil,
          parameters: store.parameters.pointer + at,
          firstMoments: store.firstMoments.pointer + at,
          secondMoments: store.secondMoments.pointer + at, count: range.count, step: step),
        CallOrigin(layer: "parameters", operation: "adam"),
        Task(kind: .update(adds: isOneSweep), sweep: sweep, range: range)
      )
    }
    func phase(
      _ calls: [(KernelCall, CallOrigin, Task)], _ title: String
    ) -> (calls: CallList, tasks: [Task]) {
      (CallList(calls.map { ($0.0, $0.1) }, title: title), calls.map(\.2))
    }
    rounds = plan.rounds.map { sweeps in
      if let sums, isOneSweep {
        return [
          phase(
            sweeps.compactMap { $0.adam == nil ? sum($0, sums) : update($0) },
            sweeps.contains { $0.adam != nil } ? "sum and update" : "sum")
        ]
      }
      let updates = phase(sweeps.compactMap(update), "update")
      guard let sums else { return [updates] }
      return [phase(sweeps.compactMap { sum($0, sums) }, "sum"), updates]
    }
    self.factory = factory
  }

  /// The sums of `range`, of a sweep of which Adam makes them for itself, into `out`.
  ///
  /// - Parameter factory: owns the call.
  func sums(
    _ task: Task, into out: UnsafeMutablePointer<Float>, _ factory: KernelFactory
  ) -> KernelCall {
    factory.sumTree(
      partials.map { UnsafePointer($0.pointer + task.range.lowerBound) }, merges: merges,
      out: out, count: task.range.count, scale: task.sweep.scale(replicas))
  }

  /// As `GroupExecutor.startProfile`.
  package func startProfile() { for phase in rounds.joined() { phase.calls.startProfile() } }

  package var profile: [CallTime] { CallTime.merged(rounds.joined().flatMap(\.calls.times)) }

  /// As `GroupExecutor.eventCount`.
  package var eventCount: Int { rounds.joined().reduce(0) { $0 + $1.calls.eventCount } }

  /// As `GroupExecutor.record`: each call, and each phase as a whole.
  package func record(on track: TimelineTrack) {
    for phase in rounds.joined() { phase.calls.record(on: track) }
  }

  /// How many phases a round has; all workers end one before any begins the next.
  package func phaseCount(ofRound round: Int) -> Int { rounds[round].count }

  package func run(round: Int, phase: Int) throws(ExecutionError) {
    try rounds[round][phase].calls.run()
  }
}

extension ExecutionPlan.Sweep {
  /// What the sums over all replicas are multiplied by.
  fileprivate func scale(_ replicas: Int) -> Float { reduction == .mean ? 1 / Float(replicas) : 1 }
}
