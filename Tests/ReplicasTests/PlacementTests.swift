import Replicas
import Testing

@Suite struct PlacementTests {
  @Test(arguments: 1...12)
  func everyReplicaIsRunOnceInOrder(replicas: Int) {
    for ranks in 1...replicas {
      for threads in 1...replicas / ranks {
        let placement = Placement(replicas: replicas, ranks: ranks, threads: threads)
        let runs = (0..<ranks).flatMap { rank in
          (0..<threads).map { placement.run(rank: rank, worker: $0) }
        }
        #expect(runs.flatMap { Array($0) } == Array(0..<replicas))
        // As even as can be, the longer runs first.
        let lengths = runs.map(\.count)
        #expect(lengths == lengths.sorted(by: >))
        #expect(lengths.reduce(0, max) - lengths.reduce(replicas, min) <= 1)
      }
    }
  }

  @Test(arguments: 1...12)
  func theOwnerIsTheWorkerWhoseRunHasTheReplica(replicas: Int) {
    for ranks in 1...replicas {
      for threads in 1...replicas / ranks {
        let placement = Placement(replicas: replicas, ranks: ranks, threads: threads)
        for replica in 0..<replicas {
          let owner = placement.owner(of: replica)
          #expect(placement.run(rank: owner.rank, worker: owner.worker).contains(replica))
          #expect(placement.run(rank: owner.rank).contains(replica))
        }
      }
    }
  }

  @Test func unevenReplicasGoToTheFirstWorkers() {
    let placement = Placement(replicas: 8, threads: 3)
    #expect((0..<3).map { placement.run(worker: $0) } == [0..<3, 3..<6, 6..<8])
  }
}
