import Glibc
import Kernels
import Program
import ProgramPasses
import RandomStreams

/// Turns a plan's instructions into kernel calls on one group's memory.
final class Binding {
  let plan: ExecutionPlan
  let program: ReplicaProgram
  /// The replicas of the group.
  let group: Range<Int>
  /// The replicas that calls are bound for at present: all of the group, or one of them in a loop.
  private(set) var replicas: Range<Int>
  var width: Int { replicas.count }
  let partials: [(sum: SubtreeSum, buffer: AlignedBuffer)]
  private let store: VariableStore
  private let reduced: AlignedBuffer
  let seed: UInt64
  let step: UnsafePointer<Int64>
  let separatesReplicas: Bool
  private let progress: Progress?
  let factory: KernelFactory
  private let arena: AlignedBuffer
  private let constants: AlignedBuffer

  /// How often each value is read, outputs and updates included.
  private let useCounts: [Value: Int]

  private(set) var inputs: [String: UnsafeMutableBufferPointer<Float>] = [:]
  private var calls: [(call: KernelCall, origin: CallOrigin)] = []
  private var isInLoop = false
  /// What calls need once before them; those of a loop, before all its turns.
  var preparations: [(call: KernelCall, origin: CallOrigin)] = []
  /// The instruction that is bound next in a loop.
  private var following: Int?
  /// A kernel's gradient that was left packed for the following instruction.
  var packedGradient: (value: Value, gradient: PackedGradient)?
  /// Values that were left packed, and lie nowhere else.
  var packedValues: Set<Value> = []
  /// What to examine after which calls, in steps that are examined.
  private var examinations: [Examination] = []
  /// Where the instruction that is bound at present writes its results, if not where they lie in the
  /// plan.
  var elsewhere: [WrittenPart] = []
  /// Partial sums of a slot that wait for others, by the slot's offset.
  var waitingSums: [Int: [UnsafeMutablePointer<Float>]] = [:]

  init(
    _ plan: ExecutionPlan, replicas: Range<Int>,
    partials: [(sum: SubtreeSum, buffer: AlignedBuffer)], store: VariableStore,
    reduced: AlignedBuffer, seed: UInt64, step: UnsafePointer<Int64>, libraries: KernelLibraries,
    separatesReplicas: Bool, progress: Progress?
  ) throws(ExecutionError) {
    self.plan = plan
    self.progress = progress
    program = plan.program
    useCounts = plan.program.useCounts
    group = replicas
    self.replicas = replicas
    self.partials = partials
    self.store = store
    self.reduced = reduced
    self.seed = seed
    self.step = step
    self.separatesReplicas = separatesReplicas && !libraries.products.rowsAreIndependent
    do { factory = try KernelFactory(libraries) } catch {
      throw .kernel(error, operation: "set-up", layer: "")
    }
    arena = AlignedBuffer(count: plan.arenaCount)
    constants = AlignedBuffer(count: plan.constantCount)
  }

  /// The calls bound since the last time, and what to examine after which of them.
  func takeCalls() -> (calls: CallList, examinations: [Examination]) {
    defer { (calls, examinations) = ([], []) }
    return (CallList(calls), examinations)
  }

  /// Appends the calls of a segment, those of its loop for each replica in turn.
  func bind(segment: Int) throws(ExecutionError) {
    let instructions = plan.segments[segment]
    let loop = plan.loops[segment]
    for position in 0..<loop.lowerBound { try bind(position, ofSegment: segment) }
    let start = calls.count
    let firstExamination = examinations.count
    isInLoop = true
    for replica in loop.isEmpty ? group.prefix(0) : group {
      replicas = replica..<(replica + 1)
      for position in loop {
        following = position + 1 < loop.upperBound ? instructions[position + 1] : nil
        try bind(position, ofSegment: segment)
      }
    }
    isInLoop = false
    following = nil
    replicas = group
    // Parameters are packed once for all replicas.
    calls.insert(contentsOf: preparations, at: start)
    for index in examinations.indices[firstExamination...] {
      examinations[index].callCount += preparations.count
    }
    preparations = []
    for position in loop.upperBound..<instructions.count {
      try bind(position, ofSegment: segment)
    }
  }

