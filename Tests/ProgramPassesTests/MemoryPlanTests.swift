import Program
import ProgramPasses
import TestSupport
import Testing

/// Runs a plan with labels in the place of numbers: each element that an instruction writes gets a
/// label of its own, and what an operand reads must be the labels that were written there for it.
/// It knows nothing of lifetimes.
private struct LabelledArena {
  private let plan: ExecutionPlan
  private let storage: [ExecutionPlan.Storage]
  private var memory: [Int]
  private var labels: [Value: [Int]] = [:]
  private var nextLabel = 1
  /// The replica that a loop has come to; nil outside of loops, where all are taken together.
  private var replica: Int?
  /// What went wrong, in words.
  private(set) var faults: [String] = []

  /// - Parameter storage: where each value lies.
  init(_ plan: ExecutionPlan, storage: [ExecutionPlan.Storage]) {
    self.plan = plan
    self.storage = storage
    memory = Array(repeating: 0, count: plan.arenaCount)
  }

  /// Which of a value's elements belong to the replicas that are computed at present.
  private func part(of value: Value) -> Range<Int> {
    let count = plan.count(of: value)
    guard let replica, plan.program.type(of: value).distribution == .perReplica,
      !plan.localValues.contains(value)
    else { return 0..<count }
    let own = count / plan.width
    return (replica * own)..<((replica + 1) * own)
  }

  /// Where they lie.
  private func range(_ value: Value) -> Range<Int>? {
    guard case .arena(let offset) = storage[value.index] else { return nil }
    let part = part(of: value)
    return (offset + part.lowerBound)..<(offset + part.upperBound)
  }

  mutating func run() {
    let program = plan.program
    for value in program.instructions.flatMap(\.results) {
      if let range = range(value), !(0...plan.arenaCount).contains(range.upperBound) {
        faults.append("\(value) lies outside of the arena")
        return
      }
    }
    // The caller writes the inputs before the step.
    for instruction in program.instructions {
      if case .input = instruction.operation { write(instruction.results[0]) }
    }
    for (instructions, loop) in zip(plan.segments, plan.loops) {
      execute(instructions[..<loop.lowerBound])
      for turn in 0..<(loop.isEmpty ? 0 : plan.width) {
        replica = turn
        execute(instructions[loop])
      }
      replica = nil
      execute(instructions[loop.upperBound...])
    }
    for root in program.roots { read(root, by: "the outside") }
  }

  private mutating func execute(_ instructions: ArraySlice<Int>) {
    for index in instructions { execute(plan.program.instructions[index]) }
  }

  private mutating func execute(_ instruction: Instruction) {
    let reader = instruction.operation.mnemonic
    for operand in instruction.operands { read(operand, by: reader) }
    switch instruction.operation {
    case .input: return
    case .reshape, .stopGradient, .slice:
      let (x, result) = (instruction.operands[0], instruction.results[0])
      if let inner = range(result), let outer = range(x), outer.lowerBound <= inner.lowerBound,
        inner.upperBound <= outer.upperBound
      {
        // A view: nothing is written.
        note(Array(memory[inner]), for: result)
        return
      }
    case .concatenate:
      if let whole = range(instruction.results[0]),
        instruction.operands.contains(where: { range($0)?.overlaps(whole) == true })
      {
        concatenate(instruction, into: whole)
        return
      }
    default: break
    }
    for result in instruction.results {
      for operand in instruction.operands {
        if let written = range(result), let read = range(operand), written.overlaps(read) {
          faults.append("\(reader) overwrites its operand \(operand) with \(result)")
        }
      }
    }
    for result in instruction.results { write(result) }
  }

  /// Operands that lie in their place already stay, the others are copied there.
  private mutating func concatenate(_ instruction: Instruction, into whole: Range<Int>) {
    var start = whole.lowerBound
    var parts: [Int] = []
    for operand in instruction.operands {
      let part = start..<(start + part(of: operand).count)
      start = part.upperBound
      if range(operand) != part {
        memory.replaceSubrange(part, with: noted(for: operand) ?? part.map { _ in -1 })
      }
      parts += memory[part]
    }
    note(parts, for: instruction.results[0])
    for operand in instruction.operands { read(operand, by: "the result of concatenate") }
  }

