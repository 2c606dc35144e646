import Program

/// Gives values that live in the arena their places: a value takes memory from its definition to
/// its last use, and those that are views of another value or stretches of a concatenation take
/// none of their own.
struct MemoryPlan {
  /// Offsets in floats, for values in the arena.
  private(set) var offsets: [Value: Int] = [:]
  private(set) var count = 0

  /// - Parameters:
  ///   - schedule: the order of execution.
  ///   - outer: the outer count of each value's layout.
  ///   - inArena: whether a value lies in the arena at all.
  ///   - size: the floats that a value takes.
  /// - Complexity: O(values²)
  init(
    _ program: ReplicaProgram, schedule: Schedule, outer: [Int], inArena: (Value) -> Bool,
    local: Set<Value>, size: (Value) -> Int
  ) {
    let views = Views(program, outer: outer, inArena: inArena, size: size)
    let lifetimes = Self.lifetimes(
      program, schedule, inArena: inArena, local: local, views: views)

    // Large blocks first, each at the lowest place that is free for its whole life: first fit,
    // deterministic.
    var placed: [(range: Range<Int>, life: ClosedRange<Int>)] = []
    let roots = lifetimes.keys.sorted { a, b in
      (size(b), a.index) < (size(a), b.index)
    }
    for root in roots {
      guard let life = lifetimes[root] else { continue }
      let length = ParameterLayout.padded(size(root))
      var offset = 0
      let neighbours = placed.filter { $0.life.overlaps(life) }
        .sorted { $0.range.lowerBound < $1.range.lowerBound }
      for neighbour in neighbours {
        if neighbour.range.lowerBound >= offset + length { break }
        offset = max(offset, neighbour.range.upperBound)
      }
      placed.append((offset..<(offset + length), life))
      offsets[root] = offset
      count = max(count, offset + length)
    }
    for value in program.instructions.flatMap(\.results) where inArena(value) {
      let (root, shift) = views.root(of: value)
      if let offset = offsets[root] { offsets[value] = offset + shift }
    }
  }

  private static func lifetimes(
    _ program: ReplicaProgram, _ schedule: Schedule, inArena: (Value) -> Bool, local: Set<Value>,
    views: Views
  ) -> [Value: ClosedRange<Int>] {
    let order = schedule.segments.flatMap { $0 }
    var lifetimes: [Value: ClosedRange<Int>] = [:]
    func extend(_ value: Value, to time: Int) {
      guard inArena(value) else { return }
      let root = views.root(of: value).root
      let life = lifetimes[root] ?? time...time
      lifetimes[root] = min(life.lowerBound, time)...max(life.upperBound, time)
    }
    // What lives beyond a turn of a loop must not be overwritten in any other turn.
    var loops = [ClosedRange<Int>?](repeating: nil, count: order.count)
    var start = 0
    for (segment, loop) in zip(schedule.segments, schedule.loops) {
      let times = (start + loop.lowerBound)..<(start + loop.upperBound)
      for time in times { loops[time] = ClosedRange(times) }
      start += segment.count
    }
    for (time, index) in order.enumerated() {
      let instruction = program.instructions[index]
      // An input is written before the first instruction runs.
      if case .input = instruction.operation { extend(instruction.results[0], to: -1) }
      for value in instruction.results + instruction.operands {
        extend(value, to: time)
        if let loop = loops[time], !local.contains(value) {
          extend(value, to: loop.lowerBound)
          extend(value, to: loop.upperBound)
        }
      }
    }
    for value in program.roots { extend(value, to: order.count) }
    return lifetimes
  }
}

/// Which values share memory with another one.
private struct Views {
  private var parents: [Value: (value: Value, shift: Int)] = [:]

  init(
    _ program: ReplicaProgram, outer: [Int], inArena: (Value) -> Bool, size: (Value) -> Int
  ) {
    for instruction in program.instructions {
      guard let shift = program.viewOffset(of: instruction, outer: outer, size: size),
        inArena(instruction.operands[0])
      else { continue }
      parents[instruction.results[0]] = (instruction.operands[0], shift)
    }
    // A concatenation is written in place by the operands that lie in the arena and in no other
    // value.
    for instruction in program.instructions {
      guard case .concatenate = instruction.operation,
        program.concatenatesStretches(instruction, outer: outer)
      else { continue }
      var shift = 0
      for operand in instruction.operands {
        let (root, inner) = root(of: operand)
        if inArena(operand), inner == 0, size(root) == size(operand),
          root != instruction.results[0],
          size(operand) / program.shape(of: operand).count
            == size(instruction.results[0])
            / program.shape(of: instruction.results[0]).count
        {
          parents[root] = (instruction.results[0], shift)
        }
        shift += size(operand)
      }
    }
  }

  func root(of value: Value) -> (root: Value, shift: Int) {
    var (root, shift) = (value, 0)
    while let parent = parents[root] {
      root = parent.value
      shift += parent.shift
    }
    return (root, shift)
  }
}

extension ReplicaProgram {
  /// Where in its operand's memory the result of a reshape, a stopped gradient or a slice of whole
  /// leading entries lies; nil where the result needs memory of its own.
  package func viewOffset(
    of instruction: Instruction, outer: [Int], size: (Value) -> Int
  ) -> Int? {
    guard let operand = instruction.operands.first, let result = instruction.results.first,
      // For one replica or for all, both alike.
      size(operand) / shape(of: operand).count == size(result) / shape(of: result).count
    else { return nil }
    let sameLayout = outer[operand.index] == outer[result.index]
    switch instruction.operation {
    case .stopGradient: return sameLayout ? 0 : nil
    case .reshape:
      return sameLayout || type(of: operand).distribution == .replicated ? 0 : nil
    case .slice(let from, let to):
      let shape = shape(of: operand)
      let whole = (1..<max(shape.rank, 1)).allSatisfy { from[$0] == 0 && to[$0] == shape[$0] }
      let stacked =
        type(of: operand).distribution == .replicated
        || (outer[operand.index] == shape[0] && outer[result.index] == to[0] - from[0])
      return whole && stacked ? size(operand) / shape[0] * from[0] : nil
    default: return nil
    }
  }

  /// Whether the operands of a concatenation are stretches of its memory, one after another.
  package func concatenatesStretches(_ instruction: Instruction, outer: [Int]) -> Bool {
    guard case .concatenate(axis: 0) = instruction.operation,
      let result = instruction.results.first
    else { return false }
    return type(of: result).distribution == .replicated
      || (outer[result.index] == shape(of: result)[0]
        && instruction.operands.allSatisfy {
          type(of: $0).distribution == .perReplica && outer[$0.index] == shape(of: $0)[0]
        })
  }
}
