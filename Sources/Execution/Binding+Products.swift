import Kernels
import Program
import ProgramPasses

/// Products and the partial sums that all-reduces add.
extension Binding {
  /// Rows of x, through a matrix that all replicas share or each has its own of.
  func product(
    _ form: ProductForm, _ x: Value, _ matrix: Value, _ result: Value, bias: Value?,
    _ activation: Activation, _ unsupported: (String) -> ProgramError
  ) throws -> [KernelCall] {
    let matrixShape = program.shape(of: matrix)
    let (k, n) = (matrixShape[0], matrixShape[1])
    let (inWidth, outWidth) = form == .plain ? (k, n) : (n, k)
    let rows = program.shape(of: result).count / outWidth
    let isOwn = isPerReplica(matrix)
    guard
      !isPerReplica(x)
        || plan.outerCounts[x.index] * outWidth * program.shape(of: x).count
          == plan.outerCounts[result.index] * inWidth * program.shape(of: result).count
        || plan.outerCounts[x.index] == plan.outerCounts[result.index]
    else { throw unsupported("x and the result are laid out differently") }

    // Blocks of rows that are multiplied in a call of their own.
    let outer = isPerReplica(result) ? plan.outerCounts[result.index] : 1
    let blocks = isPerReplica(result) && (isOwn || separatesReplicas) ? outer * width : 1
    if isOwn && outer != 1 {
      throw unsupported("every replica's own matrix needs replica-major rows")
    }
    let blockRows = isPerReplica(result) ? rows * width / blocks : rows
    return try (0..<blocks).flatMap { block in
      try factory.product(
        form.kernel, pointer(x) + (isPerReplica(x) ? block * blockRows * inWidth : 0),
        pointer(matrix) + (isOwn ? block * k * n : 0),
        out: pointer(result) + block * blockRows * outWidth, rows: blockRows, k: k, n: n,
        bias: bias.map { UnsafePointer(pointer($0)) }, activation: activation.kernel)
    }
  }

  /// How the rows of a per-replica value lie: `outer` segments of `width` times `rows`.
  private func rowLayout(_ x: Value, _ y: Value) -> (outer: Int, rows: Int)? {
    let (xShape, yShape) = (program.shape(of: x), program.shape(of: y))
    let outer = plan.outerCounts[x.index]
    guard outer == plan.outerCounts[y.index], replicaAxis(outer, xShape) < xShape.rank,
      replicaAxis(outer, yShape) < yShape.rank
    else { return nil }
    return (outer, xShape.count(before: xShape.rank - 1) / outer)
  }

  /// xᵀ · y, of each replica where they differ.
  func rowsProduct(
    _ x: Value, _ y: Value, _ result: Value, _ unsupported: (String) -> ProgramError
  ) throws -> [KernelCall] {
    let shape = program.shape(of: result)
    let (k, n) = (shape[0], shape[1])
    guard isPerReplica(x), isPerReplica(y) else {
      guard !isPerReplica(result) else { throw unsupported("one operand is replicated") }
      let rows = program.shape(of: x).count / k
      return try factory.product(
        .transposedLeft, pointer(x), pointer(y), out: pointer(result), rows: rows, k: k, n: n)
    }
    guard let layout = rowLayout(x, y) else {
      throw unsupported("the rows are laid out differently")
    }
    return (0..<width).map { replica in
      factory.weightGradient(
        x: pointer(x) + replica * layout.rows * k, y: pointer(y) + replica * layout.rows * n,
        out: pointer(result) + replica * k * n, merges: [0], segments: layout.outer,
        segmentRows: layout.rows * width, rows: layout.rows, k: k, n: n)
    }
  }

  /// xᵀ · y over all replicas of each partial sum, into its reduction buffer: in one product where
  /// the group makes a single sum in any order, along the tree otherwise.
  func reducedProduct(
    _ x: Value, _ y: Value, _ index: Int, _ unsupported: (String) -> ProgramError
  ) throws -> [KernelCall] {
    guard let slot = plan.slot(of: index), let layout = rowLayout(x, y) else {
      throw unsupported("the rows are laid out differently")
    }
    let k = program.shape(of: x).dimensions.last ?? 1
    let n = program.shape(of: y).dimensions.last ?? 1
    if replicas != group {
      let own = factory.allocate(count: k * n)
      elsewhere = [WrittenPart(replicas: replicas, memory: dense(own, [k * n]))]
      return [
        factory.weightGradient(
          x: pointer(x), y: pointer(y), out: own, merges: [0], segments: 1,
          segmentRows: layout.outer * layout.rows, rows: layout.outer * layout.rows, k: k, n: n)
      ] + (try partialSums(adding: dense(own, [k * n]), slot))
    }
    return try partials.flatMap { sum, buffer -> [KernelCall] in
      let out = buffer.pointer + slot.offset
      elsewhere.append(WrittenPart(replicas: sum.replicas, memory: dense(out, [k * n])))
      if sum.merges.isEmpty {
        return try factory.product(
          .transposedLeft, pointer(x), pointer(y), out: out,
          rows: layout.outer * width * layout.rows, k: k, n: n)
      }
      let first = sum.replicas.lowerBound - replicas.lowerBound
      return [
        factory.weightGradient(
          x: pointer(x) + first * layout.rows * k, y: pointer(y) + first * layout.rows * n,
          out: out, merges: sum.merges, segments: layout.outer,
          segmentRows: layout.rows * width, rows: layout.rows, k: k, n: n)
      ]
    }
  }

