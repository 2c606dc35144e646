import Foundation
import TestSupport
import Testing

extension MPITests {
  /// The same replicas in one process and on several hosts.
  @Suite(.enabled(if: hostsArePossible, hostsAreNeeded))
  struct HostPlacementTests {
    @Test(
      arguments: [
        .hosts(2, slots: 2), .hosts(2, slots: 4), .hosts(2, slots: 2, options: ["-n", "3"]),
        .hosts(2, slots: 2, options: ["--rank-by", "node"]),
      ] as [MPIJob.Launch])
    func orderedGivesTheSameBits(_ launch: MPIJob.Launch) throws {
      let trace = try JobTraces.ganInOrder.job(launch, ["--threads", "1"])
      #expect(trace.differences(from: try JobTraces.ganInOrderAlone.get()) == [])
    }

    @Test(arguments: [
      JobTraces("gan", ["--set", "batchNorm.scope=all"]),
      JobTraces("gan-gpu-shards", []),
      JobTraces("gan", ["--set", "communication.shardedUpdate=false"]),
    ])
    func orderedGivesTheSameBitsInOtherExperiments(_ traces: JobTraces) throws {
      let small = JobTraces(
        traces.configuration, traces.options + ["--reduction", "ordered"] + Configurations.small)
      #expect(try small.job(.hosts(2, slots: 2)).differences(from: try small.alone()) == [])
    }

    @Test func orderedGivesTheSameBitsWithConvolutions() throws {
      let traces = JobTraces(
        "dcgan",
        [
          "--reduction", "ordered", "--set", "model.image.height=8", "--set", "model.image.width=8",
          "--set", "batchSize=16",
        ] + Configurations.synthetic)
      #expect(try traces.job(.hosts(2, slots: 2)).differences(from: try traces.alone()) == [])
    }

    @Test func fastAgreesInTheAveragedGradient() throws {
      let trace = try JobTraces.ganFast.job(.hosts(2, slots: 2))
      #expect(trace.gradientError(from: try JobTraces.ganFastAlone.get()) <= 1e-5)
    }
  }
}