  private mutating func write(_ value: Value) {
    guard let range = range(value) else { return }
    let written = Array(nextLabel..<(nextLabel + range.count))
    nextLabel += range.count
    memory.replaceSubrange(range, with: written)
    note(written, for: value)
  }

  private mutating func read(_ value: Value, by reader: String) {
    guard let range = range(value) else { return }
    if noted(for: value) != Array(memory[range]) {
      let turn = replica.map { " in turn \($0)" } ?? ""
      faults.append("\(value) is no longer what was written when \(reader) reads it\(turn)")
    }
  }

  /// Remembers what the value is, for the replicas that are computed at present.
  private mutating func note(_ written: [Int], for value: Value) {
    var all = labels[value] ?? Array(repeating: 0, count: plan.count(of: value))
    all.replaceSubrange(part(of: value), with: written)
    labels[value] = all
  }

  private func noted(for value: Value) -> [Int]? {
    labels[value].map { Array($0[part(of: value)]) }
  }
}

struct MemoryPlanTests {
  private func faults(
    _ plan: ExecutionPlan, storage: [ExecutionPlan.Storage]? = nil
  ) -> [String] {
    var arena = LabelledArena(plan, storage: storage ?? plan.storage)
    arena.run()
    return arena.faults
  }

  @Test(arguments: 0..<60)
  func noValueIsOverwrittenWhileItIsNeeded(_ seed: Int) throws {
    let program = try ReplicaProgram.random(seed: seed)
    for staged in [try program.expandingGradients(), try program.lowered()] {
      for width in [1, 3] {
        let plan = try staged.planned(width: width)
        let faults = faults(plan)
        #expect(faults == [], "\(faults) in\n\(plan.text)")
      }
    }
  }

  /// Programs with loops over the replicas.
  @Test(arguments: 0..<60)
  func noImageIsOverwrittenWhileItIsNeeded(_ seed: Int) throws {
    let program = try ReplicaProgram.randomOfImages(seed: seed)
    for staged in [try program.expandingGradients(), try program.lowered()] {
      for width in [1, 3] {
        let plan = try staged.planned(width: width)
        #expect(plan.loops.contains { !$0.isEmpty })
        let faults = faults(plan)
        #expect(faults == [], "\(faults) in\n\(plan.text)")
      }
    }
  }

  @Test(arguments: [NetworkLayout.keras, .pytorch], [1, 2, 8])
  func convolutionalTrainingStep(_ layout: NetworkLayout, _ width: Int) throws {
    for groupSize in [1, 4] {
      let step = try SelfGANStep(
        SmallConvolutionalNetworks(layout, .init(count: 8, groupSize: groupSize)), examples: 2,
        adam: .keras)
      let plan = try step.program.lowered().planned(width: width)
      #expect(plan.loops.count { !$0.isEmpty } > (groupSize == 1 ? 0 : 1))
      #expect(faults(plan) == [])
    }
  }

  /// A value of a loop needs memory for one replica, so that a wider group takes hardly more.
  @Test func imagesOfALoopTakeTheMemoryOfOneReplica() throws {
    let step = try SelfGANStep(
      SmallConvolutionalNetworks(.keras, .init(count: 8)), examples: 2, adam: .keras)
    let program = try step.program.lowered()
    let (one, eight) = (try program.planned(width: 1), try program.planned(width: 8))
    let local = one.localValues.reduce(0) { $0 + program.shape(of: $1).count }
    #expect(local > 0 && one.localValues == eight.localValues)
    for value in eight.localValues { #expect(eight.count(of: value) == one.count(of: value)) }
    #expect(eight.arenaCount < 4 * one.arenaCount)
  }

  @Test(arguments: [1, 2, 8])
  func trainingStep(_ width: Int) throws {
    let plan = try ReplicaProgram.smallTrainingStep().lowered().planned(width: width)
    #expect(faults(plan) == [])
  }

  /// The oracle sees what is wrong: the same plan with two values at one place.
  @Test func overlapsAreFound() throws {
    let builder = ProgramBuilder(name: "overlap")
    let x = builder.input("x", shape: [8])
    builder.output("y", x.apply(.tanh) + x.apply(.exp))
    let plan = try builder.finish().planned(width: 1)
    #expect(faults(plan) == [])
    var storage = plan.storage
    storage[1] = storage[2]
    #expect(
      faults(plan, storage: storage) == ["%1 is no longer what was written when add reads it"])
  }

