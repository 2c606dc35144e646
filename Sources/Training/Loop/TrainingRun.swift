import Execution
import Kernels
import Program
import ProgramPasses
import Replicas
import RunConfiguration
import RunFiles

/// A run in progress: the replicas of a configuration, and the steps that they have done.
package final class TrainingRun {
  package let configuration: Configuration
  package let store: VariableStore
  /// What a replica's step gives beside the variables.
  package let outputs: [(name: String, shape: Shape)]
  /// The multiplications and additions of a step, all replicas together.
  package let floatingPointOperations: Int
  package let processes: any ProcessGroup
  package let placement: Placement
  let group: ReplicaGroup
  let batches: any BatchProvider
  /// What identifies the images, which a resumed run must have again.
  let data: String
  /// The variant of the step that also measures each replica's own gradient, where the configuration
  /// asks for it.
  private let measuringVariant: Int?
  /// Updates before the first one that counts: 1 with `objective.warmUp`.
  let uncounted: Int
  /// What the thread between the steps does, where a timeline is made.
  var mainTrack: TimelineTrack?

  /// Starts a run on `data`, once it is known that this machine's memory is enough, and that all
  /// processes mean the same run.
  ///
  /// - Throws: `TrainingError.replicas(.execution(.memory))` with both figures where it is not.
  package convenience init(
    _ configuration: Configuration, data: RunData, recording: TrainingStep.Recording = [],
    processes: any ProcessGroup = SingleProcess()
  ) throws(TrainingError) {
    let placement = try configuration.placement(on: processes)
    processes.prepare(placement, timeout: .seconds(configuration.communication.timeout))
    let programs = try Self.programs(configuration, recording)
    try Self.requireMemory(configuration, programs, placement, processes)
    do throws(CommunicationError) {
      try processes.communicator.requireAgreement(
        on: Self.subjects(configuration, data, programs), step: 0)
    } catch { throw .replicas(.communication(error)) }
    try self.init(
      configuration, programs, placement,
      batches: try data.batches(placement, process: processes.index), data.extent, processes)
  }

  /// Builds and compiles the step, and gives the variables their initial values.
  ///
  /// - Parameters:
  ///   - batches: the images of each step, from step 0 on.
  ///   - recording: what every step records beside its losses.
  package convenience init(
    _ configuration: Configuration, batches: any BatchProvider,
    recording: TrainingStep.Recording = []
  ) throws(TrainingError) {
    let process = SingleProcess()
    try self.init(
      configuration, try Self.programs(configuration, recording),
      try configuration.placement(on: process), batches: batches, "", process)
  }

  private init(
    _ configuration: Configuration, _ programs: [ReplicaProgram], _ placement: Placement,
    batches: any BatchProvider, _ data: String, _ processes: any ProcessGroup
  ) throws(TrainingError) {
    self.configuration = configuration
    self.data = data
    self.processes = processes
    self.placement = placement
    floatingPointOperations = programs[0].floatingPointOperations * configuration.replicas
    outputs = programs[0].outputs.map { ($0.name, programs[0].shape(of: $0.value)) }
    measuringVariant = programs.count > 1 ? 1 : nil
    do throws(CommunicationError) {
      store = try VariableStore(
        programs[0].variables, placement: placement, seed: configuration.seed,
        sharesParameters: configuration.communication.shardedUpdate, processes: processes)
    } catch { throw .replicas(.communication(error)) }
    do throws(ReplicaError) {
      group = try ReplicaGroup(
        programs, placement: placement, store: store,
        options: ExecutionOptions(
          reduction: configuration.reductionMode,
          libraries: configuration.libraries(of: placement, on: processes),
          seed: configuration.seed, timeout: configuration.communication.timeout,
          input: TrainingStep.real, watched: ShardStatistics.losses,
          sharesUpdates: configuration.communication.shardedUpdate),
        processes: processes)
    } catch { throw .replicas(error) }

    uncounted = configuration.objective.warmUp ? 1 : 0
    let images = configuration.model.image
    self.batches =
      uncounted == 0
      ? batches
      : WarmUpBatches(
        before: batches,
        count: configuration.batchSize / configuration.replicas * store.replicas.count
          * images.height * images.width * images.channels)
    // Shared parameters have their initial values before anyone reads them.
    try meet("the first step")
    if uncounted > 0 { try run(updates: uncounted, variant: 0) }
  }

  /// What all processes must have alike.
  private static func subjects(
    _ configuration: Configuration, _ data: RunData, _ programs: [ReplicaProgram]
  ) -> [Subject] {
    [Subject("another version of the program", programVersion)]
      + configuration.values.map { Subject("another \($0.key) in its configuration", $0.value) }
      + [
        Subject("another program", programs.map(\.description).joined()),
        Subject("other data", data.extent),
      ]
  }

  /// The lowered programs of the step: as it is always run, and, where the replicas' gradients are
  /// asked for now and then, as it is run to measure them.
  private static func programs(
    _ configuration: Configuration, _ recording: TrainingStep.Recording
  ) throws(TrainingError) -> [ReplicaProgram] {
    let step = TrainingStep(configuration)
    let measures = configuration.shards.gradientEvery > 0 && !recording.contains(.gradients)
    let recordings = measures ? [recording, recording.union(.gradients)] : [recording]
    do throws(ProgramError) {
      return try recordings.map { (recording) throws(ProgramError) in
        try step.program(recording: recording).lowered(configuration.lowering)
      }
    } catch { throw .program(error) }
  }

  private static func requireMemory(
    _ configuration: Configuration, _ programs: [ReplicaProgram], _ placement: Placement,
    _ processes: any ProcessGroup
  ) throws(TrainingError) {
    let image = configuration.model.image
    // Two batches are held: the one in use and the next.
    let batches = 2 * configuration.batchSize * image.height * image.width * image.channels
    do throws(ReplicaError) {
      let floats = try ReplicaGroup.floatCount(
        programs, placement: placement, reduction: configuration.reductionMode,
        sharesUpdates: configuration.communication.shardedUpdate, processes: processes)
      let needed = (floats + batches) * MemoryLayout<Float>.stride
      if needed > Machine.memory {
        throw ReplicaError.execution(.memory(needed: needed, available: Machine.memory))
      }
    } catch { throw .replicas(error) }
  }

  /// Completed updates, the warm-up not counted.
  package var completedSteps: Int { group.completedSteps - uncounted }

  /// Goes on as if so many updates had been completed, the warm-up counted.
  func resume(after updates: Int) {
    group.resume(after: updates)
    batches.resume(at: updates)
  }

  /// A hash of the step's program, as it was lowered without anything recorded.
  package private(set) lazy var programHash = Self.programHash(of: configuration)

  static func programHash(of configuration: Configuration) -> String {
    let plain = try? TrainingStep(configuration).program().lowered(configuration.lowering)
    return Subject("", plain?.description ?? "").hash.map { String($0, radix: 16) } ?? ""
  }

  /// Runs `steps` steps; the last one measures the replicas' gradients where it is one of those that
  /// should.
  ///
  /// - Parameter stamps: for each step, where the time in nanoseconds of its completion goes.
  package func advance(
    steps: Int, stamps: UnsafeMutableBufferPointer<UInt64>? = nil
  ) throws(TrainingError) {
    if let loss = try attempt(steps: steps, stamps: stamps) { throw .replicas(loss) }
  }

  /// The same; but where a loss is not finite, all steps are run, as other processes run them.
  ///
  /// - Parameter measures: whether the last step measures what it should.
  /// - Returns: the first loss of this process's replicas that is not finite.
  func attempt(
    steps: Int, measures: Bool = true, stamps: UnsafeMutableBufferPointer<UInt64>? = nil
  ) throws(TrainingError) -> ReplicaError? {
    let last = completedSteps + steps
    let every = configuration.shards.gradientEvery
    guard measures, let measuringVariant, steps > 0, last % every == 0 else {
      return try watched(updates: steps, variant: 0, stamps: stamps)
    }
    let first = try watched(updates: steps - 1, variant: 0, stamps: stamps)
    let lastStamp = stamps.map { UnsafeMutableBufferPointer(rebasing: $0[(steps - 1)...]) }
    let second = try watched(updates: 1, variant: measuringVariant, stamps: lastStamp)
    return first ?? second
  }

  private func watched(
    updates: Int, variant: Int, stamps: UnsafeMutableBufferPointer<UInt64>?
  ) throws(TrainingError) -> ReplicaError? {
    do throws(TrainingError) { try run(updates: updates, variant: variant, stamps: stamps) } catch {
      guard case .replicas(let loss) = error, case .nonFinite = loss else { throw error }
      return loss
    }
    return nil
  }

  /// Runs `steps` steps and takes the time of every kernel call, all workers together.
  package func profile(steps: Int) throws(TrainingError) -> [CallTime] {
    group.startProfile()
    try run(updates: steps, variant: 0)
    return group.profile()
  }

  private var lastVariant = 0

  /// Whether the last step has measured the replicas' gradients.
  package var lastStepMeasuredGradients: Bool {
    replicas.first?.output(TrainingStep.gradientNorm) != nil
  }

  private func run(
    updates: Int, variant: Int, stamps: UnsafeMutableBufferPointer<UInt64>? = nil
  ) throws(TrainingError) {
    lastVariant = variant
    do throws(ReplicaError) {
      try group.run(steps: updates, variant: variant, batches: batches, stamps: stamps)
    } catch { throw .replicas(error.counted(without: uncounted)) }
  }

  /// What worker 0 has spent on other things than its own replicas' computations.
  package var communicationTime: CommunicationTime { group.communicationTime }

  /// What a step sends from this process to other hosts, in bytes.
  package var bytesSent: Int { group.bytesSent() }

  /// This process's replicas as the last step left them.
  package var replicas: [Replica] { group.replicas(variant: lastVariant) }
}

extension ReplicaError {
  /// The same error with its step counted from the first update that counts.
  fileprivate func counted(without uncounted: Int) -> ReplicaError {
    guard case .nonFinite(let step, let replica, let output, let value) = self else { return self }
    return .nonFinite(step: step - uncounted, replica: replica, output: output, value: value)
  }
}

/// One batch of zeros before the others.
private final class WarmUpBatches: BatchProvider {
  private let following: any BatchProvider
  private let zeros: AlignedBuffer

  init(before following: any BatchProvider, count: Int) {
    self.following = following
    zeros = AlignedBuffer(count: count)
  }

  func acquire(step: Int) throws -> UnsafePointer<Float> {
    step == 0 ? UnsafePointer(zeros.pointer) : try following.acquire(step: step - 1)
  }

  func release(step: Int) {
    if step > 0 { following.release(step: step - 1) }
  }

  func resume(at step: Int) { following.resume(at: max(step - 1, 0)) }
}
