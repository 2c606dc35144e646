import Program

extension ReplicaProgram {
  /// Plans the execution of a lowered program for `width` replicas together.
  ///
  /// - Throws: `ProgramError.unsupported` where Adam takes anything but an all-reduced gradient.
  /// - Complexity: O(values²)
  package func planned(width: Int) throws(ProgramError) -> ExecutionPlan {
    let layout = ParameterLayout(variables)
    let schedule = try Schedule(self, layout)
    let outer = replicaOuterCounts()
    let order = schedule.segments.flatMap { $0 }

    var storage = [ExecutionPlan.Storage?](repeating: nil, count: types.count)
    func size(_ value: Value) -> Int {
      let type = type(of: value)
      return type.shape.count * (type.distribution == .perReplica ? width : 1)
    }
    let copied = readsAfterUpdates(schedule, outer: outer, size: size)
    var constantCount = 0
    for instruction in instructions {
      switch instruction.operation {
      // A copy in the arena, made when the step begins.
      case .variable where copied.contains(instruction.results[0]): break
      case .variable(let name): storage[instruction.results[0].index] = .variable(name)
      case .constant, .replicaConstant:
        storage[instruction.results[0].index] = .constant(constantCount)
        constantCount += ParameterLayout.padded(size(instruction.results[0]))
      default: break
      }
    }
    for slot in schedule.slots {
      let stored = schedule.stored.contains(slot.instruction)
      storage[instructions[slot.instruction].results[0].index] =
        stored ? .reduced(slot.offset) : ExecutionPlan.Storage.none
    }
    // Views of variables and of reduced values lie where those lie; with an offset they are copied.
    for instruction in instructions
    where viewOffset(of: instruction, outer: outer, size: size) == 0 {
      if let source = storage[instruction.operands[0].index] {
        storage[instruction.results[0].index] = source
      }
    }
    let memory = MemoryPlan(
      self, order: order, outer: outer, inArena: { storage[$0.index] == nil }, size: size)
    for (value, offset) in memory.offsets { storage[value.index] = .arena(offset) }
    return ExecutionPlan(
      program: self, width: width, parameters: layout, outerCounts: outer,
      storage: storage.map { $0 ?? .none }, arenaCount: memory.count,
      constantCount: constantCount,
      segments: schedule.segments, slots: schedule.slots, rounds: schedule.rounds,
      reductionCount: schedule.reductionCount)
  }
}

extension ReplicaProgram {
  /// The reads of variables whose old value is needed after their update: as an output, as a value
  /// that is assigned to another variable, or, of a parameter, in the segment that follows Adam.
  fileprivate func readsAfterUpdates(
    _ schedule: Schedule, outer: [Int], size: (Value) -> Int
  ) -> Set<Value> {
    var assigned: Set<String> = []
    var trained: Set<String> = []
    for update in updates {
      switch update {
      case .assign(let variable, _): assigned.insert(variable)
      case .adam(_, let parameters, _): trained.formUnion(parameters)
      }
    }
    // The variable that each value is, or is a view of.
    var source: [Value: (value: Value, name: String)] = [:]
    for instruction in instructions {
      if case .variable(let name) = instruction.operation {
        source[instruction.results[0]] = (instruction.results[0], name)
      } else if viewOffset(of: instruction, outer: outer, size: size) == 0 {
        source[instruction.results[0]] = source[instruction.operands[0]]
      }
    }
    func reads(_ values: [Value], of names: Set<String>) -> [Value] {
      values.compactMap { source[$0] }.filter { names.contains($0.name) }.map(\.value)
    }
    let afterAdam = schedule.rounds.isEmpty ? [] : schedule.segments.last ?? []
    return Set(
      reads(roots, of: assigned.union(trained))
        + reads(afterAdam.flatMap { instructions[$0].operands }, of: trained))
  }
}