  // Where values lie.

  private func offset(_ plan: ExecutionPlan, _ tensor: Tensor) throws -> Int {
    guard case .arena(let offset) = plan.storage[tensor.value.index] else {
      Issue.record("\(tensor.value) is not in the arena")
      return -1
    }
    return offset
  }

  @Test(arguments: [1, 4])
  func viewsAlias(_ width: Int) throws {
    let builder = ProgramBuilder(name: "views")
    let x = builder.input("x", shape: [4, 6])
    let views = [x.reshaped([24]), x.stopGradient(), x.reshaped([2, 2, 6]).stopGradient()]
    let copy = x.slice(from: [0, 1], to: [4, 6])
    for (index, view) in (views + [copy]).enumerated() { builder.output("\(index)", view) }
    let plan = try builder.finish().planned(width: width)
    for view in views { #expect(try offset(plan, view) == offset(plan, x)) }
    #expect(try offset(plan, copy) != offset(plan, x))
  }

  /// The passes of a discriminator: written into the stack where they are made, and read there as
  /// slices.
  @Test(arguments: [1, 4])
  func aStackIsWrittenInPlace(_ width: Int) throws {
    let builder = ProgramBuilder(name: "stack")
    let parts = (0..<3).map { builder.input("x_\($0)", shape: [1, 8, 6]).apply(.tanh) }
    let stack = builder.concatenate(parts, axis: 0)
    let entries = (0..<3).map { stack.entry($0) }
    for (index, entry) in entries.enumerated() { builder.output("\(index)", entry) }
    let plan = try builder.finish().planned(width: width)
    let start = try offset(plan, stack)
    for index in 0..<3 {
      #expect(try offset(plan, parts[index]) == start + index * 48 * width)
      #expect(try offset(plan, entries[index]) == start + index * 48 * width)
    }
    #expect(plan.outerCounts[stack.value.index] == 3)
  }

  /// A part that is needed in two places can lie in one only; a part of another tensor lies there.
  @Test func aPartInTwoStacksIsCopied() throws {
    let builder = ProgramBuilder(name: "two stacks")
    let x = builder.input("x", shape: [1, 8]).apply(.tanh)
    let y = builder.input("y", shape: [1, 8]).apply(.tanh)
    let stacks = [builder.concatenate([x, y], axis: 0), builder.concatenate([y, x, x], axis: 0)]
    for (index, stack) in stacks.enumerated() { builder.output("\(index)", stack) }
    let plan = try builder.finish().planned(width: 2)
    #expect(faults(plan) == [])
    let starts = try stacks.map { try offset(plan, $0) }
    #expect(abs(starts[0] - starts[1]) >= 32)
  }

  @Test func memoryIsUsedAgain() throws {
    let builder = ProgramBuilder(name: "chain")
    var x = builder.input("x", shape: [64])
    for _ in 0..<50 { x = x.apply(.tanh) }
    builder.output("y", x)
    #expect(try builder.finish().planned(width: 1).arenaCount == 128)
  }

  @Test func everyPlaceIsOnACacheLine() throws {
    let plan = try ReplicaProgram.smallTrainingStep().lowered().planned(width: 3)
    for value in plan.program.instructions.flatMap(\.results) {
      // Except for views and the parts of a stack, which lie where their whole says.
      guard case .arena(let offset) = plan.storage[value.index],
        plan.outerCounts[value.index] == 1, plan.program.shape(of: value).rank == 0
      else { continue }
      #expect(offset % ParameterLayout.alignment == 0)
    }
    #expect(plan.parameters.offsets.values.allSatisfy { $0 % ParameterLayout.alignment == 0 })
  }

  /// What a variable becomes must outlive every reader of what it was.
  @Test func anAssignedValueLivesToTheEnd() throws {
    let builder = ProgramBuilder(name: "assigned")
    let last = builder.variable(
      "last", shape: [64], distribution: .perReplica, role: .state, initial: .constant(0))
    let x = builder.input("x", shape: [64]).apply(.tanh)
    builder.assign("last", x)
    var y = builder.input("y", shape: [64])
    for _ in 0..<4 { y = y.apply(.exp) }
    builder.output("y", y * last)
    let plan = try builder.finish().planned(width: 1)
    #expect(faults(plan) == [])
    #expect(plan.storage[last.value.index] == .variable("last"))
    let assigned = try offset(plan, x)
    for value in plan.program.instructions.dropFirst(3).flatMap(\.results) where value != x.value {
      guard case .arena(let other) = plan.storage[value.index] else { continue }
      #expect(abs(other - assigned) >= 64, "\(value)")
    }
  }

  // Whole plans, as text.

  @Test(arguments: [1, 2])
  func planOfATrainingStep(_ width: Int) throws {
    let plan = try ReplicaProgram.smallTrainingStep().lowered().planned(width: width)
    try expectGolden("plan-training-step-width-\(width)", plan.text)
  }

  /// An average in the middle of a program: what depends on it waits for its round, what does not
  /// runs before; Adam's gradients are reduced in the last round.
  @Test func planOfAnAverageInTheMiddle() throws {
    let builder = ProgramBuilder(name: "average in the middle")
    let x = builder.input("x", shape: [8, 5])
    let w = builder.variable("w", shape: [5, 3], role: .parameter, initial: .constant(0))
    let centre = builder.variable("centre", shape: [5], role: .state, initial: .constant(0))
    let mean = (x.sum(axes: [0]) * 0.125).allReduce(.mean)
    let early = x.product(w, .plain)
    let y = (x - mean).product(w)
    let spread = (x - mean).square().sum(axes: [0]).allReduce(.sum)
    let gradient = builder.gradients(of: (y * y * early).mean(), withRespectTo: [w])[0]
    builder.update(
      ["w"],
      with: Adam(learningRate: 0.1, beta1: 0.5, beta2: 0.9, epsilon: 1e-8, variant: .pytorch),
      gradients: [gradient.allReduce(.mean)])
    builder.assign("centre", centre * 0.5 + mean / (spread + 1))
    builder.output("early", early)
    builder.output("mean", mean)
    let program = try builder.finish().lowered()
    let plan = try program.planned(width: 2)
    #expect(faults(plan) == [])
    try expectGolden("plan-average-in-the-middle", "\(program)\nis planned as\n\n\(plan.text)")
  }

  // Schedules.

  @Test func aProgramWithoutReductionsHasOneSegment() throws {
    let builder = ProgramBuilder(name: "no reductions")
    builder.output("y", builder.input("x", shape: [2]).apply(.tanh))
    let plan = try builder.finish().planned(width: 1)
    #expect(plan.segments == [[0, 1]])
    #expect(plan.rounds.isEmpty && plan.slots.isEmpty)
  }

  @Test(arguments: 0..<60)
  func instructionsRunOnceAndAfterWhatTheyRead(_ seed: Int) throws {
    let plan = try ReplicaProgram.randomOfEither(seed: seed).lowered().planned(width: 2)
    let order = plan.segments.flatMap { $0 }
    #expect(order.sorted() == Array(plan.program.instructions.indices))
    var ready: Set<Value> = []
    for (segment, instructions) in plan.segments.enumerated() {
      var reduced: [Value] = []
      for index in instructions {
        let instruction = plan.program.instructions[index]
        #expect(instruction.operands.allSatisfy(ready.contains))
        if instruction.reduction == nil {
          ready.formUnion(instruction.results)
        } else {
          let slot = try #require(plan.slot(of: index))
          #expect(slot.round >= segment && slot.round < plan.rounds.count)
          if slot.round == segment { reduced += instruction.results }
        }
      }
      ready.formUnion(reduced)
    }
  }

  /// The partial sums lie side by side, and each is swept exactly once, in its round.
  @Test(arguments: 0..<60)
  func everySlotIsSweptOnce(_ seed: Int) throws {
    let plan = try ReplicaProgram.randomOfEither(seed: seed).lowered().planned(width: 2)
    let slots = plan.slots.sorted { $0.offset < $1.offset }
    for (slot, next) in zip(slots, slots.dropFirst()) {
      #expect(slot.offset + slot.count <= next.offset)
    }
    #expect(slots.allSatisfy { $0.offset + $0.count <= plan.reductionCount })
    for slot in slots {
      for (round, sweeps) in plan.rounds.enumerated() {
        let covering = sweeps.filter {
          $0.range.overlaps(slot.offset..<(slot.offset + slot.count))
        }
        #expect(covering.count == (round == slot.round ? 1 : 0))
        #expect(
          covering.allSatisfy {
            $0.range.contains(slot.offset) && $0.range.contains(slot.offset + slot.count - 1)
          })
      }
    }
  }

