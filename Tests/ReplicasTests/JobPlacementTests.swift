import Kernels
import Program
import Replicas
import TestSupport
import Testing

/// What the contract says of determinism, for jobs of several processes and hosts: `ordered` gives the bits of one process.
///
/// Each process is given its own replicas' images only, with no numbers around them.
@Suite(.serialized)
struct JobPlacementTests {
  @Test(arguments: [1, 2, 3, 4, 5, 8])
  func orderedGivesTheBitsOfOneProcess(_ replicas: Int) throws {
    let training = try TrainingCase.small(replicas: replicas)
    let alone = try training.train(threads: 1, reduction: .ordered)
    #expect(alone.losses.count == 3 * SelfGANStep.losses.count * replicas)
    let shapes =
      JobShape.onOneHost(replicas: replicas) + JobShape.onSeveralHosts(replicas: replicas)
    for shape in shapes {
      let job = try training.train(on: shape, reduction: .ordered)
      #expect(job.moments.count == shape.processes)
      #expect(job.differences(from: alone) == .none, "\(shape)")
    }
  }

  enum Kind: CaseIterable {
    case sharingStatistics, convolutional, convolutionalOfThreeChannels, pooledByTwo, pooledByFour
    case pooledByAll

    func training() throws -> TrainingCase {
      switch self {
      case .sharingStatistics: try .sharingStatistics()
      case .convolutional: try .convolutional()
      case .convolutionalOfThreeChannels: try .convolutional(.pytorch, channels: 3)
      case .pooledByTwo: try .convolutional(groupSize: 2)
      case .pooledByFour: try .convolutional(.pytorch, groupSize: 4)
      case .pooledByAll: try .convolutional(groupSize: 8)
      }
    }
  }

  @Test(arguments: Kind.allCases)
  func everyKindOfNetworkDoes(_ kind: Kind) throws {
    let training = try kind.training()
    let alone = try training.train(threads: 1, reduction: .ordered)
    for shape in JobShape.chosen {
      let job = try training.train(on: shape, reduction: .ordered)
      #expect(job.differences(from: alone) == .none, "\(shape)")
    }
  }

  /// Runs of one and of two replicas, whose plans differ, next to each other and on different hosts.
  @Test(arguments: [3, 5])
  func convolutionsOfUnevenReplicasDo(_ replicas: Int) throws {
    for groupSize in [1, replicas] {
      let training = try TrainingCase.convolutional(
        .pytorch, replicas: replicas, groupSize: groupSize)
      let alone = try training.train(threads: 1, reduction: .ordered)
      for shape in [JobShape([2]), JobShape([1, 1]), JobShape([1, 2])] {
        let job = try training.train(on: shape, reduction: .ordered)
        #expect(job.differences(from: alone) == .none, "\(shape)")
      }
    }
  }

  /// Its largest kernel is sent in several chunks.
  @Test func thePapersNetworkDoes() throws {
    let training = try TrainingCase.paper()
    let alone = try training.train(threads: 2, reduction: .ordered)
    for shape in [JobShape([2]), JobShape([1, 1]), JobShape([1, 2])] {
      let job = try training.train(on: shape, reduction: .ordered)
      #expect(job.differences(from: alone) == .none, "\(shape)")
    }
  }

  @Test func everyLibraryDoes() throws {
    for backend in backends {
      for training in [try TrainingCase.small(), try .convolutional()] {
        let alone = try training.train(threads: 1, reduction: .ordered, backend: backend)
        for shape in [JobShape([3]), JobShape([1, 2])] {
          let job = try training.train(on: shape, reduction: .ordered, backend: backend)
          #expect(job.differences(from: alone) == .none, "\(backend), \(shape)")
        }
      }
    }
  }

  /// Messages that take their time, overtake each other, and are read late.
  @Test(arguments: 1...6)
  func messagesMayComeInAnyOrder(_ seed: Int) throws {
    for training in [try TrainingCase.sharingStatistics(), try .convolutional(groupSize: 4)] {
      let variants = [0, 1, 0, 0, 1, 1, 0]
      let alone = try training.train(threads: 1, reduction: .ordered, variants: variants)
      for shape in [JobShape([1, 1]), JobShape([2, 1, 1]), JobShape([1, 1, 1, 1], threads: 2)] {
        let job = try training.train(
          on: shape, reduction: .ordered, variants: variants, disorder: seed)
        #expect(job.differences(from: alone) == .none, "\(shape)")
      }
    }
  }

