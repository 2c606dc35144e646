import Foundation
import TestSupport
import Testing

extension MPITests {
  /// The same replicas in one process and in several.
  @Suite struct JobPlacementTests {
    @Test(arguments: [(8, 1), (2, 2), (3, 1)])
    func orderedGivesTheSameBits(_ ranks: Int, _ threads: Int) throws {
      let trace = try JobTraces.ganInOrder.job(.ranks(ranks), ["--threads", "\(threads)"])
      #expect(trace.differences(from: try JobTraces.ganInOrderAlone.get()) == [])
    }

    @Test func orderedGivesTheSameBitsWithConvolutions() throws {
      let traces = JobTraces("dcgan", ["--reduction", "ordered"] + Configurations.synthetic)
      #expect(try traces.job(.ranks(4)).differences(from: try traces.alone()) == [])
    }

    /// Several sums a step, statistics that replicas share, trees with uneven sides, and each process
    /// with the whole update for itself.
    @Test(arguments: [
      (4, 1, JobTraces("gan", ["--set", "batchNorm.scope=all"])),
      (3, 2, JobTraces("gan", ["--set", "batchNorm.scope=4"])),
      (8, 1, JobTraces("gan-gpu-shards", [])),
      (1, 1, JobTraces("gan-gpu", [])),
      (5, 1, JobTraces("gan", ["--replicas", "6", "--set", "batchSize=48"])),
      (4, 1, JobTraces("gan", ["--set", "communication.shardedUpdate=false"])),
      (2, 2, JobTraces("gan-published", ["--set", "communication.shardedUpdate=false"])),
      (4, 1, JobTraces("gan", ["--set", "objective.warmUp=true"])),
    ])
    func orderedGivesTheSameBitsInOtherExperiments(
      _ ranks: Int, _ threads: Int, _ traces: JobTraces
    ) throws {
      let small = JobTraces(
        traces.configuration, traces.options + ["--reduction", "ordered"] + Configurations.small)
      let trace = try small.job(.ranks(ranks), ["--threads", "\(threads)"])
      #expect(trace.differences(from: try small.alone()) == [])
    }

    @Test(arguments: [(8, 1), (2, 2)])
    func fastAgreesInTheAveragedGradient(_ ranks: Int, _ threads: Int) throws {
      let trace = try JobTraces.ganFast.job(.ranks(ranks), ["--threads", "\(threads)"])
      #expect(trace.gradientError(from: try JobTraces.ganFastAlone.get()) <= 1e-5)
    }

    @Test func initialValuesComeToAllProcesses() throws {
      let scratch = try ScratchDirectory()
      let other = try CommandProcess.run(
        [
          "trace", Configurations.gan, "--steps", "1", "--seed", "2", "--output", "other",
        ] + Configurations.small, in: scratch)
      try #require(other.code == 0, "\(other.errors)")
      let traces = JobTraces(
        "gan",
        ["--initial", scratch.file("other"), "--reduction", "ordered"] + Configurations.small)
      #expect(try traces.job(.ranks(3)).differences(from: try traces.alone()) == [])
    }
  }
}
