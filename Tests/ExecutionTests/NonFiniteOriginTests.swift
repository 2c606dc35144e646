import Execution
import Kernels
import Program
import ProgramPasses
import TestSupport
import Testing

/// Programs in which it is known what makes the first infinity or NaN.
struct NonFiniteOriginTests {
  private struct Expected {
    let operation: String?
    /// Nil where any will do: which sums are made first depends on who runs together.
    var replicas: Range<Int>??
    let element: Int
    var number = Float.infinity
  }

  private static let replicas = 4

  /// Expects the same origin for all widths, libraries and orders.
  ///
  /// - Parameter spoil: changes the inputs, which are numbers from 1 to 2, one replica's at a time.
  @discardableResult
  private func expect(
    _ expected: Expected, of program: ReplicaProgram,
    _ spoil: (_ input: String, _ replica: Int, inout [Double]) -> Void = { _, _, _ in },
    prepare: (VariableStore) -> Void = { _ in }, sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> [NonFiniteOrigin] {
    var inputs = program.seededInputs(replicas: Self.replicas, seed: 3)
    for (name, tensors) in inputs {
      inputs[name] = tensors.enumerated().map { replica, tensor in
        var values = tensor.values.map { 1 + abs($0) / 2 }
        spoil(name, replica, &values)
        return DoubleTensor(shape: tensor.shape, values: values)
      }
    }
    var origins: [NonFiniteOrigin] = []
    for width in 1...Self.replicas {
      for backend in backends {
        for order in ProgramRun.Order.allCases {
          let run = try ProgramRun(
            program, replicas: Self.replicas, width: width, backend: backend, order: order)
          prepare(run.store)
          let how: Comment = "width \(width), \(backend), \(order)"
          let found = try #require(
            try run.firstNonFinite(inputs), how, sourceLocation: sourceLocation)
          #expect(found.operation == expected.operation, how, sourceLocation: sourceLocation)
          #expect(found.element == expected.element, how, sourceLocation: sourceLocation)
          #expect(
            found.number == expected.number || (found.number.isNaN && expected.number.isNaN), how,
            sourceLocation: sourceLocation)
          if let replicas = expected.replicas {
            #expect(found.replicas == replicas, how, sourceLocation: sourceLocation)
          }
          origins.append(found)
        }
      }
    }
    return origins
  }

  // MARK: - Operations

  @Test(arguments: [Layout.replicaMajor, .stacked])
  func anElementOfOneReplica(_ layout: Layout) throws {
    for (operation, number, result) in [
      ("exp", 100, .infinity), ("log", -1, .nan), ("square_root", -4, .nan),
      ("square", 1e30, .infinity), ("log", 0, -.infinity),
    ] as [(String, Double, Float)] {
      let builder = ProgramBuilder(name: "element")
      let x = layout.source(builder, "x", [3, 4, 5])
      let y = (x + 0).reshaped([3, 4, 5])
      let z =
        switch operation {
        case "exp": y.apply(.exp)
        case "log": y.log()
        case "square": y.square()
        default: y.squareRoot()
        }
      builder.output("sum", z.sum(axes: [0, 1, 2]) - 1)
      builder.output("both", builder.concatenate([z, z * 2], axis: 0))
      let origins = try expect(
        Expected(operation: operation, replicas: 2..<3, element: 33, number: result),
        of: try builder.finish()
      ) { input, replica, values in
        guard replica == 2 else { return }
        // Element 33 is the second part's 13th, where the parts come one by one.
        if input == "x" { values[33] = number } else if input == "x_1" { values[13] = number }
      }
      if abs(number) > 2 {
        #expect(origins.allSatisfy { $0.largestInput?.magnitude == Float(abs(number)) })
      }
    }
  }

  /// Of two replicas the lower one, of two operations the earlier one: whichever is run first.
  @Test func theEarliestOperationOfTheLowestReplica() throws {
    let builder = ProgramBuilder(name: "earliest")
    let x = builder.input("x", shape: [2, 4, 4, 2])
    let y = x.upscaled(by: 2).apply(.exp)
    builder.output("z", y.upscaled(by: 2).square())
    // In replica 0 the square overflows, in replicas 1 and 3 the exponential does before it.
    try expect(
      Expected(operation: "exp", replicas: 1..<2, element: 0), of: try builder.finish()
    ) { _, replica, values in
      if replica == 0 { values[0] = 80 }
      if replica == 1 || replica == 3 { values[0] = 100 }
    }
  }

  @Test func aConstantThatIsTooLarge() throws {
    let builder = ProgramBuilder(name: "constant")
    let x = builder.input("x", shape: [3])
    builder.output("y", x * builder.constant(1e300, shape: [3]))
    try expect(
      Expected(operation: "constant", replicas: .some(nil), element: 0), of: try builder.finish())
  }

  /// A convolution's kernel gradient, which a library leaves packed, in a loop over the replicas.
  @Test(arguments: [1, 3, 16])
  func aKernelsGradient(channels: Int) throws {
    let builder = ProgramBuilder(name: "packed")
    let x = builder.input("x", shape: [2, 4, 4, channels])
    let kernel = builder.variable(
      "kernel", shape: [3, 3, channels, 16], role: .parameter, initial: .uniform(bound: 1))
    let y = x.convolution(kernel, .padded(1, stride: 1))
    let gradient = builder.gradients(
      of: (y * 1e20).sum(axes: [0, 1, 2, 3]), withRespectTo: [kernel])
    builder.update(
      ["kernel"],
      with: Adam(learningRate: 0.01, beta1: 0.5, beta2: 0.999, epsilon: 1e-3, variant: .keras),
      gradients: [gradient[0].allReduce(.mean)])
    let program = try builder.finish().lowered()
    // All of the kernel's pixels see that one, in its last channel.
    let origins = try expect(
      Expected(operation: "kernel_gradient", replicas: 2..<3, element: (channels - 1) * 16),
      of: program
    ) { _, replica, values in if replica == 2 { values[6 * channels - 1] = 1e25 } }
    #expect(origins.allSatisfy { $0.shape == [3, 3, channels, 16] })
  }

  // MARK: - Sums over replicas, and Adam

  /// Each replica's number is finite, and the sum is not, wherever it is made.
  @Test(arguments: [false, true], [Reduction.sum, .mean])
  func aSumOverReplicas(inLoop: Bool, _ reduction: Reduction) throws {
    let builder = ProgramBuilder(name: "sum")
    let x = builder.input("x", shape: [2, 4, 4, 2])
    let own = inLoop ? x.averagePooled(PoolAttributes(window: [1, 1], strides: [1, 1])) : x * 1
    builder.output("sum", own.allReduce(reduction))
    try expect(
      Expected(operation: "all_reduce", element: 7), of: try builder.finish()
    ) { _, _, values in values[7] = 3e38 }
  }

  /// The gradient is finite, its square is not; the parameter stays finite, and so does the step's output.
  @Test(arguments: [Adam.Variant.keras, .pytorch])
  func aSecondMoment(_ variant: Adam.Variant) throws {
    let builder = ProgramBuilder(name: "adam")
    let x = builder.input("x", shape: [2, 20])
    _ = builder.variable("bias", shape: [3], role: .parameter, initial: .constant(1))
    let kernel = builder.variable(
      "layer/kernel", shape: [20, 3], role: .parameter, initial: .constant(1e-9))
    let weights = builder.input("y", shape: [2, 3])
    let loss = (x.product(kernel) * weights).sum(axes: [0, 1])
    let gradients = builder.gradients(of: loss, withRespectTo: [kernel])
    builder.update(
      ["layer/kernel"],
      with: Adam(learningRate: 0.01, beta1: 0.5, beta2: 0.999, epsilon: 1e-3, variant: variant),
      gradients: gradients.map { $0.allReduce(.mean) })
    builder.output("loss", loss)
    let program = try builder.finish().lowered()
    let origins = try expect(
      Expected(operation: "adam", replicas: .some(nil), element: 17 * 3), of: program
    ) { input, _, values in if input == "x" { values[17] = 1e24 } }
    #expect(origins.allSatisfy { $0.value == "adam/second_moment/layer/kernel" })
    #expect(origins.allSatisfy { $0.layer == "layer" && $0.shape == [20, 3] })
  }

  // MARK: - What was there before

  private static func store() -> VariableStore {
    VariableStore(
      [
        Variable(
          name: "a/kernel", type: TensorType([5, 7], .replicated), role: .parameter,
          initial: .constant(1)),
        Variable(
          name: "own", type: TensorType([3], .perReplica), role: .state, initial: .constant(1)),
        Variable(
          name: "b/kernel", type: TensorType([100], .replicated), role: .parameter,
          initial: .constant(1)),
        Variable(
          name: "common", type: TensorType([2], .replicated), role: .state, initial: .constant(1)),
      ], replicas: 2..<5, seed: 1)
  }

  /// Every element of every variable and moment is looked at, and the padding between them is not.
  @Test(arguments: [Float.infinity, -.infinity, .nan])
  func everyElementOfAStore(_ number: Float) throws {
    let store = Self.store()
    let padding = Set(store.parameters.values.indices).subtracting(
      store.layout.offsets.flatMap { name, offset in
        offset..<(offset + (store.variables.first { $0.name == name }?.type.shape.count ?? 0))
      })
    #expect(padding.count == 13 + 12)
    for buffer in [store.parameters, store.firstMoments, store.secondMoments] {
      for index in padding { buffer.values[index] = number }
    }
    #expect(store.firstNonFinite == nil)

    func expectFound(
      _ name: String, _ element: Int, _ replica: Int?, at pointer: UnsafeMutablePointer<Float>?
    ) throws {
      let place = try #require(pointer)
      let before = place[element]
      place[element] = number
      let found = store.firstNonFinite
      #expect(found?.value == name && found?.element == element && found?.operation == nil)
      #expect(found?.replicas == replica.map { $0..<($0 + 1) })
      place[element] = before
      #expect(store.firstNonFinite == nil)
    }
    for variable in store.variables {
      for element in 0..<variable.type.shape.count {
        for replica in variable.type.distribution == .perReplica ? [2, 3, 4] : [nil] {
          try expectFound(
            variable.name, element, replica,
            at: store.pointer(to: variable.name, replica: replica ?? 2))
        }
        guard let offset = store.layout.offsets[variable.name] else { continue }
        try expectFound(
          "adam/first_moment/\(variable.name)", element, nil,
          at: store.firstMoments.pointer + offset)
        try expectFound(
          "adam/second_moment/\(variable.name)", element, nil,
          at: store.secondMoments.pointer + offset)
      }
    }
  }

  /// Of several the first declared, and a parameter before its moments.
  @Test func ofSeveralVariablesTheFirst() {
    let store = Self.store()
    store.write([1, .nan], to: "common")
    #expect(store.firstNonFinite?.value == "common")
    store.secondMoments.values[store.layout.offsets["b/kernel"] ?? 0] = .nan
    #expect(store.firstNonFinite?.value == "adam/second_moment/b/kernel")
    #expect(store.firstNonFinite?.layer == "b")
    store.write([1, 1, .nan], to: "own", replica: 3)
    #expect(store.firstNonFinite?.replicas == 3..<4 && store.firstNonFinite?.element == 2)
    store.write(Array(repeating: .nan, count: 35), to: "a/kernel")
    #expect(store.firstNonFinite?.value == "a/kernel" && store.firstNonFinite?.element == 0)
  }

  @Test func whatWasThereBeforeIsNoOperations() throws {
    let builder = ProgramBuilder(name: "before")
    let last = builder.variable(
      "last", shape: [4], distribution: .perReplica, role: .state, initial: .constant(0))
    let x = builder.input("x", shape: [4])
    builder.output("y", x + last)
    builder.assign("last", x)
    let program = try builder.finish()
    try expect(
      Expected(operation: nil, replicas: 3..<4, element: 1, number: -.infinity), of: program,
      prepare: { $0.write([0, -.infinity, 0, 0], to: "last", replica: 3) })
    try expect(
      Expected(operation: nil, replicas: 1..<2, element: 2, number: .nan), of: program
    ) { _, replica, values in if replica == 1 { values[2] = .nan } }
  }
}