  /// A variant that records more reduces more, in other chunks.
  @Test(arguments: [[1, 1, 1], [0, 1, 0], [1, 0, 0, 1, 1]])
  func variantsFollowEachOther(_ variants: [Int]) throws {
    for training in [try TrainingCase.small(), try .convolutional(.pytorch, groupSize: 2)] {
      let alone = try training.train(threads: 1, reduction: .ordered, variants: variants)
      let plain = try training.train(
        threads: 1, reduction: .ordered, variants: variants.map { _ in 0 })
      #expect(alone.differences(from: plain) == .none)
      for shape in JobShape.chosen {
        let job = try training.train(on: shape, reduction: .ordered, variants: variants)
        #expect(job.differences(from: alone) == .none, "\(shape)")
      }
    }
  }

  /// Every process with parameters of its own, of which it updates all.
  @Test func unsharedUpdatesGiveTheSameBits() throws {
    for training in [
      try TrainingCase.small(), try .sharingStatistics(), try .convolutional(groupSize: 4),
    ] {
      let alone = try training.train(threads: 1, reduction: .ordered)
      for shape in JobShape.chosen {
        let job = try training.train(on: shape, reduction: .ordered, sharesUpdates: false)
        #expect(job.differences(from: alone) == .none, "\(shape)")
      }
    }
  }

  /// A run of several steps is as many runs of one.
  @Test func stepsMayBeRunAtOnce() throws {
    let training = try TrainingCase.convolutional(groupSize: 4)
    let alone = try training.train(threads: 1, reduction: .ordered, variants: [0, 0, 0, 0])
    for shape in JobShape.chosen {
      let members = try training.results(on: shape, reduction: .ordered, disorder: 7) { member in
        try member.group.run(steps: 4, batches: training.batches(steps: 4, of: member))
        try member.processes.communicator.barrier("the last step", step: 4)
        return (variables: member.group.variables, moments: member.group.moments)
      }
      let job = TrainingBits(
        losses: alone.losses,
        variables: training.variants[0].variables.indices.flatMap { variable in
          members.flatMap { $0.variables[variable] }
        }, moments: members.map(\.moments))
      #expect(job.differences(from: alone) == .none, "\(shape)")
    }
  }

  // MARK: - fast

  @Test(arguments: backends)
  func fastAgreesInTheAveragedGradient(_ backend: MatrixBackend) throws {
    for training in [
      try TrainingCase.small(), try .convolutional(), try .convolutional(.pytorch, groupSize: 4),
    ] {
      let ordered = try training.averagedGradient(
        threads: 1, reduction: .ordered, backend: backend
      ).map(Double.init)
      #expect(ordered.contains { $0 != 0 })
      for shape in JobShape.chosen {
        for sharesUpdates in [true, false] {
          let gradients = try training.averagedGradients(
            on: shape, reduction: .fast, backend: backend, sharesUpdates: sharesUpdates)
          #expect(gradients.count == shape.processes)
          #expect(Set(gradients.map(bits)).count == 1)
          #expect(normError(gradients[0], ordered) <= 1e-5, "\(shape)")
        }
      }
    }
  }

  /// What `requireAgreement` on the parameters relies on, and a second run.
  @Test func fastGivesTheSameBitsInAllProcessesAndEveryTime() throws {
    for training in [try TrainingCase.small(), try .convolutional()] {
      for shape in JobShape.chosen {
        for sharesUpdates in [true, false] {
          let first = try training.train(
            on: shape, reduction: .fast, sharesUpdates: sharesUpdates, disorder: 1)
          #expect(Set(first.moments).count == 1)
          let second = try training.train(
            on: shape, reduction: .fast, sharesUpdates: sharesUpdates, disorder: 2)
          #expect(second.losses == first.losses && second.variables == first.variables)
          #expect(second.moments == first.moments)
        }
      }
    }
  }

  /// The smallest exchange there is: of H hosts, each sends 2·(H − 1)/H of what is summed.
  @Test func whatIsSentIsTheLeastPossible() throws {
    let training = try TrainingCase.paper()
    let plan = try training.variants[0].planned(width: 2)
    let count = 4 * plan.reductionCount
    for hosts in [[1, 1], [1, 1, 1, 1], [2, 2]] {
      let sent = try training.results(on: JobShape(hosts), reduction: .fast) {
        ($0.processes.leads, $0.group.bytesSent())
      }
      for (leads, bytes) in sent where !leads { #expect(bytes == 0) }
      // A segment is of whole cache lines.
      let each = Double(2 * (hosts.count - 1) * count) / Double(hosts.count)
      for (leads, bytes) in sent where leads { #expect(abs(Double(bytes) / each - 1) < 1e-3) }
      #expect(
        sent.map(\.1).reduce(0, +) == 2 * (hosts.count - 1) * count)
    }
  }
}