  /// Appends the calls that compute an instruction.
  private func bind(_ position: Int, ofSegment segment: Int) throws(ExecutionError) {
    let index = plan.segments[segment][position]
    let instruction = program.instructions[index]
    do {
      let own = try kernelCalls(instruction, index)
      if !isInLoop {
        calls += preparations
        preparations = []
      }
      for (position, call) in own.enumerated() {
        calls.append((call, origin(instruction, position)))
      }
      if !own.isEmpty || instruction.operation.isWrittenBeforehand {
        examinations.append(
          Examination(
            callCount: calls.count, position: .instruction(position, ofSegment: segment),
            instruction: index, replicas: replicas, elsewhere: elsewhere))
      }
      elsewhere = []
      if let progress, let mark = progress.marks[index], replicas.upperBound == group.upperBound {
        calls.append(
          (
            factory.countUp(progress.counters + mark.counter, by: mark.amount),
            CallOrigin(layer: "", operation: "progress")
          ))
      }
    } catch let error as KernelError {
      throw .kernel(error, operation: instruction.operation.mnemonic, layer: instruction.layer)
    } catch let error as ProgramError {
      throw .program(error)
    } catch {
      preconditionFailure("kernels throw KernelError or ProgramError")
    }
  }

  /// Whether the following instruction alone reads `value`, and can read it packed.
  func canStayPacked(_ value: Value) -> Bool {
    guard let following, useCounts[value] == 1,
      program.instructions[following].operands == [value]
    else { return false }
    switch program.instructions[following].operation {
    case .allReduce, .upscaledKernelGradient: return true
    default: return false
    }
  }

  func takePackedGradient(_ value: Value) -> PackedGradient? {
    guard let packed = packedGradient, packed.value == value else { return nil }
    packedGradient = nil
    return packed.gradient
  }

  /// - Parameter position: which of the instruction's calls it is; the first has its cost.
  private func origin(_ instruction: Instruction, _ position: Int) -> CallOrigin {
    let name = instruction.operation.mnemonic
    if position > 0 {
      return CallOrigin(layer: instruction.layer, operation: "\(name), call \(position + 1)")
    }
    let values = instruction.operands + instruction.results
    return CallOrigin(
      layer: instruction.layer, operation: name,
      floatingPointOperations: program.floatingPointOperations(of: instruction) * width,
      bytes: values.reduce(0) { $0 + count(of: $1) } * MemoryLayout<Float>.stride)
  }

  /// Appends the assignments to variables of the given distribution.
  func bindAssignments(_ distribution: Distribution) throws(ExecutionError) {
    for case .assign(let name, let value) in program.updates {
      guard let variable = program.variable(named: name),
        variable.type.distribution == distribution,
        let pointer = store.pointer(to: name, replica: replicas.lowerBound)
      else { continue }
      let isOwn = distribution == .perReplica
      let out = LogicalView(
        pointer, variable.type.shape, outer: 1, width: isOwn ? width : nil)
      do {
        let call = try copy(view(value), to: out, perReplica: isOwn)
        calls.append((call, CallOrigin(layer: name, operation: "assign")))
      } catch { throw .kernel(error, operation: "assign", layer: name) }
    }
  }

  /// Where one replica's elements of a value lie.
  func outputView(_ value: Value, replica: Int) -> OutputView {
    let shape = program.shape(of: value)
    let view = view(value).replica(replica)
    let outer = isPerReplica(value) ? plan.outerCounts[value.index] : 1
    let inner = shape.count / outer
    return OutputView(
      pointer: UnsafePointer(view.pointer), blocks: outer, blockCount: inner,
      stride: inner * width)
  }

  // MARK: Memory

  func isPerReplica(_ value: Value) -> Bool {
    program.type(of: value).distribution == .perReplica
  }

  /// How many floats a value has for the replicas that calls are bound for.
  func count(of value: Value) -> Int {
    program.shape(of: value).count * (isPerReplica(value) ? width : 1)
  }

