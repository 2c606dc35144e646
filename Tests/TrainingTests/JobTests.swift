import Foundation
import Replicas
import RunConfiguration
import TestSupport
import Testing
import Training

/// What the processes of a run do together between its steps.
@Suite(.serialized)
struct JobTests {
  private static let shapes = [
    JobShape([2]), JobShape([4]), JobShape([1, 1]), JobShape([1, 2]), JobShape([1, 1, 1, 1]),
  ]

  // MARK: - What the first process is given

  @Test(arguments: shapes)
  func shardsAreThoseOfOneProcess(_ shape: JobShape) throws {
    let overrides = ["shards.gradientEvery=2"]
    let job = JobOfRuns(shape: shape, overrides: { _ in overrides })
    // Gradient norms are there after the second step only.
    for steps in [1, 2] {
      let alone = try #require(
        try JobOfRuns.alone(overrides) { run in
          try run.advance(steps: steps)
          return try run.shards()
        })
      #expect(alone.map(\.replica) == [0, 1, 2, 3])
      #expect(Set(alone.map { $0["loss_self"] }).count == 4)
      #expect(alone.allSatisfy { ($0["gradient_norm"] != nil) == (steps == 2) })
      let shards = try job.results { run in
        try run.advance(steps: steps)
        return try run.shards()
      }
      #expect(shards[0] == alone)
      #expect(shards.dropFirst().allSatisfy { $0 == nil })
    }
  }

  @Test(arguments: ["first", "mean", "own", "sequential"])
  func theTrainedStateIsThatOfOneProcess(_ statistics: String) throws {
    let overrides = ["batchNorm.movingStatistics=\(statistics)"]
    @Sendable func images(_ run: TrainingRun) throws -> ([[Float]], [Float])? {
      try run.advance(steps: 2)
      guard let state = try run.trainedState() else { return nil }
      return (state.entries.map(\.values), try Sampler(run.configuration).images(of: state))
    }
    let alone = try #require(try JobOfRuns.alone(overrides, images))
    for shape in Self.shapes {
      let states = try JobOfRuns(shape: shape, overrides: { _ in overrides }).results(images)
      let first = try #require(states[0])
      #expect(first.0 == alone.0, "\(shape)")
      #expect(first.1 == alone.1, "\(shape)")
      #expect(states.dropFirst().allSatisfy { $0 == nil })
    }
  }

  /// The whole file, also of steps that follow other initial values.
  @Test(arguments: shapes, [true, false])
  func aTraceIsThatOfOneProcess(_ shape: JobShape, sharesUpdates: Bool) throws {
    let scratch = try ScratchDirectory()
    let overrides = ["communication.shardedUpdate=\(sharesUpdates)", "objective.warmUp=true"]
    let recording: TrainingStep.Recording = [.gradients, .tensors]
    try JobOfRuns.alone(overrides + ["seed=2"], recording: recording) { run in
      try TraceRecorder(run, output: scratch.file("initial")).record(steps: 1)
    }
    @Sendable func trace(_ run: TrainingRun, _ name: String) throws {
      try run.loadInitialValues(path: scratch.file("initial"))
      try TraceRecorder(run, output: scratch.file(name)).record(steps: 2)
    }
    try JobOfRuns.alone(overrides, recording: recording) { try trace($0, "alone") }
    // Nobody but the first writes: the others' directory is not there.
    _ = try JobOfRuns(shape: shape, overrides: { _ in overrides }, disorder: 3).results(
      recording: recording
    ) { run in try trace(run, run.processes.isFirst ? "job" : "nowhere/job") }
    #expect(try scratch.data("job") == scratch.data("alone"))
  }

  // MARK: - Agreement

  @Test(arguments: shapes)
  func allGoAsFarAsTheFirstWishesAndHearOfEverySignal(_ shape: JobShape) throws {
    let stretches = try JobOfRuns(shape: shape).results { run in
      let index = run.processes.index
      return [
        try run.agree(end: 10 + index, signal: 0),
        // Only one, in turn, has got a signal.
        try run.agree(end: 20 - index, signal: index == 0 ? SIGINT : 0),
        try run.agree(end: 30, signal: index == run.processes.count - 1 ? SIGTERM : 0),
        try run.agree(end: 40, signal: SIGINT),
      ].map { [$0.end, Int($0.signal)] }
    }
    let expected = [[10, 0], [20, Int(SIGINT)], [30, Int(SIGTERM)], [40, Int(SIGINT)]]
    #expect(stretches == Array(repeating: expected, count: shape.processes))
  }

  private static func disagreement(_ outcome: Result<Void, any Error>) -> CommunicationError? {
    guard case .failure(let error) = outcome,
      case TrainingError.replicas(.communication(let error)) = error
    else { return nil }
    return error
  }

  @Test(arguments: [
    ("seed=2", "seed"), ("objective.weights=equal", "objective.weights"),
    ("communication.timeout=7", "communication.timeout"), ("steps=77", "steps"),
    ("data.path=/other", "data.path"), ("kernels.matmul=openBLAS", "kernels.matmul"),
    ("communication.shardedUpdate=false", "communication.shardedUpdate"),
    ("optimizer.learningRate=0.1", "optimizer.learningRate"),
  ])
  func anotherConfigurationIsNamed(_ override: String, _ key: String) throws {
    for different in 1..<3 {
      let job = JobOfRuns(
        shape: JobShape([1, 2]), overrides: { $0 == different ? [override] : [] })
      let errors = job.outcomes { _ in }.map(Self.disagreement)
      for error in errors {
        guard case .disagreement(let participant, let subject, let first) = error else {
          Issue.record("\(String(describing: error))")
          continue
        }
        #expect(participant.process == ProcessIdentity(rank: different, host: "host1"))
        #expect(subject == "another \(key) in its configuration")
        #expect(first.process == ProcessIdentity(rank: 0, host: "host0"))
      }
    }
  }

  /// A key that one gives and the others leave open.
  @Test func anotherNumberOfThreadsIsNamed() throws {
    let job = JobOfRuns(shape: JobShape([2]), overrides: { $0 == 1 ? ["threads=2"] : [] })
    for error in job.outcomes({ _ in }).map(Self.disagreement) {
      #expect(
        error?.description
          == "rank 1 on host0 (replicas 2 to 3) has another threads in its configuration than "
          + "rank 0 on host0 (replicas 0 to 1)")
    }
  }

  /// The same path, behind which there is something else.
  @Test func otherDataAreNamed() throws {
    let scratch = try ScratchDirectory()
    let configuration = try JobOfRuns.configuration([
      "data.kind=idx", "data.path=\(scratch.file("images"))",
    ])
    let data = try [UInt8(10), 11].map { count in
      let header: [UInt8] = [0, 0, 8, 3, 0, 0, 0, count, 0, 0, 0, 4, 0, 0, 0, 5]
      try scratch.write(header + Array(repeating: 9, count: 20 * Int(count)), as: "images")
      return try RunData(configuration)
    }
    let job = ThreadedProcesses.job(JobShape([1, 1]), replicas: 4)
    let outcomes = onWorkers(2) { index in
      Result<Void, any Error> {
        _ = try TrainingRun(configuration, data: data[index], processes: job[index])
      }
    }
    for error in outcomes.map(Self.disagreement) {
      guard case .disagreement(let participant, subject: "other data", _) = error else {
        Issue.record("\(String(describing: error))")
        continue
      }
      #expect(participant.index == 1)
    }
  }

  // MARK: - Parameters

  @Test(arguments: shapes, [true, false])
  func parametersStayEqual(_ shape: JobShape, sharesUpdates: Bool) throws {
    for reduction in ["fast", "ordered"] {
      let job = JobOfRuns(
        shape: shape,
        overrides: { _ in
          ["communication.shardedUpdate=\(sharesUpdates)", "reduction=\(reduction)"]
        })
      _ = try job.results { run in
        for _ in 0..<3 {
          try run.advance(steps: 2)
          try run.requireEqualParameters()
        }
      }
    }
  }

  /// One bit, in any copy that there is: of each process, or of each host.
  @Test(arguments: shapes, [true, false])
  func driftIsFoundAndNamed(_ shape: JobShape, sharesUpdates: Bool) throws {
    for drifting in 1..<shape.processes {
      let job = JobOfRuns(
        shape: shape, overrides: { _ in ["communication.shardedUpdate=\(sharesUpdates)"] })
      let outcomes = job.outcomes { run in
        try run.advance(steps: 1)
        try run.requireEqualParameters()
        if run.processes.index == drifting {
          let name = "discriminator/dense_0/bias"
          var values = run.store.read(name)
          values[0] = values[0].nextUp
          run.store.write(values, to: name)
        }
        try run.requireEqualParameters()
      }
      let hosts = ThreadedProcesses.job(shape, replicas: 4)[0].hosts
      let isAlone = hosts.contains { $0.lowerBound == drifting }
      for error in outcomes.map(Self.disagreement) {
        if sharesUpdates && !isAlone {
          // Parameters of a host are its first process's to write.
          #expect(error == nil)
          continue
        }
        guard case .disagreement(let participant, subject: "other parameters", let first) = error
        else {
          Issue.record("\(String(describing: error)), \(drifting)")
          continue
        }
        #expect(participant.process?.rank == drifting && first.process?.rank == 0)
      }
    }
  }

  // MARK: - Placement

  @Test func moreWorkersThanReplicasAreRefused() throws {
    for (processes, threads, expected) in [
      (5, "threads=1", 1), (2, "threads=3", 3), (4, "threads=2", 2),
    ] {
      let configuration = try JobOfRuns.configuration([threads])
      // Of more replicas, so that there is such a job.
      let job = ThreadedProcesses.job(JobShape([processes]), replicas: 16)
      let error = #expect(throws: TrainingError.self) {
        try configuration.placement(on: job[0])
      }
      guard case .workers(processes, expected, replicas: 4) = error else {
        Issue.record("\(String(describing: error))")
        continue
      }
      #expect(
        error?.description
          == "\(processes) processes of \(expected) threads are more workers than replicas (4); "
          + "expected processes × threads of 4 at most")
    }
  }

  @Test func replicasAreDividedAmongProcessesAndThreads() throws {
    for (processes, threads, runs) in [
      (1, 4, [0..<4]), (2, 2, [0..<2, 2..<4]), (3, 1, [0..<2, 2..<3, 3..<4]),
      (4, 1, [0..<1, 1..<2, 2..<3, 3..<4]),
    ] {
      let configuration = try JobOfRuns.configuration(["threads=\(threads)"])
      let job = ThreadedProcesses.job(JobShape([processes]), replicas: 16)
      let placement = try configuration.placement(on: job[0])
      #expect(placement == Placement(replicas: 4, ranks: processes, threads: threads))
      #expect((0..<processes).map { placement.run(rank: $0) } == runs)
    }
  }

  // MARK: - Training

  /// What a run directory holds, but for times.
  private static func contents(_ scratch: ScratchDirectory, _ name: String) throws -> [String: Data]
  {
    var contents: [String: Data] = [:]
    for file in [
      "shards.csv", "gradients.csv", "batch_norm.csv", "weights.safetensors", "config.yaml",
    ] {
      contents[file] = try scratch.data("\(name)/\(file)")
    }
    for sample in try scratch.names(in: "\(name)/samples") {
      contents[sample] = try scratch.data("\(name)/samples/\(sample)")
    }
    return contents
  }

  private static func recorder(_ run: TrainingRun, _ directory: String) throws -> RunRecorder? {
    let count = RunRecorder.gridCount * 20
    return run.processes.isFirst
      ? try RunRecorder(
        run, directory: directory, name: "test", reals: Array(repeating: 0, count: count)) : nil
  }

  @Test(arguments: shapes)
  func aJobTrainsAsOneProcessDoes(_ shape: JobShape) throws {
    let scratch = try ScratchDirectory()
    let overrides = [
      "steps=7", "logEvery=2", "sampleEvery=3", "shards.gradientEvery=2",
      "batchNorm.movingStatistics=own",
    ]
    @Sendable func train(_ run: TrainingRun, _ name: String) throws -> Int32 {
      try Trainer(
        run, recorder: try Self.recorder(run, scratch.file(name)), signal: { 0 },
        onProgress: { _ in }
      ).train()
    }
    let recording = TrainingStep.Recording.batchStatistics
    #expect(try JobOfRuns.alone(overrides, recording: recording) { try train($0, "alone") } == 0)
    let signals = try JobOfRuns(shape: shape, overrides: { _ in overrides }, disorder: 1)
      .results(recording: recording) { try train($0, "job") }
    #expect(signals == Array(repeating: 0, count: shape.processes))
    let (alone, job) = (
      try Self.contents(scratch, "alone"), try Self.contents(scratch, "job")
    )
    #expect(alone.count == 5 + 3)
    #expect(job == alone)
  }

  /// It ends in all at the same step, and what has been done is saved.
  @Test(arguments: [JobShape([2]), JobShape([1, 2])])
  func aSignalInOneProcessEndsAll(_ shape: JobShape) throws {
    for interrupted in 0..<shape.processes {
      let scratch = try ScratchDirectory()
      let job = JobOfRuns(shape: shape, overrides: { _ in ["steps=1000000"] })
      let ends = try job.results { run in
        let signal = try Trainer(
          run, recorder: try Self.recorder(run, scratch.file("run")),
          signal: { run.processes.index == interrupted && run.completedSteps >= 3 ? SIGTERM : 0 },
          onProgress: { _ in }
        ).train()
        return [Int(signal), run.completedSteps]
      }
      #expect(Set(ends).count == 1)
      #expect(ends[0][0] == Int(SIGTERM) && ends[0][1] >= 3)
      #expect(scratch.exists("run/weights.safetensors"))
    }
  }
}
