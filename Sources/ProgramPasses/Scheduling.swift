import Program

/// What runs before, between and after the all-reduces, and in which order.
struct Schedule {
  private(set) var segments: [[Int]] = []
  /// For each segment, the positions of the instructions that run replica by replica.
  private(set) var loops: [Range<Int>] = []
  private(set) var slots: [ExecutionPlan.ReductionSlot] = []
  private(set) var rounds: [[ExecutionPlan.Sweep]] = []
  /// The all-reduces, by instruction, whose results are read by something else than Adam.
  private(set) var stored: Set<Int> = []
  private(set) var reductionCount: Int

  /// - Throws: `ProgramError.unsupported` where Adam takes anything but an all-reduced gradient.
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
    let afterAdam = Int.max
    var level = [Int](repeating: 0, count: program.types.count)
    var last = 0
    var segmentOf: [Int] = []
    for (index, instruction) in program.instructions.enumerated() {
      let segment = instruction.operands.map { level[$0.index] }.max() ?? 0
      segmentOf.append(segment)
      guard instruction.reduction != nil else {
        for result in instruction.results { level[result.index] = segment }
        continue
      }
      guard segment != afterAdam else {
        throw .unsupported(
          operation: "all_reduce", layer: instruction.layer,
          detail: "nothing that depends on a gradient for Adam can be reduced in the same step")
      }
      level[instruction.results[0].index] = adams[index] == nil ? segment + 1 : afterAdam
      last = max(last, segment)
    }
    segmentOf = segmentOf.map { $0 == afterAdam ? last + 1 : $0 }
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
    for (index, segment) in segments.enumerated() {
      let (order, loop) = program.loopOverReplicas(segment)
      segments[index] = order
      loops.append(loop)
    }
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

extension ReplicaProgram {
  /// The order of a segment's instructions, and which of them run replica by replica: all between
  /// the first and the last operation on images. What replicas share, and what needs nothing, comes
  /// before them; a gradient is added to its partial sum as soon as it is there, so that it need not
  /// be kept.
  fileprivate func loopOverReplicas(_ segment: [Int]) -> (order: [Int], loop: Range<Int>) {
    let isImage = { (index: Int) in
      let instruction = self.instructions[index]
      return instruction.operation.isOfImages
        && self.type(of: instruction.results[0]).distribution == .perReplica
    }
    guard segment.contains(where: isImage) else { return (segment, 0..<0) }

    let isEarly = { (index: Int) in
      let instruction = self.instructions[index]
      return instruction.operands.isEmpty
        || instruction.reduction == nil
          && instruction.results.allSatisfy { self.type(of: $0).distribution == .replicated }
    }
    let early = segment.filter(isEarly)
    let rest = segment.filter { !isEarly($0) }

    // Each reduction goes to where the last of its operands is defined.
    var waiting = rest.filter { instructions[$0].reduction != nil }
    let own = Set(rest)
    var defined = Set(
      instructions.indices.filter { !own.contains($0) }.flatMap { instructions[$0].results })
    var order: [Int] = []
    func appendReductions() {
      let ready = waiting.filter { instructions[$0].operands.allSatisfy(defined.contains) }
      order += ready
      waiting.removeAll { ready.contains($0) }
    }
    appendReductions()
    for index in rest where instructions[index].reduction == nil {
      order.append(index)
      defined.formUnion(instructions[index].results)
      appendReductions()
    }

    guard let first = order.firstIndex(where: isImage), var last = order.lastIndex(where: isImage)
    else { return (early + order, 0..<0) }
    // A kernel's gradient is summed within the loop.
    while last + 1 < order.count, instructions[order[last + 1]].reduction != nil { last += 1 }
    return (early + order, (early.count + first)..<(early.count + last + 1))
  }
}

extension Operation {
  /// Whether the operands are images, of which one replica's are enough to keep a core busy.
  fileprivate var isOfImages: Bool {
    switch self {
    case .convolution, .biasedConvolution, .transposedConvolution, .kernelGradient, .resize,
      .resizeGradient, .upscale, .upscaleGradient, .averagePool, .averagePoolGradient,
      .upscaledKernelGradient:
      true
    default: false
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