  /// Where the elements of a value lie, of each replica of those that calls are bound for together,
  /// or once where all have it in common; nothing where it lies nowhere.
  func parts(of value: Value, boundFor replicas: Range<Int>) -> [WrittenPart] {
    if plan.storage[value.index] == .none { return [] }
    let start = pointer(value, boundFor: replicas)
    let count = program.shape(of: value).count
    guard isPerReplica(value) else {
      return [WrittenPart(replicas: nil, memory: dense(start, [count]))]
    }
    let outer = plan.outerCounts[value.index]
    let inner = count / outer
    return replicas.enumerated().map { index, replica in
      WrittenPart(
        replicas: replica..<(replica + 1),
        memory: StridedTensor(
          pointer: start + index * inner, dimensions: [outer, inner],
          strides: [inner * replicas.count, 1]))
    }
  }

  /// Where a value of the replicas that calls are bound for begins.
  func pointer(_ value: Value) -> UnsafeMutablePointer<Float> {
    pointer(value, boundFor: replicas)
  }

  private func pointer(
    _ value: Value, boundFor replicas: Range<Int>
  ) -> UnsafeMutablePointer<Float> {
    // Values that all replicas of the group have, one after another.
    let own =
      isPerReplica(value) && !plan.localValues.contains(value)
      ? (replicas.lowerBound - group.lowerBound) * program.shape(of: value).count : 0
    switch plan.storage[value.index] {
    case .arena(let offset): return arena.pointer + offset + own
    case .constant(let offset): return constants.pointer + offset + own
    case .reduced(let offset): return reduced.pointer + offset
    case .variable(let name):
      guard let pointer = store.pointer(to: name, replica: replicas.lowerBound) else {
        preconditionFailure("the store has every variable of the program")
      }
      return pointer
    case .none: preconditionFailure("\(value) lies nowhere, and must not be read")
    }
  }

  private func view(_ value: Value) -> LogicalView {
    LogicalView(
      pointer(value), program.shape(of: value), outer: plan.outerCounts[value.index],
      width: isPerReplica(value) ? width : nil)
  }

  /// Numbers that lie one after another.
  func dense(_ pointer: UnsafeMutablePointer<Float>, _ dimensions: [Int]) -> StridedTensor {
    StridedTensor(
      pointer: pointer, dimensions: dimensions,
      strides: dimensions.indices.map { dimensions[($0 + 1)...].reduce(1, *) })
  }

  /// Where the replica axis of a result goes among its axes; nil for a replicated one.
  private func axis(_ value: Value) -> Int? {
    isPerReplica(value)
      ? replicaAxis(plan.outerCounts[value.index], program.shape(of: value)) : nil
  }

  private func tensor(_ value: Value) -> StridedTensor {
    view(value).tensor(replicaAxis: axis(value), width: width)
  }

  private func copy(
    _ source: LogicalView, to out: LogicalView, perReplica: Bool
  ) throws(KernelError) -> KernelCall {
    try factory.elementwise(
      .identity, out: out.tensor(replicaAxis: perReplica ? 0 : nil, width: width),
      source.tensor(replicaAxis: perReplica ? 0 : nil, width: width))
  }

  /// `source`, seen with the shape of `result`, copied into it.
  private func copy(_ source: LogicalView, to result: Value) throws(KernelError) -> KernelCall {
    try factory.elementwise(
      .identity, out: tensor(result),
      source.tensor(replicaAxis: axis(result), width: width))
  }

  // MARK: Instructions

