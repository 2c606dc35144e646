import Foundation
import TestSupport
import Testing

extension MPITests {
  /// Jobs in which a process fails, is killed or stopped: all processes end, somebody says why, and
  /// nothing is left behind.
  @Suite struct FaultTests {
    @Test(arguments: [0, 2])
    func aKilledRankEndsTheJob(_ rank: Int) throws {
      let endless = try EndlessJob(.ranks(4))
      try endless.job.send(SIGKILL, to: rank)
      let outcome = try endless.job.outcome(within: 10)
      #expect(outcome.code == 137, "\(outcome.errors)")
    }

    /// Nobody but the stopped rank is blamed, by the first rank or another.
    private func expectNaming(
      _ rank: String, _ outcome: CommandProcess.Outcome,
      sourceLocation: SourceLocation = #_sourceLocation
    ) {
      #expect(outcome.code == 1, sourceLocation: sourceLocation)
      let sentences = outcome.jobErrors.map(\.sentence)
      #expect(!sentences.isEmpty, "\(outcome.errors)", sourceLocation: sourceLocation)
      for sentence in sentences {
        let match = sentence.wholeMatch(
          of:
            /(?:.* ended the run: )?(.*) did not arrive at [a-z -]+ of step \d+ within 2.0 seconds/
        )
        #expect(
          match.map { String($0.1) } == rank, "\(outcome.errors)", sourceLocation: sourceLocation)
      }
    }

    @Test(arguments: [0, 2])
    func aStoppedRankIsNamed(_ rank: Int) throws {
      let endless = try EndlessJob(.ranks(4), timeout: 2)
      try endless.job.send(SIGSTOP, to: rank)
      expectNaming(
        "rank \(rank) on \(MPITests.hostName) (replicas \(2 * rank) to \(2 * rank + 1))",
        try endless.job.outcome(within: 20))
    }

    /// Of this host, of another one, and the first ones, which speak with the other hosts.
    @Test(.enabled(if: hostsArePossible, hostsAreNeeded), arguments: [0, 2, 3])
    func aStoppedRankOfAnotherHostIsNamed(_ rank: Int) throws {
      let endless = try EndlessJob(.hosts(2, slots: 2), timeout: 2)
      try endless.job.send(SIGSTOP, to: rank)
      expectNaming(
        "rank \(rank) on tpu\(rank / 2) (replicas \(2 * rank) to \(2 * rank + 1))",
        try endless.job.outcome(within: 20))
    }

    @Test(.enabled(if: hostsArePossible, hostsAreNeeded))
    func aKilledRankOfAnotherHostEndsTheJob() throws {
      let endless = try EndlessJob(.hosts(2, slots: 2))
      try endless.job.send(SIGKILL, to: 3)
      let outcome = try endless.job.outcome(within: 10)
      #expect(outcome.code != 0, "\(outcome.errors)")
    }

    /// Nobody is late while all ranks are stopped.
    @Test func aStoppedJobGoesOn() throws {
      let endless = try EndlessJob(.ranks(3), timeout: 2)
      for rank in 0..<3 { try endless.job.send(SIGSTOP, to: rank) }
      sleep(3)
      let before = try endless.lastStep()
      for rank in 0..<3 { try endless.job.send(SIGCONT, to: rank) }
      endless.waitForStep(before + 10)
      try endless.job.send(SIGINT, to: 0)
      let outcome = try endless.job.outcome(within: 20)
      #expect(outcome.code == 130, "\(outcome.errors)")
      #expect(outcome.jobErrors.isEmpty)
    }

    // MARK: Before the first step

    @Test func aRankThatEndsBeforeMPIStartsEndsTheJob() throws {
      let outcome = try MPIJob.run(
        .ranks(4), ["train", Configurations.gan, "--output", "run"] + Configurations.small,
        in: ScratchDirectory(), prologue: "if ((OMPI_COMM_WORLD_RANK == 2)); then exit 3; fi")
      #expect(outcome.code == 3, "\(outcome.errors)")
    }

