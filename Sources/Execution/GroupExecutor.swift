import Kernels
import Program
import ProgramPasses

/// How a group adds the gradients of some of its replicas, before anyone else's, to one partial
/// sum.
package struct SubtreeSum: Hashable, Sendable {
  package let replicas: Range<Int>
  /// After the gradient of the replica at position i, how many pairwise additions follow
  /// (`ReductionTree`); empty where any order will do.
  package let merges: [Int32]

  package init(replicas: Range<Int>, merges: [Int32]) {
    self.replicas = replicas
    self.merges = merges
  }
}

/// Runs a plan for one group of replicas: a list of kernel calls over one arena, made before the
/// first step.
///
/// It is used by one thread at a time. The segments of the plan are run one by one; between them
/// the owner reduces the partial sums of all groups.
package final class GroupExecutor {
  package let plan: ExecutionPlan
  /// The replicas of the group.
  package let replicas: Range<Int>

  let calls: [CallList]
  /// For each segment, what to look at after which calls.
  let examinations: [[Examination]]
  /// Assignments of replicated variables, which only one group of the process makes, after all have
  /// read them.
  private let replicatedAssignments: CallList
  let binding: Binding

  /// - Parameters:
  ///   - partials: the partial sums that the group makes, and a reduction buffer for each.
  ///   - reduced: the process's buffer of reduced values, `plan.reductionCount` floats.
  ///   - step: the number of completed steps, read by random draws.
  ///   - separatesReplicas: whether products are called once a replica where their bits depend on the number of rows.
  ///   - progress: whom the group tells which of its partial sums are complete.
  /// - Throws: `ExecutionError.kernel` where an operation has no kernel for its shapes.
  package init(
    _ plan: ExecutionPlan, replicas: Range<Int>,
    partials: [(sum: SubtreeSum, buffer: AlignedBuffer)], store: VariableStore,
    reduced: AlignedBuffer, seed: UInt64, step: UnsafePointer<Int64>, libraries: KernelLibraries,
    separatesReplicas: Bool, progress: Progress? = nil
  ) throws(ExecutionError) {
    precondition(replicas.count == plan.width, "a group has as many replicas as the plan's width")
    self.plan = plan
    self.replicas = replicas
    binding = try Binding(
      plan, replicas: replicas, partials: partials, store: store, reduced: reduced,
      seed: seed, step: step, libraries: libraries, separatesReplicas: separatesReplicas,
      progress: progress)

    var segments: [(calls: CallList, examinations: [Examination])] = []
    for index in plan.segments.indices {
      try binding.bind(segment: index)
      if index == plan.segments.count - 1 { try binding.bindAssignments(.perReplica) }
      segments.append(binding.takeCalls())
    }
    calls = segments.map(\.calls)
    examinations = segments.map(\.examinations)
    try binding.bindAssignments(.replicated)
    replicatedAssignments = binding.takeCalls().calls
  }

  /// Whether the plan assigns to variables that all groups share.
  package var assignsReplicated: Bool { !replicatedAssignments.isEmpty }

  /// Where an input's values go: [width, examples, …], before the first segment runs.
  package func input(_ name: String) -> UnsafeMutableBufferPointer<Float>? { binding.inputs[name] }

  /// From now on, the time of every call is taken; the next step is slower by some 50 ns a call.
  package func startProfile() { for list in calls { list.startProfile() } }

  /// What the calls took since `startProfile`, one entry a layer and operation, in the order of the
  /// first call.
  package var profile: [CallTime] { CallTime.merged(calls.flatMap(\.times)) }

  /// How many events a step is on a timeline.
  package var eventCount: Int {
    calls.reduce(replicatedAssignments.eventCount) { $0 + $1.eventCount }
  }

  /// From now on, every call is recorded.
  package func record(on track: TimelineTrack) {
    for list in calls { list.record(on: track) }
    replicatedAssignments.record(on: track)
  }

  package func run(segment: Int) throws(ExecutionError) { try calls[segment].run() }

  package func assignReplicated() throws(ExecutionError) { try replicatedAssignments.run() }

  /// Where the elements of an output lie for one replica: a scalar's single element, most often.
  package func output(_ name: String, replica: Int) -> OutputView? {
    guard let value = plan.program.output(named: name) else { return nil }
    return binding.outputView(value, replica: replica - replicas.lowerBound)
  }
}

/// One replica's part of an output, which need not be contiguous.
package struct OutputView {
  package let pointer: UnsafePointer<Float>
  /// Blocks of `blockCount` floats, `stride` floats apart.
  package let blocks: Int
  package let blockCount: Int
  package let stride: Int

  /// A copy of the elements in the order of the value's shape.
  package var values: [Float] {
    (0..<blocks).flatMap { block in
      UnsafeBufferPointer(start: pointer + block * stride, count: blockCount)
    }
  }
}