  /// Adam changes parameters in the last round. What reads one after it, and the outside, must be
  /// given a copy.
  private func expectOldParameters(
    _ plan: ExecutionPlan, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    for sweeps in plan.rounds.dropLast() {
      #expect(sweeps.allSatisfy { $0.adam == nil }, sourceLocation: sourceLocation)
    }
    let trained = plan.program.updates.flatMap { update -> [String] in
      if case .adam(_, let parameters, _) = update { parameters } else { [] }
    }
    let instructions = plan.program.instructions
    let readLate = (plan.segments.last ?? []).flatMap { instructions[$0].operands }
    for value in readLate + plan.program.roots {
      guard case .variable(let name) = plan.storage[value.index] else { continue }
      #expect(!trained.contains(name), "\(value)", sourceLocation: sourceLocation)
    }
  }

  @Test(arguments: 0..<60)
  func noParameterIsReadAfterAdam(_ seed: Int) throws {
    expectOldParameters(try ReplicaProgram.randomOfEither(seed: seed).lowered().planned(width: 2))
  }

  /// The gradient is there in the first round, but the parameter is read in the second segment, in
  /// the last, and by the outside.
  @Test func adamWaitsForTheReadersOfItsParameter() throws {
    let builder = ProgramBuilder(name: "readers")
    let w = builder.variable("w", shape: [3], role: .parameter, initial: .constant(1))
    let x = builder.input("x", shape: [3])
    builder.update(
      ["w"],
      with: Adam(learningRate: 0.1, beta1: 0.5, beta2: 0.9, epsilon: 1e-8, variant: .keras),
      gradients: [x.allReduce(.mean)])
    let second = (x * w * x.square().allReduce(.mean)).allReduce(.sum)
    builder.output("last", second * w)
    builder.output("w", w.reshaped([3, 1]))
    let plan = try builder.finish().planned(width: 2)
    #expect(plan.segments.count == 3)
    expectOldParameters(plan)
    #expect(faults(plan) == [])
  }

  @Test func adamTakesAnAllReduceOfItsOwn() throws {
    let adam = Adam(learningRate: 0.1, beta1: 0.5, beta2: 0.9, epsilon: 1e-8, variant: .keras)
    let builder = ProgramBuilder(name: "adam")
    for name in ["net/a", "net/b"] {
      _ = builder.variable(name, shape: [3], role: .parameter, initial: .constant(0))
    }
    let gradient = builder.input("g", shape: [3]).allReduce(.mean)
    builder.update(["net/a", "net/b"], with: adam, gradients: [gradient, gradient])
    let program = try builder.finish()
    let error = try #require(throws: ProgramError.self) { try program.planned(width: 1) }
    #expect(
      error.description
        == "net/b: adam cannot be executed: its gradient must come from an all-reduce of its own")
  }
}