  private func kernelCalls(_ instruction: Instruction, _ index: Int) throws -> [KernelCall] {
    let operands = instruction.operands
    let result = instruction.results[0]
    let shape = program.shape(of: result)
    func unsupported(_ detail: String) -> ProgramError {
      .unsupported(
        operation: instruction.operation.mnemonic, layer: instruction.layer, detail: detail)
    }

    switch instruction.operation {
    case .input(let name, _):
      inputs[name] = UnsafeMutableBufferPointer(
        start: pointer(result), count: count(of: result))
      return []
    case .variable(let name):
      guard case .arena = plan.storage[result.index],
        let source = store.pointer(to: name, replica: replicas.lowerBound)
      else { return [] }
      let count = count(of: result)
      return [
        try factory.elementwise(
          .identity, out: dense(pointer(result), [count]), dense(source, [count]))
      ]
    case .constant(let number, _):
      pointer(result).update(repeating: Float(number), count: shape.count)
      return []
    case .replicaConstant(let numbers):
      guard numbers.count >= replicas.upperBound else {
        throw unsupported("\(numbers.count) numbers for replica \(replicas.upperBound - 1)")
      }
      for (position, replica) in replicas.enumerated() {
        pointer(result)[position] = Float(numbers[replica])
      }
      return []
    case .random(let distribution, let name, _):
      let examples = shape.rank == 0 ? 1 : shape[0]
      return [
        factory.random(
          out: pointer(result), normal: distribution == .normal, seed: seed,
          stream: RandomStream(seed: seed, name: name).identifier,
          examples: examples * width, firstExample: replicas.lowerBound * examples,
          elements: shape.count / examples, step: step)
      ]

    case .elementwise(let function):
      let inputs = operands.map {
        view($0).broadcast(to: shape).tensor(replicaAxis: axis(result), width: width)
      }
      return [
        try factory.elementwise(
          function.kernel, out: tensor(result), inputs[0], inputs.count > 1 ? inputs[1] : nil)
      ]
    case .sum(let axes):
      let operand = operands[0]
      guard let axis = axis(operand) else {
        return [try factory.sum(out: tensor(result), of: tensor(operand), axes: axes)]
      }
      // The replica axis stays, among the kept axes that lie before it in the operand.
      let kept = (0..<axis).filter { !axes.contains($0) }.count
      return [
        try factory.sum(
          out: view(result).tensor(replicaAxis: kept, width: width), of: tensor(operand),
          axes: axes.map { $0 < axis ? $0 : $0 + 1 })
      ]
    case .broadcast:
      return [try copy(view(operands[0]).broadcast(to: shape), to: result)]
    case .transpose(let permutation):
      return [try copy(view(operands[0]).transposed(permutation), to: result)]
    case .stopGradient, .reshape:
      return try reshape(operands[0], result, unsupported)
    case .slice(let from, _):
      if plan.isView(instruction) { return [] }
      return [
        try copy(view(operands[0]).slice(from: from, dimensions: shape.dimensions), to: result)
      ]
    case .pad(let low, _):
      let inside = view(result).slice(
        from: low, dimensions: program.shape(of: operands[0]).dimensions)
      return [
        factory.fill(pointer(result), count: count(of: result), 0),
        try copy(view(operands[0]), to: inside, perReplica: isPerReplica(result)),
      ]
    case .concatenate(let axis): return try concatenate(operands, axis, result)

    case .product(.transposedLeft):
      return try rowsProduct(operands[0], operands[1], result, unsupported)
    case .product(let form):
      return try product(
        form, operands[0], operands[1], result, bias: nil, .identity, unsupported)
    case .dense(let activation):
      return try product(
        .plain, operands[0], operands[1], result, bias: operands[2], activation, unsupported)
    case .reducedProduct:
      return try reducedProduct(operands[0], operands[1], index, unsupported)

    case .convolution, .biasedConvolution, .transposedConvolution, .kernelGradient:
      return try convolution(instruction, unsupported)
    case .resize, .resizeGradient, .upscale, .upscaleGradient, .averagePool, .averagePoolGradient:
      return try images(instruction, unsupported)
    case .dropout(let attributes): return dropout(attributes, operands[0], result)
    case .upscaledKernel:
      return [
        factory.upscaledKernel(
          pointer(operands[0]), channels: shape[3], filters: shape[2], out: pointer(result))
      ]
    case .upscaledKernelGradient:
      if let packed = takePackedGradient(operands[0]) {
        return [
          factory.upscaledKernelGradient(
            packed, channels: shape[2], filters: shape[3], dw: pointer(result))
        ]
      }
      return [
        factory.upscaledKernelGradient(
          pointer(operands[0]), channels: shape[2], filters: shape[3], dw: pointer(result))
      ]

    case .batchNorm(let attributes), .batchNormGradient(let attributes):
      return try normalization(instruction, attributes, unsupported)
    case .activationGradientBias(let activation):
      return try activationGradientBias(instruction, activation, unsupported)

    case .allReduce: return try partialSums(of: operands[0], index)
    case .gradient: throw unsupported("gradients are expanded before execution")
    }
  }

