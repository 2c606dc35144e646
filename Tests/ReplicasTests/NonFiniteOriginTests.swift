import Execution
import Kernels
import Program
import ProgramPasses
import Replicas
import TestSupport
import Testing

/// Who is named as the first to have made a number that is not finite.
@Suite(.serialized)
struct NonFiniteOriginTests {
  private static let cases: [@Sendable () throws -> TrainingCase] = [
    { try .small() }, { try .convolutional() }, { try .convolutional(.pytorch, groupSize: 4) },
  ]

  /// What is wrong in a step.
  private enum Fault: Sendable, CustomStringConvertible {
    /// A number in a variable; in one replica's, where it has its own.
    case variable(String, element: Int, Float, replica: Int? = nil)
    /// A number in one replica's images.
    case image(replica: Int, element: Int, Float)
    /// A number in Adam's second moment of a parameter.
    case moment(String, element: Int, Float)

    var description: String {
      switch self {
      case .variable(let name, let element, let number, let replica):
        "\(name)[\(element)] = \(number)\(replica.map { " in replica \($0)" } ?? "")"
      case .image(let replica, let element, let number):
        "image[\(element)] = \(number) of replica \(replica)"
      case .moment(let name, let element, let number): "moment of \(name)[\(element)] = \(number)"
      }
    }

    func apply(to store: VariableStore, isWriter: Bool) {
      switch self {
      case .variable(let name, let element, let number, let replica):
        if let replica, !store.replicas.contains(replica) { return }
        var values = store.read(name, replica: replica)
        values[element] = number
        store.write(values, to: name, replica: replica)
      case .image: break
      case .moment(let name, let element, let number):
        guard isWriter, let offset = store.layout.offsets[name] else { return }
        store.secondMoments.values[offset + element] = number
      }
    }

    func apply(to batches: SeededBatches, of replicas: Int) {
      guard case .image(let replica, let element, let number) = self else { return }
      batches.set(number, at: element, step: 0, replica: replica, of: replicas)
    }

    func apply(to reference: inout ReferenceInterpreter) {
      switch self {
      case .variable(let name, let element, let number, let replica):
        for index in reference.variables[name]?.indices ?? 0..<0 where index == replica ?? index {
          reference.variables[name]?[index].values[element] = Double(number)
        }
      case .image: break
      case .moment(let name, let element, let number):
        guard let shape = reference.variables[name]?.first?.shape else { return }
        var moments = (first: DoubleTensor(shape: shape), second: DoubleTensor(shape: shape))
        moments.second.values[element] = Double(number)
        reference.moments[name] = moments
      }
    }
  }

  private func batches(_ training: TrainingCase, _ fault: Fault) -> SeededBatches {
    let batches = training.batches(steps: 1)
    fault.apply(to: batches, of: training.replicas)
    return batches
  }

  private func expected(
    _ training: TrainingCase, _ fault: Fault
  ) throws -> RoundedStep.Origin? {
    let count = training.examples * training.imageCount
    let batches = batches(training, fault)
    let images = withExtendedLifetime(batches) {
      (0..<training.replicas).map {
        Array(UnsafeBufferPointer(start: batches.acquire(step: 0) + $0 * count, count: count))
      }
    }
    return try RoundedStep(
      training.variants[0], replicas: training.replicas, seed: 9, images: images,
      input: SelfGANStep.real, prepare: fault.apply(to:)
    ).first
  }

  private func found(
    _ training: TrainingCase, _ fault: Fault, threads: Int, reduction: ReductionMode,
    backend: MatrixBackend = .best
  ) throws -> NonFiniteOrigin? {
    let group = try training.group(threads: threads, reduction: reduction, backend: backend)
    fault.apply(to: group.store, isWriter: true)
    return try group.runExamined(batches: batches(training, fault))
  }

  // MARK: - Beside an independent evaluation

  /// A large number in one weight of each parameter: whatever comes of it first is named, or nothing is
  /// where nothing comes of it.
  @Test(arguments: cases.indices)
  func aLargeWeight(_ index: Int) throws {
    let training = try Self.cases[index]()
    var operations: Set<String> = []
    for (turn, name) in training.parameters.enumerated() {
      // The variance of equal numbers is 0, unless they are so large that float32's mean is not theirs.
      let number: Float = name.hasSuffix("bias") ? 1e15 : 3e38
      let count = training.variants[0].variable(named: name)?.type.shape.count ?? 0
      let fault = Fault.variable(name, element: turn % min(count, 3), number)
      let expected = try expected(training, fault)
      for threads in [1, 2, 8] {
        for (reduction, backend) in zip(
          [ReductionMode.fast, .ordered], turn % 2 == 0 ? backends : backends.reversed())
        {
          let found = try found(
            training, fault, threads: threads, reduction: reduction, backend: backend)
          let how = "\(fault), \(threads) threads, \(reduction), \(backend)"
          #expect(found?.line == expected?.line, "\(how)")
          if let variable = expected?.variable { #expect(found?.value == variable, "\(how)") }
          #expect(found?.replicas?.lowerBound == expected?.replica, "\(how)")
          #expect(found.map { !$0.number.isFinite } ?? true)
          operations.insert(found?.operation ?? "none")
        }
      }
    }
    #expect(operations.count >= 3, "\(operations)")
  }

  /// The previous images are a replica's own.
  @Test(arguments: cases.indices.dropFirst(), [1, 3])
  func largePreviousImagesOfOneReplica(_ index: Int, threads: Int) throws {
    let training = try Self.cases[index]()
    let fault = Fault.variable("last", element: 4, 3.4e38, replica: 5)
    let expected = try #require(try expected(training, fault))
    let found = try #require(
      try found(training, fault, threads: threads, reduction: .ordered))
    #expect(found.line == expected.line)
    #expect(found.replicas == 5..<6 && expected.replica == 5)
    // What the operation was given says where it came from.
    #expect(try #require(found.largestInput).magnitude >= 1e18)
  }