  /// The sums of a value over the replicas of each partial sum, into its reduction buffer.
  func partialSums(of value: Value, _ index: Int) throws -> [KernelCall] {
    guard let slot = plan.slot(of: index) else { return [] }
    if let packed = takePackedGradient(value) {
      return try partialSums(adding: tensor(packed, program.shape(of: value)), slot)
    }
    if replicas != group {
      return try partialSums(
        adding: dense(pointer(value), [program.shape(of: value).count]), slot)
    }
    var calls: [KernelCall] = []
    var source = pointer(value)
    let count = program.shape(of: value).count
    let outer = plan.outerCounts[value.index]
    if outer != 1 {
      // Each replica's elements together, so that the tree can add them.
      let dimensions = [width, outer, count / outer]
      let scratch = factory.allocate(count: count * width)
      calls.append(
        try factory.elementwise(
          .identity,
          out: dense(scratch, dimensions),
          StridedTensor(
            pointer: source, dimensions: dimensions,
            strides: [count / outer, width * count / outer, 1])))
      source = scratch
    }
    for (sum, buffer) in partials {
      let blocks = sum.replicas.map { replica in
        UnsafePointer(source + (replica - replicas.lowerBound) * count)
      }
      // Where any order will do, pairs of pairs: that is what the kernel does in registers.
      let merges = sum.merges.isEmpty ? Self.pairwiseMerges(blocks.count) : sum.merges
      elsewhere.append(
        WrittenPart(
          replicas: sum.replicas, memory: dense(buffer.pointer + slot.offset, [count])))
      calls.append(
        factory.sumTree(blocks, merges: merges, out: buffer.pointer + slot.offset, count: count))
    }
    return calls
  }

  /// Adds the value of the one replica that calls are bound for to its partial sum: along the tree,
  /// which is run as the stack machine that its merges describe (`ReductionTree.merges`), with the
  /// partial sum's own buffer as the stack's bottom. Where any order will do, to a running sum.
  private func partialSums(
    adding value: StridedTensor, _ slot: ExecutionPlan.ReductionSlot
  ) throws(KernelError) -> [KernelCall] {
    guard
      let (sum, buffer) = partials.first(where: { $0.sum.replicas.contains(replicas.lowerBound) })
    else { preconditionFailure("every replica of a group belongs to a partial sum") }
    let position = replicas.lowerBound - sum.replicas.lowerBound
    let merges =
      sum.merges.isEmpty
      ? (0..<sum.replicas.count).map { $0 == 0 ? 0 : 1 } : sum.merges.map(Int.init)
    let depth = position - merges[..<position].reduce(0, +)

    func level(_ index: Int) -> StridedTensor {
      while waitingSums[slot.offset, default: []].count < index {
        waitingSums[slot.offset, default: []].append(factory.allocate(count: slot.count))
      }
      let pointer =
        index == 0
        ? buffer.pointer + slot.offset : waitingSums[slot.offset, default: []][index - 1]
      return dense(pointer, value.dimensions)
    }
    // From which replica on the sum is that is made now.
    let first =
      (0...position).reduce(into: [Int]()) { starts, position in
        starts.append(position)
        starts.removeLast(merges[position])
      }.last ?? 0
    elsewhere.append(
      WrittenPart(
        replicas: (sum.replicas.lowerBound + first)..<replicas.upperBound,
        memory: level(depth - merges[position])))
    if merges[position] == 0 {
      return [try factory.elementwise(.identity, out: level(depth), value)]
    }
    var calls = [
      try factory.elementwise(.add, out: level(depth - 1), level(depth - 1), value)
    ]
    for merge in 1..<merges[position] {
      let left = level(depth - merge - 1)
      calls.append(try factory.elementwise(.add, out: left, left, level(depth - merge)))
    }
    return calls
  }

  /// The additions of a balanced tree over `count` values, what is left over at the end.
  private static func pairwiseMerges(_ count: Int) -> [Int32] {
    var merges = (1...count).map { Int32($0.trailingZeroBitCount) }
    merges[count - 1] = Int32(count - 1) - merges.dropLast().reduce(0, +)
    return merges
  }
}
