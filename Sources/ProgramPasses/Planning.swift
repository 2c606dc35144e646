import Program

extension ReplicaProgram {
  /// Plans the execution of a lowered program for a group of `width` replicas.
  ///
  /// - Throws: `ProgramError.unsupported` where Adam takes anything but an all-reduced gradient.
  /// - Complexity: O(values²)
  package func planned(width: Int) throws(ProgramError) -> ExecutionPlan {
    let layout = ParameterLayout(variables)
    let schedule = try Schedule(self, layout)
    let local = valuesWithinLoops(schedule)
    let hasLoops = !schedule.loops.allSatisfy(\.isEmpty)
    let outer = replicaOuterCounts(replicaMajor: { hasLoops && !local.contains($0) })

    var storage = [ExecutionPlan.Storage?](repeating: nil, count: types.count)
    func size(_ value: Value) -> Int {
      let type = type(of: value)
      let isOwn = type.distribution == .perReplica && !local.contains(value)
      return type.shape.count * (isOwn ? width : 1)
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
      self, schedule: schedule, outer: outer, inArena: { storage[$0.index] == nil },
      local: local, size: size)
    for (value, offset) in memory.offsets { storage[value.index] = .arena(offset) }
    return ExecutionPlan(
      program: self, width: width, parameters: layout, outerCounts: outer,
      localValues: local, storage: storage.map { $0 ?? .none }, arenaCount: memory.count,
      constantCount: constantCount,
      segments: schedule.segments, loops: schedule.loops, slots: schedule.slots,
      rounds: schedule.rounds,
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

extension ReplicaProgram {
  /// The values that are defined and read within one turn of a loop. What a reshape makes lies where
  /// its operand lies, and is read beyond the loop if that is.
  fileprivate func valuesWithinLoops(_ schedule: Schedule) -> Set<Value> {
    // The segment whose loop each instruction belongs to.
    var loopOf: [Int: Int] = [:]
    for (segment, loop) in schedule.loops.enumerated() {
      for index in schedule.segments[segment][loop] { loopOf[index] = segment }
    }
    var local: Set<Value> = []
    var home: [Value: Int] = [:]
    for (index, instruction) in instructions.enumerated() {
      for result in instruction.results where type(of: result).distribution == .perReplica {
        home[result] = loopOf[index]
        if loopOf[index] != nil { local.insert(result) }
      }
    }
    local.subtract(roots)
    for (index, instruction) in instructions.enumerated() {
      for operand in instruction.operands where home[operand] != loopOf[index] {
        local.remove(operand)
      }
    }
    while true {
      let before = local.count
      for instruction in instructions {
        switch instruction.operation {
        case .reshape, .stopGradient:
          let (operand, result) = (instruction.operands[0], instruction.results[0])
          if !local.contains(result) { local.remove(operand) }
          if !local.contains(operand) { local.remove(result) }
        default: break
        }
      }
      if local.count == before { return local }
    }
  }
}