/// What runs before, between and after the all-reduces.
private struct Schedule {
  private(set) var segments: [[Int]] = []
  private(set) var slots: [ExecutionPlan.ReductionSlot] = []
  private(set) var rounds: [[ExecutionPlan.Sweep]] = []
  /// The all-reduces, by instruction, whose results are read by something else than Adam.
  private(set) var stored: Set<Int> = []
  private(set) var reductionCount: Int

  init(_ program: ReplicaProgram, _ layout: ParameterLayout) throws(ProgramError) {
    reductionCount = layout.count
    let definitions = Dictionary(
      uniqueKeysWithValues: program.instructions.enumerated().flatMap { index, instruction in
        instruction.results.map { ($0, index) }
      })

    // Which all-reduces Adam takes, and where in the parameters.
    var adams: [Int: (adam: Adam, offset: Int)] = [:]
    for case .adam(let adam, let parameters, let gradients) in program.updates {
      for (parameter, gradient) in zip(parameters, gradients) {
        guard let index = definitions[gradient], let offset = layout.offsets[parameter],
          program.instructions[index].reduction != nil, adams[index] == nil
        else {
          throw .unsupported(
            operation: "adam", layer: parameter,
            detail: "its gradient must come from an all-reduce of its own")
        }
        adams[index] = (adam, offset)
      }
    }
    let assigned = program.updates.compactMap { update -> Value? in
      if case .assign(_, let value) = update { value } else { nil }
    }
    let readElsewhere = Set(
      program.instructions.flatMap(\.operands) + program.outputs.map(\.value) + assigned)

    // An instruction runs as soon as the all-reduces that it depends on are done; Adam's are the
    // last to be done, so that no parameter changes while it is still read.
    var level = [Int](repeating: 0, count: program.types.count)
    var last = 0
    var segmentOf: [Int] = []
    for instruction in program.instructions {
      let segment = instruction.operands.map { level[$0.index] }.max() ?? 0
      segmentOf.append(segment)
      let isReduction = instruction.reduction != nil
      for result in instruction.results { level[result.index] = segment + (isReduction ? 1 : 0) }
      if isReduction { last = max(last, segment) }
    }
    let hasReductions = program.instructions.contains { $0.reduction != nil }
    segments = Array(repeating: [], count: hasReductions ? last + 2 : 1)
    rounds = Array(repeating: [], count: hasReductions ? last + 1 : 0)
    for (index, instruction) in program.instructions.enumerated() {
      segments[segmentOf[index]].append(index)
      guard let reduction = instruction.reduction else { continue }
      let result = instruction.results[0]
      let count = program.shape(of: result).count
      let adam = adams[index]
      let stores = readElsewhere.contains(result)
      if stores { stored.insert(index) }
      let round = adam == nil ? segmentOf[index] : last
      let slot = ExecutionPlan.ReductionSlot(
        instruction: index, offset: adam?.offset ?? reductionCount, count: count, round: round)
      if adam == nil { reductionCount += ParameterLayout.padded(count) }
      slots.append(slot)
      rounds[round].append(
        ExecutionPlan.Sweep(
          range: slot.offset..<(slot.offset + ParameterLayout.padded(count)),
          reduction: reduction, adam: adam?.adam, stores: stores))
    }
    rounds = rounds.map(Self.merged)
  }

  /// Neighbouring sweeps that do the same become one.
  private static func merged(_ sweeps: [ExecutionPlan.Sweep]) -> [ExecutionPlan.Sweep] {
    sweeps.sorted { $0.range.lowerBound < $1.range.lowerBound }
      .reduce(into: []) { merged, sweep in
        if let previous = merged.last, previous.range.upperBound == sweep.range.lowerBound,
          previous.adam == sweep.adam, previous.stores == sweep.stores,
          previous.reduction == sweep.reduction
        {
          merged[merged.count - 1].range = previous.range.lowerBound..<sweep.range.upperBound
        } else {
          merged.append(sweep)
        }
      }
  }
}

extension Instruction {
  /// How the instruction's result is reduced over the replicas, if it is.
  package var reduction: Reduction? {
    switch operation {
    case .allReduce(let reduction), .reducedProduct(let reduction): reduction
    default: nil
    }
  }
}
