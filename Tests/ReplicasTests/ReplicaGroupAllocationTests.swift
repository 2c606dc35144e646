import CAllocationCounter
import Execution
import Kernels
import Program
import Replicas
import Synchronization
import TestSupport
import Testing

/// What a step allocates after the first ones: nothing, but for what oneDNN itself allocates at each call.
///
/// The counter counts a worker's thread from its taking the images of one step to its taking those of a later one.
@Suite(.enabled(if: allocation_counting_is_possible(), "sanitizers have their own allocator"))
struct ReplicaGroupAllocationTests {
  private static let warmUp = 3
  private static let steps = 10

  private final class CountingBatches: BatchProvider, @unchecked Sendable {
    private let images: any BatchProvider
    private let workers: Int
    private let counts: UnsafeMutableBufferPointer<Int>
    private let counted = Atomic<Int>(0)

    init(_ images: any BatchProvider, workers: Int) {
      self.images = images
      self.workers = workers
      counts = .allocate(capacity: workers)
      counts.initialize(repeating: 0)
    }

    deinit { counts.deallocate() }

    func acquire(step: Int) throws -> UnsafePointer<Float> {
      if step == warmUp { allocation_counting_start() }
      if step == warmUp + steps {
        let count = allocation_counting_stop()
        counts[counted.add(1, ordering: .relaxed).oldValue % workers] = count
      }
      return try images.acquire(step: step)
    }

    func release(step: Int) {}

    /// Of each worker, in no order; nil where not all were counted.
    var allocations: [Int]? {
      counted.load(ordering: .relaxed) == workers ? Array(counts) : nil
    }
  }

