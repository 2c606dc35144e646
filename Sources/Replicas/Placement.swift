/// Which worker of which rank runs which replicas.
///
/// Workers are numbered through all ranks, and each runs a contiguous run of replicas, also over
/// the borders of ranks; where the replicas do not divide evenly, the first workers run one more.
package struct Placement: Hashable, Sendable {
  package let replicas: Int
  package let ranks: Int
  /// Workers in each rank.
  package let threads: Int

  /// - Precondition: 1 ≤ `ranks` · `threads` ≤ `replicas`.
  package init(replicas: Int, ranks: Int = 1, threads: Int) {
    precondition(
      ranks >= 1 && threads >= 1 && threads <= replicas / ranks,
      "every worker runs at least one replica")
    self.replicas = replicas
    self.ranks = ranks
    self.threads = threads
  }

  /// All workers of all ranks.
  package var workers: Int { ranks * threads }

  /// The replicas of worker `worker` of rank `rank`.
  package func run(rank: Int = 0, worker: Int) -> Range<Int> {
    precondition((0..<ranks).contains(rank) && (0..<threads).contains(worker), "no such worker")
    let index = rank * threads + worker
    return start(index)..<start(index + 1)
  }

  /// The replicas of all workers of rank `rank`.
  package func run(rank: Int) -> Range<Int> {
    precondition((0..<ranks).contains(rank), "no such rank")
    return start(rank * threads)..<start((rank + 1) * threads)
  }

  /// The worker that runs `replica`.
  package func owner(of replica: Int) -> (rank: Int, worker: Int) {
    precondition((0..<replicas).contains(replica), "no such replica")
    let (quotient, longer) = replicas.quotientAndRemainder(dividingBy: workers)
    let inLonger = longer * (quotient + 1)
    let index =
      replica < inLonger
      ? replica / (quotient + 1) : longer + (replica - inLonger) / quotient
    return (index / threads, index % threads)
  }

  /// The first replica of worker `index` of all workers.
  private func start(_ index: Int) -> Int {
    let (quotient, longer) = replicas.quotientAndRemainder(dividingBy: workers)
    return index * quotient + min(index, longer)
  }
}