    /// A rank with another configuration, and the key that it shall be told.
    @Test(arguments: [
      ("--set optimizer.learningRate=1e-3", "optimizer.learningRate"),
      ("--set communication.timeout=7", "communication.timeout"),
      ("--replicas 4", "replicas"),
      // Not given in the others.
      ("--threads 2", "threads"), ("--set kernels.matmul=openBLAS", "kernels.matmul"),
    ])
    func anotherConfigurationIsRefused(_ options: String, _ key: String) throws {
      let scratch = try ScratchDirectory()
      let outcome = try MPIJob.run(
        .ranks(4),
        ["train", Configurations.gan, "--steps", "3", "--output", "run"] + Configurations.small,
        in: scratch,
        prologue: "if ((OMPI_COMM_WORLD_RANK == 2)); then set -- \"$@\" \(options); fi")
      #expect(outcome.code == 65, "\(outcome.errors)")
      let sentences = outcome.jobErrors.map(\.sentence)
      #expect(!sentences.isEmpty, "\(outcome.errors)")
      for sentence in sentences {
        #expect(sentence.hasPrefix("rank 2 on \(MPITests.hostName) "))
        #expect(
          sentence.contains(" has another \(key) in its configuration than rank 0 on "),
          "\(sentence)")
      }
      #expect(try scratch.names() == [])
    }

    /// As many images, and others.
    @Test func otherDataAreRefused() throws {
      let scratch = try ScratchDirectory()
      try scratch.write(DataFiles.idx(count: 100), as: "images")
      try scratch.write(DataFiles.idx(count: 101), as: "more")
      let outcome = try MPIJob.run(
        .ranks(2),
        ["train", Configurations.gan, "--output", "run", "--set", "data.path=images"]
          + Self.tiny,
        in: scratch,
        prologue: """
          if ((OMPI_COMM_WORLD_RANK == 1)); then
            mkdir elsewhere && cd elsewhere && ln -s ../more images
          fi
          """)
      #expect(outcome.code == 65, "\(outcome.errors)")
      for error in outcome.jobErrors {
        #expect(
          error.sentence.hasPrefix("rank 1 on \(MPITests.hostName) ")
            && error.sentence.contains(" has other data than rank 0 on "))
      }
      #expect(!outcome.jobErrors.isEmpty)
      #expect(try scratch.names() == ["elsewhere", "images", "more"])
    }

    @Test func aRankThatCannotReadTheDataSaysSo() throws {
      let scratch = try ScratchDirectory()
      try scratch.write(DataFiles.idx(count: 100), as: "images")
      let outcome = try MPIJob.run(
        .ranks(4),
        ["train", Configurations.gan, "--output", "run", "--set", "data.path=images"]
          + Self.tiny,
        in: scratch, prologue: "if ((OMPI_COMM_WORLD_RANK == 2)); then cd /; fi")
      #expect([1, 65].contains(outcome.code), "\(outcome.errors)")
      // By itself, and by the first rank; one of the two may be ended before it has spoken.
      let errors = outcome.jobErrors
      #expect(!errors.isEmpty && errors.count <= 2)
      for error in errors {
        let rank = "rank 2 on \(MPITests.hostName)"
        #expect(error.sentence.contains("images"), "\(error)")
        #expect(error.speaker == rank || error.sentence.hasPrefix("\(rank) ended the run: "))
      }
      #expect(Set(errors.map(\.speaker)).count == errors.count)
      #expect(try scratch.names() == ["images"])
    }

    private static let tiny = [
      "--set", "data.kind=idx", "--set", "model.image.height=2", "--set", "model.image.width=2",
      "--steps", "3",
    ]

    @Test(arguments: [
      (9, ["--replicas", "8"], "9 processes of 1 threads are more workers than replicas (8)"),
      (3, ["--threads", "3"], "3 processes of 3 threads are more workers than replicas (8)"),
    ])
    func moreWorkersThanReplicasAreRefused(
      _ ranks: Int, _ options: [String], _ sentence: String
    ) throws {
      let scratch = try ScratchDirectory()
      let outcome = try MPIJob.run(
        .ranks(ranks),
        ["train", Configurations.gan, "--output", "run"] + Configurations.small + options,
        in: scratch)
      #expect(outcome.code == 65, "\(outcome.errors)")
      #expect(!outcome.jobErrors.isEmpty)
      for error in outcome.jobErrors { #expect(error.sentence.hasPrefix(sentence)) }
      #expect(try scratch.names() == [])
    }

    @Test(.enabled(if: PrivateMounts.areAllowed, "needs a mount namespace of its own"))
    func tooLittleSharedMemoryIsRefused() throws {
      let scratch = try ScratchDirectory()
      let outcome = try MPIJob.run(
        .ranks(2), ["train", Configurations.gan, "--output", "run"] + Configurations.synthetic,
        in: scratch,
        launcher: PrivateMounts.launcher + [
          "sh", "-c", "mount -t tmpfs -o size=20m tmpfs /dev/shm && exec \"$@\"", "sh",
        ])
      #expect(outcome.code == 65, "\(outcome.errors)")
      #expect(!outcome.jobErrors.isEmpty)
      for error in outcome.jobErrors { #expect(error.sentence.contains("/dev/shm")) }
      #expect(try scratch.names() == [])
    }

    // MARK: On the way

    @Test(.enabled(if: PrivateMounts.areAllowed, "needs a mount namespace of its own"))
    func aFullDiskOfTheFirstRankEndsTheJob() throws {
      let scratch = try ScratchDirectory()
      let outcome = try MPIJob.run(
        .ranks(4),
        [
          "train", Configurations.gan, "--steps", "3", "--output", "disk/run", "--quiet",
          "--set", "logEvery=1",
        ] + Configurations.small, in: scratch,
        launcher: PrivateMounts.launcher + [
          "sh", "-c",
          """
          mkdir disk && mount -t tmpfs -o size=1m tmpfs disk && "$@"
          code=$?
          cp -r disk copy
          exit $code
          """, "sh",
        ])
      #expect(outcome.code == 1, "\(outcome.errors)")
      try #require(outcome.jobErrors.count == 1, "\(outcome.errors)")
      #expect(outcome.jobErrors[0].speaker == "")
      for fact in ["disk/run/checkpoints/step-000000.safetensors", "No space left on device"] {
        #expect(outcome.jobErrors[0].sentence.contains(fact))
      }
      #expect(try ShardsTable(scratch.text("copy/run/shards.csv")).rows.isEmpty)
    }

    /// All ranks find out together where it came from, and the first one says so.
    @Test func aNumberThatIsNotFiniteEndsTheJob() throws {
      let outcome = try MPIJob.run(
        .ranks(4),
        [
          "train", Configurations.gan, "--steps", "1000", "--output", "run",
          "--set", "optimizer.learningRate=1", "--set", "optimizer.epsilon=1e-300",
          "--set", "optimizer.beta1=0", "--set", "optimizer.beta2=0", "--set", "logEvery=1",
        ] + Configurations.small, in: ScratchDirectory())
      #expect(outcome.code == 1)
      try #require(outcome.jobErrors.count == 1, "\(outcome.errors)")
      #expect(outcome.jobErrors[0].speaker == "")
      #expect(
        outcome.jobErrors[0].sentence.contains(
          /step 2: generator\/dense_0: adam made nan in generator\/dense_0\/kernel/))
    }
  }
}
