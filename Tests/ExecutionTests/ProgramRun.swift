import Execution
import Kernels
import Program
import ProgramPasses
import TestSupport

/// Runs a program with the executor for all replicas on one thread, in groups of `width` (the last group takes the rest).
final class ProgramRun {
  /// How the gradients of a group's replicas are added.
  enum Order: CaseIterable {
    /// In any order: one partial sum a group.
    case fast
    /// One partial sum a replica, and products called once a replica where their bits depend on it.
    case separate
  }

  let program: ReplicaProgram
  let store: VariableStore
  private let groups: [GroupExecutor]
  private let reduction: ReductionExecutor
  private let step: UnsafeMutablePointer<Int64>

  init(
    _ program: ReplicaProgram, replicas: Int, width: Int, backend: MatrixBackend = .best,
    order: Order = .fast, seed: UInt64 = 7
  ) throws {
    Machine.prepareProcess()
    Machine.prepareThread()
    self.program = program
    let runs = stride(from: 0, to: replicas, by: width).map { $0..<min($0 + width, replicas) }
    let plans = try runs.map { try program.planned(width: $0.count) }
    let store = VariableStore(program.variables, replicas: 0..<replicas, seed: seed)
    let reduced = AlignedBuffer(count: plans[0].reductionCount)
    let step = UnsafeMutablePointer<Int64>.allocate(capacity: 1)
    step.initialize(to: 0)
    var buffers: [AlignedBuffer] = []
    groups = try zip(runs, plans).map { run, plan in
      let sums: [SubtreeSum] =
        order == .fast
        ? [SubtreeSum(replicas: run, merges: [])]
        : run.map { SubtreeSum(replicas: $0..<($0 + 1), merges: [0]) }
      let own = sums.map { ($0, AlignedBuffer(count: plan.reductionCount)) }
      buffers += own.map(\.1)
      return try GroupExecutor(
        plan, replicas: run, partials: own, store: store, reduced: reduced, seed: seed, step: step,
        libraries: KernelLibraries(backend), separatesReplicas: order == .separate)
    }
    reduction = try ReductionExecutor(
      plans[0], partials: buffers, merges: buffers.indices.map { $0 == 0 ? 0 : 1 },
      sums: Share(0, of: 1), updates: Share(0, of: 1), replicas: replicas, store: store,
      reduced: reduced, step: step)
    self.store = store
    self.step = step
  }

  deinit { step.deallocate() }

  /// - Parameters:
  ///   - inputs: for each input's name, a tensor a replica.
  ///   - search: examines the step; nil for a plain one.
  func run(_ inputs: [String: [DoubleTensor]], _ search: NonFiniteSearch? = nil) throws {
    for (name, tensors) in inputs {
      for group in groups {
        guard let input = group.input(name) else { continue }
        for (index, value) in group.replicas.flatMap({ tensors[$0].values }).enumerated() {
          input[index] = Float(value)
        }
      }
    }
    let plan = groups[0].plan
    for segment in plan.segments.indices {
      for group in groups {
        if let search {
          try group.run(segment: segment, search)
        } else {
          try group.run(segment: segment)
        }
      }
      if segment == plan.rounds.count { break }
      for phase in 0..<reduction.phaseCount(ofRound: segment) {
        if let search {
          try reduction.run(round: segment, phase: phase, search)
        } else {
          try reduction.run(round: segment, phase: phase)
        }
      }
    }
    try groups[0].assignReplicated()
    step.pointee += 1
  }

  /// What first made a number that is not finite in one step.
  func firstNonFinite(_ inputs: [String: [DoubleTensor]]) throws -> NonFiniteOrigin? {
    let before = store.firstNonFinite
    let search = NonFiniteSearch()
    try run(inputs, search)
    return before ?? search.first
  }

  func view(_ name: String, replica: Int) -> OutputView? {
    groups.first { $0.replicas.contains(replica) }?.output(name, replica: replica)
  }

  func output(_ name: String, replica: Int) -> [Float] {
    view(name, replica: replica)?.values ?? []
  }
}

extension ReplicaProgram {
  /// Seeded numbers in [−2, 2], exact in Float, for every input and replica.
  func seededInputs(replicas: Int, seed: Int) -> [String: [DoubleTensor]] {
    var numbers = SeededNumbers(seed: seed)
    var inputs: [String: [DoubleTensor]] = [:]
    for instruction in instructions {
      guard case .input(let name, let shape) = instruction.operation else { continue }
      inputs[name] = (0..<replicas).map { _ in
        DoubleTensor(
          shape: shape.dimensions, values: numbers.floats(shape.count, in: -2...2).map(Double.init))
      }
    }
    return inputs
  }
}

/// The backends that this build has.
let backends = MatrixBackend.allCases.filter(\.isPresent)