  private func allocations(
    _ training: TrainingCase, threads: Int, reduction: ReductionMode, backend: MatrixBackend,
    variant: Int = 0, isRecorded: Bool = false
  ) throws -> [Int] {
    let group = try training.group(threads: threads, reduction: reduction, backend: backend)
    let steps = Self.warmUp + Self.steps + 1
    let tracks = isRecorded ? group.startTimeline(0..<steps) : []
    defer { for track in tracks { #expect(track.events.count > steps) } }
    let batches = CountingBatches(training.batches(steps: steps), workers: threads)
    try group.run(steps: steps, variant: variant, batches: batches)
    return try #require(batches.allocations)
  }

  @Test func theCounterCounts() {
    allocation_counting_start()
    let block = UnsafeMutableRawPointer.allocate(byteCount: 4096, alignment: 64)
    let small = UnsafeMutableRawPointer.allocate(byteCount: 8, alignment: 8)
    let counted = allocation_counting_stop()
    block.deallocate()
    small.deallocate()
    #expect(counted == 2)
    UnsafeMutableRawPointer.allocate(byteCount: 8, alignment: 8).deallocate()
    #expect(allocation_counting_stop() == 2)
  }

  @Test(arguments: [ReductionMode.fast, .ordered], [1, 2, 8])
  func stepsAllocateNothing(_ reduction: ReductionMode, threads: Int) throws {
    for training in [
      try TrainingCase.small(), try .sharingStatistics(), try .convolutional(),
      try .convolutional(.pytorch, groupSize: 4),
    ] {
      for variant in training.variants.indices {
        let counts = try allocations(
          training, threads: threads, reduction: reduction, backend: .openBLAS, variant: variant)
        #expect(counts.allSatisfy { $0 == 0 }, "\(counts), variant \(variant)")
      }
    }
  }

  @Test(arguments: [ReductionMode.fast, .ordered])
  func neitherDoStepsOfATimeline(_ reduction: ReductionMode) throws {
    for training in [try TrainingCase.sharingStatistics(), try .convolutional(groupSize: 4)] {
      let counts = try allocations(
        training, threads: 2, reduction: reduction, backend: .openBLAS, isRecorded: true)
      #expect(counts.allSatisfy { $0 == 0 }, "\(counts)")
    }
  }

  /// Also with several processes on a host, each with parameters of its own or all with the same.
  @Test(arguments: [ReductionMode.fast, .ordered], [true, false])
  func stepsOfSeveralProcessesAllocateNothing(
    _ reduction: ReductionMode, sharesUpdates: Bool
  ) throws {
    for training in [try TrainingCase.sharingStatistics(), try .convolutional(groupSize: 4)] {
      for shape in [JobShape([2]), JobShape([2], threads: 2), JobShape([3])] {
        let counts = try training.results(
          on: shape, reduction: reduction, backend: .openBLAS, sharesUpdates: sharesUpdates
        ) { member in
          let steps = Self.warmUp + Self.steps + 1
          let batches = CountingBatches(
            training.batches(steps: steps, of: member), workers: shape.threads)
          try member.group.run(steps: steps, batches: batches)
          return batches.allocations
        }
        #expect(counts.allSatisfy { $0?.allSatisfy { $0 == 0 } ?? false }, "\(counts), \(shape)")
      }
    }
  }

  /// At each logged step, all variables are looked through.
  @Test func findingNothingAllocatesNothing() throws {
    let store = try TrainingCase.sharingStatistics().group(threads: 1, reduction: .fast).store
    // The first time, types are made.
    #expect(store.firstNonFinite == nil)
    allocation_counting_start()
    let isFinite = store.firstNonFinite == nil
    let count = allocation_counting_stop()
    #expect(isFinite && count == 0)
  }

  /// OpenBLAS takes other ways for large products.
  @Test func stepsOfThePapersNetworkAllocateNothing() throws {
    let counts = try allocations(
      try .paper(), threads: 2, reduction: .fast, backend: .openBLAS)
    #expect(counts.allSatisfy { $0 == 0 }, "\(counts)")
  }

  @Test(.enabled(if: MatrixBackend.oneDNN.isPresent), arguments: [1, 2])
  func oneDNNAllocatesWhatItsProductsDoAlone(threads: Int) throws {
    let training = try TrainingCase.small()
    let alone = try allocationsOfProducts(
      training.variants[0], width: training.replicas / threads)
    #expect(alone > 0)
    let counts = try allocations(
      training, threads: threads, reduction: .fast, backend: .oneDNN)
    #expect(counts.allSatisfy { $0 == Self.steps * alone }, "\(counts), alone \(alone) a step")
  }

  /// What the program's products allocate when each is run once, outside of any step.
  private func allocationsOfProducts(_ program: ReplicaProgram, width: Int) throws -> Int {
    Machine.prepareProcess()
    Machine.prepareThread()
    let factory = try KernelFactory(KernelLibraries(.oneDNN))
    var calls: [KernelCall] = []
    for instruction in program.instructions {
      let shapes = instruction.operands.map { program.shape(of: $0) }
      let form: ProductKernel
      switch instruction.operation {
      case .product(.plain), .dense: form = .plain
      case .product(.transposedRight): form = .transposedRight
      case .reducedProduct: form = .transposedLeft
      default: continue
      }
      let result = program.shape(of: instruction.results[0])
      let rows = shapes[0].count(before: shapes[0].rank - 1) * width
      let (k, n) =
        form == .transposedLeft ? (result[0], result[1]) : (shapes[1][0], shapes[1][1])
      func memory() -> UnsafeMutablePointer<Float> {
        factory.allocate(count: max(rows * k, rows * n, k * n))
      }
      var activation = KernelActivation.identity
      if case .dense(let function) = instruction.operation {
        switch function {
        case .identity: activation = .identity
        case .tanh: activation = .tanh
        case .sigmoid: activation = .sigmoid
        case .leakyReLU(let slope): activation = .leakyReLU(slope: slope)
        }
      }
      let bias = shapes.count == 3 ? UnsafePointer(factory.allocate(count: n)) : nil
      calls += try factory.product(
        form, memory(), memory(), out: memory(), rows: rows, k: k, n: n, bias: bias,
        activation: activation)
    }
    for call in calls { #expect(call.run() == 0) }
    var codes: Int32 = 0
    allocation_counting_start()
    for call in calls { codes |= call.run() }
    let count = allocation_counting_stop()
    #expect(codes == 0)
    return count
  }
}