  /// Adam takes the root of a moment that no step can leave; nothing else notices.
  @Test(arguments: cases.indices, [1, 2, 8])
  func adam(_ index: Int, threads: Int) throws {
    let training = try Self.cases[index]()
    for (turn, name) in training.parameters.enumerated() where turn % 3 == threads % 3 {
      let fault = Fault.moment(name, element: 0, -1)
      let found = try #require(
        try found(
          training, fault, threads: threads, reduction: turn % 2 == 0 ? .ordered : .fast))
      #expect(found.operation == "adam" && found.value == name && found.replicas == nil)
      #expect(found.element == 0 && found.number.isNaN)
      #expect(try expected(training, fault)?.variable == name)
    }
  }

  @Test(arguments: cases.indices, [1, 2, 8])
  func aNumberInOneImageOfOneReplica(_ index: Int, threads: Int) throws {
    let training = try Self.cases[index]()
    let fault = Fault.image(replica: 6, element: 7, .nan)
    let expected = try #require(try expected(training, fault))
    let found = try #require(try found(training, fault, threads: threads, reduction: .fast))
    #expect(found.line == expected.line && expected.replica == 6)
    #expect(found.operation == nil && found.value == SelfGANStep.real)
    #expect(found.replicas == 6..<7 && found.element == 7 && found.number.isNaN)
  }

  // MARK: - What was there before

  @Test(arguments: [Float.nan, .infinity, -.infinity], [1, 2])
  func aVariableThatWasNotFinite(_ number: Float, threads: Int) throws {
    let training = try TrainingCase.convolutional()
    let name = try #require(training.parameters.last)
    for (fault, value, replicas) in [
      (Fault.variable(name, element: 0, number), name, nil),
      (.moment(name, element: 0, number), "adam/second_moment/\(name)", nil),
      (.variable("last", element: 3, number, replica: 2), "last", 2..<3),
    ] {
      let found = try #require(try found(training, fault, threads: threads, reduction: .fast))
      #expect(found.operation == nil && found.value == value && found.replicas == replicas)
      #expect(found.number == number || (found.number.isNaN && number.isNaN))
    }
  }

  // MARK: - Where nothing is wrong

  /// After a step that has left NaNs in every buffer, a clean one has none: nothing is looked at that is
  /// not the step's.
  @Test(arguments: cases.indices, [1, 2, 8])
  func nothingThatIsLeftOverIsTaken(_ index: Int, threads: Int) throws {
    let training = try Self.cases[index]()
    for (reduction, backend) in zip(
      [ReductionMode.fast, .ordered, .fast, .ordered], backends + backends.reversed())
    {
      let group = try training.group(threads: threads, reduction: reduction, backend: backend)
      let initial = group.store.variables.map { group.store.read($0.name) }
      let batches = training.batches(steps: 4)
      for replica in 0..<training.replicas {
        for step in [0, 1] { batches.spoil(step: step, replica: replica, of: training.replicas) }
      }
      for variant in training.variants.indices {
        _ = try group.runExamined(variant: variant, batches: batches)
      }
      #expect(group.store.firstNonFinite != nil)
      for (variable, values) in zip(group.store.variables, initial) {
        group.store.write(values, to: variable.name)
      }
      group.store.firstMoments.values.update(repeating: 0)
      group.store.secondMoments.values.update(repeating: 0)
      #expect(group.store.firstNonFinite == nil)
      for variant in training.variants.indices {
        #expect(try group.runExamined(variant: variant, batches: batches) == nil)
      }
      // Nor does a later run still speak of the losses of the first.
      try group.run(steps: 0, batches: batches)
    }
  }

  @Test(arguments: cases.indices, [1, 2, 8])
  func anExaminedStepLeavesTheSameBits(_ index: Int, threads: Int) throws {
    let training = try Self.cases[index]()
    for reduction in [ReductionMode.fast, .ordered] {
      let plain = try training.train(threads: threads, reduction: reduction, variants: [0, 1, 0])
      let examined = try training.train(
        threads: threads, reduction: reduction, variants: [0, 1, 0], isExamined: true)
      #expect(examined.differences(from: plain) == .none)
    }
  }

  // MARK: - Jobs

  private func found(
    _ training: TrainingCase, _ fault: Fault, on shape: JobShape, sharesUpdates: Bool = true
  ) throws -> [NonFiniteOrigin?] {
    let count = training.examples * training.imageCount
    return try training.results(
      on: shape, reduction: .ordered, sharesUpdates: sharesUpdates, disorder: 3
    ) { member in
      fault.apply(
        to: member.group.store, isWriter: !sharesUpdates || member.processes.leads)
      try member.processes.communicator.barrier("the fault", step: 0)
      let own = ProcessBatches(
        batches(training, fault), steps: 1, of: member.group.store.replicas, replicaCount: count)
      let found = try member.group.runExamined(batches: own)
      try member.processes.communicator.barrier("the end", step: 1)
      return found
    }
  }

  /// The least of what the processes find is what one process finds.
  @Test(arguments: JobShape.chosen)
  func processesFindTogetherWhatOneFinds(_ shape: JobShape) throws {
    for training in [try TrainingCase.small(), try .convolutional(groupSize: 4)] {
      let names = training.parameters
      for (turn, fault) in [
        Fault.variable(names[0], element: 1, 3e38),
        .variable(names[names.count - 2], element: 0, 3e38),
        .variable("last", element: 4, 3.4e38, replica: 5), .image(replica: 6, element: 7, .nan),
        .moment(names[1], element: 0, .infinity), .moment(names[2], element: 0, -1),
        .variable("last", element: 1, .nan, replica: 7),
      ].enumerated() {
        let alone = try found(training, fault, threads: 2, reduction: .ordered)
        let all = try found(training, fault, on: shape, sharesUpdates: turn % 2 == 0)
        let first = all.compactMap { $0 }.min()
        #expect(first?.line == alone?.line, "\(fault)")
        #expect(first?.position == alone?.position && first?.value == alone?.value, "\(fault)")
        #expect(first?.element == alone?.element, "\(fault)")
        #expect(first?.replicas?.lowerBound == alone?.replicas?.lowerBound, "\(fault)")
      }
    }
  }

  @Test(arguments: JobShape.chosen, [true, false])
  func anExaminedStepOfAJobLeavesTheSameBits(_ shape: JobShape, sharesUpdates: Bool) throws {
    for training in [try TrainingCase.small(), try .convolutional(groupSize: 4)] {
      let plain = try training.train(threads: 1, reduction: .ordered, variants: [0, 1, 0])
      let examined = try training.train(
        on: shape, reduction: .ordered, variants: [0, 1, 0], sharesUpdates: sharesUpdates,
        disorder: 5, isExamined: true)
      #expect(examined.differences(from: plain) == .none)
    }
  }

  /// Every replica's numbers and every process's partial sums are finite, and the sum over all is not:
  /// Adam takes it unstored, or from another host, or it is stored for whoever reads it.
  @Test(
    arguments: [JobShape([2]), JobShape([4]), JobShape([1, 1]), JobShape([1, 2])],
    [true, false])
  func aSumThatIsTooLargeOnlyOverAll(_ shape: JobShape, trains: Bool) throws {
    let builder = ProgramBuilder(name: "sum")
    let x = builder.input("x", shape: [100])
    let w = builder.variable("layer/w", shape: [100], role: .parameter, initial: .constant(1e-9))
    if trains {
      let gradient = builder.gradients(of: (x * w).sum(axes: [0]), withRespectTo: [w])[0]
      builder.update(
        ["layer/w"],
        with: Adam(learningRate: 0.01, beta1: 0.5, beta2: 0.999, epsilon: 1e-3, variant: .keras),
        gradients: [builder.inLayer("layer") { gradient.allReduce(.sum) }])
    } else {
      builder.output("sum", builder.inLayer("layer") { (x + w).allReduce(.sum) })
    }
    let program = try builder.finish().lowered()
    let element = 71
    for sharesUpdates in [true, false] {
      let replicas = 4
      let job = ThreadedProcesses.job(shape, replicas: replicas, disorder: 2)
      let found = try onWorkers(job.count) { index in
        Result {
          let batches = SeededBatches(steps: 1, count: replicas * 100)
          for replica in 0..<replicas {
            batches.set(1e38, at: element, step: 0, replica: replica, of: replicas)
          }
          let placement = shape.placement(replicas: replicas)
          let store = try VariableStore(
            program.variables, placement: placement, seed: 9, sharesParameters: sharesUpdates,
            processes: job[index])
          let group = try ReplicaGroup(
            [program], placement: placement, store: store,
            options: ExecutionOptions(
              reduction: .fast, libraries: .best, seed: 9, timeout: 20, input: "x", watched: [],
              sharesUpdates: sharesUpdates), processes: job[index])
          try job[index].communicator.barrier("the first step", step: 0)
          let own = ProcessBatches(
            batches, steps: 1, of: store.replicas, replicaCount: 100)
          return try group.runExamined(batches: own)
        }
      }.map { try $0.get() }
      let first = try #require(found.compactMap { $0 }.min())
      #expect(first.operation == "all_reduce" && first.layer == "layer" && first.replicas == nil)
      #expect(first.element == element && first.number == .infinity && first.shape == [100])
    }
  }
}
