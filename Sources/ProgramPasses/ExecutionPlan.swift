import Program

/// What the executor needs to know to run a program for a group of `width` replicas: in which order,
/// where every value lies, and what is summed over the replicas when. The passes make it; the
/// executor binds it to kernels and memory.
///
/// Instructions run for all replicas of the group together, but for those of a **loop**, which run
/// for one replica after another: images are so large that a replica's fill the cache, and
/// convolutions gain nothing from more rows.
package struct ExecutionPlan: Sendable {
  /// Where a value lies.
  package enum Storage: Hashable, Sendable {
    /// In the group's arena, at an offset in floats.
    case arena(Int)
    /// In the group's constants, at an offset in floats: written once.
    case constant(Int)
    /// In the variable store.
    case variable(String)
    /// In the process's buffer of reduced values, at an offset in floats.
    case reduced(Int)
    /// Nowhere: only Adam takes it, straight from the partial sums.
    case none
  }

  /// A value that is summed over all replicas: where its partial sums lie in the reduction buffer.
  package struct ReductionSlot: Hashable, Sendable {
    package let instruction: Int
    package let offset: Int
    package let count: Int
    package let round: Int
  }

  /// A stretch of the reduction buffer that is treated alike once all partial sums are there.
  package struct Sweep: Hashable, Sendable {
    package var range: Range<Int>
    package let reduction: Reduction
    /// The Adam that takes the sums, at the same range of the parameters.
    package let adam: Adam?
    /// Whether the sums are stored in the buffer of reduced values.
    package let stores: Bool
  }

  /// After lowering.
  package let program: ReplicaProgram
  /// How many replicas the group has.
  package let width: Int
  package let parameters: ParameterLayout
  /// For each value, how many of its elements lie outside the replica axis: a per-replica value of
  /// shape [outer.., inner..] is laid out as [outer.., width, inner..].
  package let outerCounts: [Int]
  /// Values that live within one turn of a loop: memory for one replica serves all.
  package let localValues: Set<Value>
  /// For each value.
  package let storage: [Storage]
  /// The length of the arena in floats.
  package let arenaCount: Int
  /// The length of the constants in floats.
  package let constantCount: Int
  /// The instructions, by index, before the first all-reduce, between it and the second, …
  package let segments: [[Int]]
  /// For each segment, the positions in it of its loop over the replicas; empty where it has none.
  package let loops: [Range<Int>]
  package let slots: [ReductionSlot]
  /// What happens between segment i and segment i + 1.
  package let rounds: [[Sweep]]
  /// The length of the reduction buffer in floats; it starts with the parameters' layout.
  package let reductionCount: Int

  /// How many floats a value takes in memory.
  package func count(of value: Value) -> Int {
    let type = program.type(of: value)
    let isOwn = type.distribution == .perReplica && !localValues.contains(value)
    return type.shape.count * (isOwn ? width : 1)
  }

  /// The slot of the all-reduce at index `instruction`.
  package func slot(of instruction: Int) -> ReductionSlot? {
    slots.first { $0.instruction == instruction }
  }
}