  private func reshape(
    _ operand: Value, _ result: Value, _ unsupported: (String) -> ProgramError
  ) throws -> [KernelCall] {
    if pointer(operand) == pointer(result) { return [] }
    let count = count(of: result)
    let (outer, newOuter) = (plan.outerCounts[operand.index], plan.outerCounts[result.index])
    let source = pointer(operand)
    if !isPerReplica(result) || outer == newOuter {
      return [
        try factory.elementwise(
          .identity, out: dense(pointer(result), [count]), dense(source, [count]))
      ]
    }
    guard newOuter == 1 else { throw unsupported("the replica axis cannot move inwards") }
    // [outer, width, inner] → [width, outer, inner]
    let inner = count / width / outer
    let dimensions = [width, outer, inner]
    return [
      try factory.elementwise(
        .identity,
        out: StridedTensor(
          pointer: pointer(result), dimensions: dimensions, strides: [outer * inner, inner, 1]),
        StridedTensor(
          pointer: source, dimensions: dimensions, strides: [inner, width * inner, 1]))
    ]
  }

  private func concatenate(_ operands: [Value], _ axis: Int, _ result: Value) throws -> [KernelCall]
  {
    var start = 0
    var calls: [KernelCall] = []
    for operand in operands {
      var from = program.shape(of: result).dimensions.map { _ in 0 }
      from[axis] = start
      let dimensions = program.shape(of: operand).dimensions
      start += dimensions[axis]
      let part = view(result).slice(from: from, dimensions: dimensions)
      let source = view(operand)
      // Operands that were planned into the result are there already.
      if source.pointer == part.pointer { continue }
      calls.append(try copy(source, to: part, perReplica: isPerReplica(result)))
    }
    return calls
  }

  // MARK: Normalisation

  func groups(
    _ x: Value, _ attributes: BatchNormAttributes, _ unsupported: (String) -> ProgramError
  ) throws -> KernelFactory.Groups {
    let shape = program.shape(of: x)
    let first = attributes.axes.first ?? 0
    let replicaAxis = axis(x) ?? 0
    guard attributes.axes == Array(first..<(shape.rank - 1)), replicaAxis <= first else {
      throw unsupported("statistics over the axes \(attributes.axes) are not contiguous")
    }
    return KernelFactory.Groups(
      groups: shape.count(before: first) * (isPerReplica(x) ? width : 1),
      rows: attributes.axes.reduce(1) { $0 * shape[$1] }, columns: shape[shape.rank - 1])
  }

  private func activationGradientBias(
    _ instruction: Instruction, _ activation: Activation, _ unsupported: (String) -> ProgramError
  ) throws -> [KernelCall] {
    let (dy, y) = (instruction.operands[0], instruction.operands[1])
    let (dx, bias) = (instruction.results[0], instruction.results[1])
    let outer = plan.outerCounts[dx.index]
    guard plan.outerCounts[dy.index] == outer, plan.outerCounts[y.index] == outer,
      isPerReplica(dy), isPerReplica(y)
    else { throw unsupported("dy and y are laid out differently") }
    let shape = program.shape(of: dx)
    let columns = shape[shape.rank - 1]
    let rows = shape.count / columns / outer
    // A replica's rows lie in `outer` segments: their sums are added afterwards.
    let sums = outer == 1 ? pointer(bias) : factory.allocate(count: outer * width * columns)
    var calls = [
      factory.activationGradientBias(
        dy: pointer(dy), y: pointer(y), dx: pointer(dx), bias: sums,
        KernelFactory.Groups(groups: outer * width, rows: rows, columns: columns),
        activation.kernel)
    ]
    if outer != 1 {
      calls.append(
        try factory.sum(
          out: dense(pointer(bias), [width * columns]), of: dense(sums, [outer, width * columns]),
          axes: [0]))
    }
    return calls
  }
}

extension ExecutionPlan {
  /// Whether the instruction's result lies in its operand's memory.
  fileprivate func isView(_ instruction: Instruction) -> Bool {
    let shift = program.viewOffset(of: instruction, outer: outerCounts) { count(of: $0) }
    guard let shift else { return false }
    switch (storage[instruction.operands[0].index], storage[instruction.results[0].index]) {
    case (.arena(let operand), .arena(let result)): return result == operand + shift
    case (let operand, let result): return operand == result && shift == 0
    }
  }
}

extension Operation {
  /// Whether the result is there without any call.
  fileprivate var isWrittenBeforehand: Bool {
    switch self {
    case .input, .constant, .replicaConstant: true
    default: false
    }
  }
}
