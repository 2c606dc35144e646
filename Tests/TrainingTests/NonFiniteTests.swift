import Execution
import Kernels
import Program
import ProgramPasses
import Replicas
import RunConfiguration
import TestSupport
import Testing
import Training

/// The same images for all.
private final class GreyImages: BatchProvider {
  private let images: AlignedBuffer

  init(count: Int) {
    images = AlignedBuffer(count: count)
    images.values.update(repeating: 0.5)
  }

  func acquire(step: Int) throws -> UnsafePointer<Float> { UnsafePointer(images.pointer) }
  func release(step: Int) {}
}

/// What people are told of a number that is not finite, and where it comes from.
struct NonFiniteTests {
  /// What the processes of a job find in one step of a configuration's own program, all together.
  private func firstInJob(
    _ overrides: [String], on shape: JobShape = JobShape([1]),
    prepare: @escaping @Sendable (VariableStore) -> Void
  ) throws -> [NonFiniteOrigin?] {
    let configuration = try Configuration.decode(
      JobOfRuns.text, source: "test", overrides: overrides)
    let program = try TrainingStep(configuration).program().lowered(configuration.lowering)
    let placement = shape.placement(replicas: configuration.replicas)
    let job = ThreadedProcesses.job(shape, replicas: configuration.replicas)
    let image = configuration.model.image
    let count = configuration.batchSize * image.height * image.width * image.channels
    let results = onWorkers(job.count) { index in
      Result {
        let processes = job[index]
        let store = try VariableStore(
          program.variables, placement: placement, seed: 1, sharesParameters: true,
          processes: processes)
        let group = try ReplicaGroup(
          [program], placement: placement, store: store,
          options: ExecutionOptions(
            reduction: .ordered, libraries: .best, seed: 1, timeout: 20,
            input: TrainingStep.real, watched: ["loss_self"]), processes: processes)
        prepare(store)
        try processes.communicator.barrier("the start", step: 0)
        let own = try group.runExamined(batches: GreyImages(count: count))
        return try processes.communicator.first(own, step: 1)
      }
    }
    return try results.map { try $0.get() }
  }

  private static func poison(_ name: String, _ number: Float)
    -> @Sendable (VariableStore)
    -> Void
  {
    { store in
      var values = store.read(name)
      values[values.count / 2] = number
      store.write(values, to: name)
    }
  }

  /// The layer whose weights are too large is the one that is named: the one that multiplies with them.
  @Test(arguments: [
    ("gan", "generator/dense_0/kernel"), ("gan", "generator/dense_2/kernel"),
    ("gan", "discriminator/dense_0/kernel"),
    ("dcgan", "generator/dense_0/kernel"), ("dcgan", "discriminator/conv_1/kernel"),
  ])
  func theLayerOfLargeWeights(_ kind: String, _ name: String) throws {
    let layer = String(name.dropLast("/kernel".count))
    let overrides =
      ["model.kind=\(kind)"]
      + (kind == "dcgan" ? ["model.image.height=28", "model.image.width=28"] : [])
    for shape in [JobShape([1]), JobShape([2]), JobShape([1, 1])] {
      let found = try firstInJob(
        overrides, on: shape,
        prepare: { store in
          store.write(store.read(name).map { _ in 3e38 }, to: name)
        })
      let first = try #require(found.first ?? nil)
      // A NaN is not equal to itself.
      #expect(found.allSatisfy { $0?.sentence(step: 7) == first.sentence(step: 7) })
      #expect(first.layer == layer && first.largestInput.map { $0.magnitude == 3e38 } ?? false)
      let sentence = first.sentence(step: 7)
      #expect(sentence.hasPrefix("step 7: replica "), "\(sentence)")
      #expect(sentence.contains(": \(layer): "), "\(sentence)")
    }
  }

  @Test func nothingIsFoundWhereAllIsFinite() throws {
    for shape in [JobShape([1]), JobShape([3]), JobShape([1, 2])] {
      let found = try firstInJob([], on: shape, prepare: { _ in })
      #expect(found.count == shape.processes && found.allSatisfy { $0 == nil })
    }
  }

  /// Only one process has the replica; all are told.
  @Test func everyProcessIsTold() throws {
    let found = try firstInJob([], on: JobShape([2, 1])) { store in
      guard store.replicas.contains(3) else { return }
      var last = store.read("last", replica: 3)
      last[5] = -.infinity
      store.write(last, to: "last", replica: 3)
    }
    #expect(
      found.map { $0?.sentence(step: 1) }
        == Array(
          repeating: "step 1: replica 3: last [2, 4, 5, 1] was -inf (element 5) before the step",
          count: 3))
  }

  // MARK: - Sentences

  /// By the program's own words.
  private func origin(
    of program: ReplicaProgram, prepare: (VariableStore) -> Void = { _ in }
  ) throws -> NonFiniteOrigin {
    let store = VariableStore(program.variables, replicas: 0..<2, seed: 1)
    prepare(store)
    let group = try ReplicaGroup(
      [program], placement: Placement(replicas: 2, threads: 1), store: store,
      options: ExecutionOptions(
        reduction: .fast, libraries: .best, seed: 1, timeout: 20, input: "x", watched: []))
    return try #require(try group.runExamined(batches: GreyImages(count: 64)))
  }

  @Test func sentences() throws {
    let product = ProgramBuilder(name: "product")
    let x = product.input("x", shape: [2, 3])
    let w = product.variable("layer/w", shape: [3, 4], role: .parameter, initial: .constant(-3e38))
    product.output("y", product.inLayer("layer") { x.product(w) })
    #expect(
      try origin(of: try product.finish()).sentence(step: 12)
        == "step 12: replica 0: layer: product_plain made -inf in %2 [2, 4] (element 0), "
        + "from %1 of up to 3e+38")
    #expect(
      try origin(of: try product.finish(), prepare: Self.poison("layer/w", -.nan)).sentence(step: 1)
        == "step 1: layer/w [3, 4] was nan (element 6) before the step")

    let sum = ProgramBuilder(name: "sum")
    sum.output("y", (sum.input("x", shape: [3]) * 3e38 + 1e38).allReduce(.sum))
    #expect(
      try origin(of: try sum.finish()).sentence(step: 1)
        .hasPrefix("step 1: replicas 0 to 1: all_reduce made inf in "))
  }
}
