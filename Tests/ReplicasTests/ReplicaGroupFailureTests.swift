import Execution
import Glibc
import Kernels
import Program
import Replicas
import Synchronization
import TestSupport
import Testing

/// How a run ends when something goes wrong: on all threads, with the error that says what.
@Suite(.serialized)
struct ReplicaGroupFailureTests {
  private struct NoImages: Error, Equatable {}

  /// Fails from a step on, for everyone or for whoever asks first.
  private final class FailingBatches: BatchProvider {
    private let images: SeededBatches
    private let failingStep: Int
    private let failsOnce: Bool
    private let failures = Atomic<Int>(0)

    init(_ images: SeededBatches, failingStep: Int, failsOnce: Bool) {
      self.images = images
      self.failingStep = failingStep
      self.failsOnce = failsOnce
    }

    func acquire(step: Int) throws -> UnsafePointer<Float> {
      if step >= failingStep {
        let earlier = failures.add(1, ordering: .relaxed).oldValue
        if !failsOnce || earlier == 0 { throw NoImages() }
      }
      return images.acquire(step: step)
    }

    func release(step: Int) {}
  }

  @Test(arguments: [1, 2, 8], [false, true])
  func imagesThatCannotBeHad(threads: Int, failsOnce: Bool) throws {
    let training = try TrainingCase.small()
    let group = try training.group(threads: threads, reduction: .fast)
    let batches = FailingBatches(
      training.batches(steps: 5), failingStep: 2, failsOnce: failsOnce)
    let error = #expect(throws: ReplicaError.self) { try group.run(steps: 5, batches: batches) }
    guard case .batch(let cause) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(cause is NoImages)
    // The failure may reach a worker on its way out of the step before.
    #expect((1...2).contains(group.completedSteps))
  }

  /// Lets whoever asks first for a step wait, and then gives images by which they are known.
  private final class LateBatches: BatchProvider {
    private let images: SeededBatches
    private let marked: SeededBatches
    private let lateStep: Int
    private let microseconds: UInt32
    private let askers = Atomic<Int>(0)

    init(
      _ images: SeededBatches, marked: SeededBatches, lateStep: Int, microseconds: UInt32
    ) {
      self.images = images
      self.marked = marked
      self.lateStep = lateStep
      self.microseconds = microseconds
    }

    func acquire(step: Int) -> UnsafePointer<Float> {
      guard step == lateStep, askers.add(1, ordering: .relaxed).oldValue == 0 else {
        return images.acquire(step: step)
      }
      usleep(microseconds)
      return marked.acquire(step: step)
    }

    func release(step: Int) {}
  }

  @Test(arguments: [2, 3, 8])
  func missingReplicasAreNamed(threads: Int) throws {
    let training = try TrainingCase.small()
    let group = try training.group(threads: threads, reduction: .fast, timeout: 0.2)
    let marked = training.batches(steps: 3)
    for replica in 0..<8 { marked.spoil(step: 1, replica: replica, of: 8) }
    let batches = LateBatches(
      training.batches(steps: 3), marked: marked, lateStep: 1, microseconds: 1_000_000)

    let error = #expect(throws: ReplicaError.self) { try group.run(steps: 3, batches: batches) }
    guard
      case .communication(.timedOut(operation: _, step: 1, missing: let missing, timeout: _)) =
        error
    else {
      Issue.record("\(String(describing: error))")
      return
    }
    // Who was late has losses that are no numbers.
    let late = group.replicas().filter { $0.output("loss_real")?.first?.isNaN ?? false }
    #expect(!late.isEmpty && missing.flatMap(\.replicas) == late.map(\.index))
    for participant in missing {
      #expect(group.placement.run(worker: participant.index) == participant.replicas)
      #expect(error?.description.contains(participant.description) ?? false)
    }
  }

  @Test(arguments: [1, 2, 8])
  func lossThatIsNoNumberIsNamed(threads: Int) throws {
    let training = try TrainingCase.small()
    let group = try training.group(threads: threads, reduction: .fast)
    let batches = training.batches(steps: 4)
    batches.spoil(step: 1, replica: 5, of: 8)
    let error = #expect(throws: ReplicaError.self) { try group.run(steps: 4, batches: batches) }
    guard
      case .nonFinite(step: let step, replica: let replica, output: let output, value: let value) =
        error
    else {
      Issue.record("\(String(describing: error))")
      return
    }
    // Steps are counted when they are completed: the second one.
    #expect(step == 2 && replica == 5 && output == "loss_real" && value.isNaN)
    #expect(error?.description.hasPrefix("loss_real of replica 5 became ") ?? false)
  }

  /// A program that Adam cannot take is refused when the group is set up.
  @Test func gradientThatIsNotReduced() throws {
    let builder = ProgramBuilder(name: "refused")
    let weight = builder.variable(
      "weight", shape: [3], role: .parameter, initial: .constant(1))
    builder.update(
      ["weight"],
      with: Adam(learningRate: 1, beta1: 0.5, beta2: 0.999, epsilon: 1, variant: .keras),
      gradients: [weight])
    let program = try builder.finish()
    #expect {
      try ReplicaGroup(
        [program], placement: Placement(replicas: 2, threads: 1),
        store: VariableStore(program.variables, replicas: 0..<2, seed: 1),
        options: ExecutionOptions(
          reduction: .fast, libraries: .best, seed: 1, timeout: 1, input: "x", watched: []))
    } throws: { error in
      if case ReplicaError.execution(.program(.unsupported("adam", "weight", _))) = error {
        true
      } else {
        false
      }
    }
  }
}
