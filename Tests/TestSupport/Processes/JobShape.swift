import Replicas

/// How many processes run on each host, and how many workers each process has.
package struct JobShape: Hashable, Sendable, CustomStringConvertible {
  package let hosts: [Int]
  package let threads: Int

  package init(_ hosts: [Int], threads: Int = 1) {
    self.hosts = hosts
    self.threads = threads
  }

  package var processes: Int { hosts.reduce(0, +) }
  package var description: String { "processes \(hosts) on the hosts, \(threads) threads each" }

  package func placement(replicas: Int) -> Placement {
    Placement(replicas: replicas, ranks: processes, threads: threads)
  }

  /// Every number of processes and threads that so many replicas allow, on one host.
  package static func onOneHost(replicas: Int) -> [JobShape] {
    (1...replicas).flatMap { ranks in
      (1...(replicas / ranks)).map { JobShape([ranks], threads: $0) }
    }
  }

  /// Every number of processes and threads that so many replicas allow, on two hosts, even and not, on three, and with a host
  /// for each process.
  package static func onSeveralHosts(replicas: Int) -> [JobShape] {
    onOneHost(replicas: replicas).flatMap { shape -> [JobShape] in
      let processes = shape.processes
      let hosts = [
        [1, processes - 1], [processes / 2, processes - processes / 2],
        [processes * 5 / 8, processes - processes * 5 / 8], [1, 1, processes - 2],
        Array(repeating: 1, count: processes),
      ]
      return Set(hosts.filter { $0.count > 1 && $0.allSatisfy { $0 > 0 } })
        .map { JobShape($0, threads: shape.threads) }
    }
  }

  /// A few of the kinds that there are, for eight replicas.
  package static let chosen = [
    JobShape([2]), JobShape([3], threads: 2), JobShape([8]), JobShape([1, 1], threads: 2),
    JobShape([3, 5]), JobShape([7, 1]), JobShape([1, 1, 1]), JobShape([1, 1, 1, 1], threads: 2),
    JobShape([2, 1, 1]),
  ]
}
