import RunConfiguration
import Sweep
import Testing

@Suite struct SweepPlanTests {
  @Test func cellsAreEveryCombinationSeedBySeed() throws {
    let plan = try SmallSweep.plan(
      objectives: ["selfTPU", "selfGPU"], scopes: ["replica", "all"], replicas: [4, 1], seeds: 2,
      ["seed=7"])
    #expect(plan.cells.count == 2 * 2 * 2 * 2)
    #expect(plan.replicas == [1, 4])
    #expect(plan.seeds == [7, 8])
    #expect(plan.cells.prefix(8).allSatisfy { $0.seed == 7 })
    #expect(Set(plan.cells.map(\.name)).count == plan.cells.count)
    #expect(plan.cells[0].name == "selfTPU-replica-replicas-1-seed-7")
    for cell in plan.cells {
      #expect(cell.configuration.replicas == cell.replicas)
      #expect(cell.configuration.seed == cell.seed)
      #expect(cell.configuration.objective.kind.rawValue == cell.group.objective)
      #expect((cell.configuration.batchNorm.scope == .all) == (cell.group.scope == "all"))
    }
  }

  @Test func whatIsNotComparedIsTheConfigurations() throws {
    let plan = try SmallSweep.plan(
      replicas: [2, 4], ["objective.kind=classic", "batchNorm.scope=2", "replicas=2"])
    #expect(plan.groups.map(\.objective) == ["classic"])
    #expect(plan.groups.map(\.scope) == ["2"])
  }

  /// Threads that are asked for are no more than a cell has replicas.
  @Test func threadsFollowTheReplicas() throws {
    let plan = try SmallSweep.plan(replicas: [1, 2, 4], ["threads=2", "replicas=2"])
    #expect(plan.cells.map(\.configuration.threads) == [1, 2, 2])
  }

  @Test func anImpossibleCellIsRefusedBeforeAnythingIsRun() {
    #expect(throws: ConfigurationError.self) { try SmallSweep.plan(replicas: [1, 5]) }
    #expect(throws: ConfigurationError.self) { try SmallSweep.plan(objectives: ["selfCPU"]) }
  }
}
