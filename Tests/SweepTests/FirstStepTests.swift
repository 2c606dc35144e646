import Foundation
import RunFiles
import Sweep
import TestSupport
import Testing

/// The effect of sharding on the gradient of the first step alone.
@Suite struct FirstStepTests {
  private static func firstStep(
    replicas: Int, _ overrides: [String] = []
  ) throws -> FirstStep {
    let scratch = try ScratchDirectory()
    let plan = try SmallSweep.plan(replicas: [replicas], ["steps=1"] + overrides)
    let directory = SweepDirectory(path: scratch.file("sweep"))
    #expect(try SmallSweep.run(plan, in: directory) == 0)
    let path = directory.run(of: plan.cells[0]).path + "/first-step.json"
    return try JSONDecoder().decode(
      FirstStep.self, from: Data(contentsOf: URL(filePath: path)))
  }

  static let configurations = [
    [], ["objective.kind=selfGPU"], ["objective.weights=validity"], ["gradients=sum"],
    ["objective.detachWeights=true"], ["objective.loss=publishedCrossEntropy"],
    ["model.kind=dcgan", "model.image.height=8", "model.image.width=8"],
  ]

  /// With equal weights and the statistics of all examples, the mean of the shards' gradients is the
  /// gradient of the whole batch.
  @Test(arguments: [2, 8], configurations)
  func onlyRoundingRemainsWithoutBothCauses(replicas: Int, _ overrides: [String]) throws {
    let step = try Self.firstStep(replicas: replicas, overrides)
    let neither = try #require(step.neither)
    #expect(neither.difference < 1e-5)
    #expect(abs(neither.cosine - 1) < 1e-6)
    #expect(step.configured.difference > 100 * neither.difference)
    #expect(try #require(step.statisticsAlone).difference > 100 * neither.difference)
  }

  @Test func equalWeightsAndPooledStatisticsAreTheWholeBatch() throws {
    let step = try Self.firstStep(
      replicas: 8, ["objective.weights=equal", "batchNorm.scope=all", "replicas=8"])
    #expect(step.configured.difference < 1e-5)
    #expect(step.statisticsAlone == nil && step.weightsAlone == nil && step.neither == nil)
    for (column, loss) in step.losses {
      #expect(abs(loss - (step.wholeBatchLosses[column] ?? .nan)) < 1e-5, "\(column)")
    }
  }

  /// It has no weights: batch statistics are all there is.
  @Test func theClassicObjectiveDiffersByItsStatistics() throws {
    let step = try Self.firstStep(replicas: 4, ["objective.kind=classic"])
    #expect(step.configured.difference > 0.01)
    #expect(step.statisticsAlone == nil && step.weightsAlone == nil)
    #expect(try #require(step.neither).difference < 1e-5)
  }

  /// With the statistics of all examples only the weights are left.
  @Test func pooledStatisticsLeaveTheWeights() throws {
    let step = try Self.firstStep(replicas: 4, ["batchNorm.scope=all", "replicas=4"])
    #expect(step.statisticsAlone == nil && step.weightsAlone == nil)
    let neither = try #require(step.neither)
    #expect(neither.difference < 1e-5 && step.configured.difference > 100 * neither.difference)
  }

  /// The extra update is sharded, too: it would be no first step from the same weights.
  @Test func theWarmUpIsLeftOut() throws {
    let warmed = try Self.firstStep(replicas: 4, ["objective.warmUp=true"])
    #expect(warmed == (try Self.firstStep(replicas: 4)))
  }

  /// Statistics are those of a group's examples; a group of all replicas pools them.
  @Test func groupsOfReplicasShareStatistics() throws {
    let pair = try Self.firstStep(replicas: 4, ["batchNorm.scope=2", "replicas=4"])
    #expect(pair.statisticsAlone != nil)
    let all = try Self.firstStep(replicas: 4, ["batchNorm.scope=4", "replicas=4"])
    #expect(all.statisticsAlone == nil && all.weightsAlone == nil && all.neither != nil)
  }

  @Test func oneReplicaIsTheWholeBatch() throws {
    let step = try Self.firstStep(replicas: 1)
    #expect(step.configured.difference == 0)
    #expect(abs(step.configured.cosine - 1) < 1e-12)
    #expect(step.losses == step.wholeBatchLosses)
  }
}
