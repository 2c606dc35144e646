import Foundation
import TestSupport
import Testing

extension MPITests {
  /// What `train` and `benchmark` leave behind and say when several processes run them.
  @Suite struct JobRunTests {
    private static let options =
      [
        "--steps", "10", "--reduction", "ordered", "--set", "logEvery=4", "--set", "sampleEvery=5",
        "--set", "shards.gradientEvery=8",
      ] + Configurations.small

    /// All files of a run directory, without those that name machines and hours, and without the times
    /// in metrics.jsonl.
    private func files(_ directory: String, in scratch: ScratchDirectory) throws -> [String: Data] {
      var files: [String: Data] = [:]
      let names =
        try scratch.names(in: directory).filter { name in
          !["samples", "checkpoints"].contains(name) && name != "machine.json"
            && !name.hasPrefix("events.")
        }
        + scratch.names(in: "\(directory)/samples").map { "samples/\($0)" }
      for name in names { files[name] = try scratch.data("\(directory)/\(name)") }
      files["metrics.jsonl"] = try scratch.text("\(directory)/metrics.jsonl").split(separator: "\n")
        .map { line in
          var metrics = try #require(
            try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Double])
          for time in ["seconds", "millisecondsPerStep"] {
            #expect(metrics.removeValue(forKey: time) ?? 0 > 0)
          }
          return try JSONSerialization.data(withJSONObject: metrics, options: .sortedKeys)
        }.reduce(Data()) { $0 + $1 + Data("\n".utf8) }
      return files
    }

    /// All ranks but the first are in another directory, where whatever they wrote would be found.
    @Test(arguments: ["first", "mean", "own"])
    func theFilesAreThoseOfOneProcess(_ statistics: String) throws {
      let scratch = try ScratchDirectory()
      let arguments =
        [
          "train", Configurations.gan, "--output", "run", "--quiet",
          "--set", "batchNorm.movingStatistics=\(statistics)",
        ] + Self.options
      let alone = try CommandProcess.run(arguments, in: scratch)
      try #require(alone.code == 0, "\(alone.errors)")
      let expected = try files("run", in: scratch)
      #expect(
        expected.keys.sorted() == [
          "batch_norm.csv", "config.yaml", "gradients.csv", "metrics.jsonl", "reals.png",
          "samples/step-000005.png", "samples/step-000010.png", "shards.csv",
          "weights.safetensors",
        ])

      let (first, others) = (try ScratchDirectory(), try ScratchDirectory())
      let outcome = try MPIJob.run(
        .ranks(4), arguments, in: first,
        prologue: "if ((OMPI_COMM_WORLD_RANK > 0)); then cd '\(others.path)'; fi")
      #expect(outcome.code == 0)
      #expect(outcome.output == "" && outcome.errors == "")
      #expect(try first.names() == ["run"])
      #expect(try others.names() == [])
      let written = try files("run", in: first)
      #expect(written.keys.sorted() == expected.keys.sorted())
      for (name, bytes) in written { #expect(bytes == expected[name], "\(name)") }
    }

    @Test func everythingIsSaidOnce() throws {
      let scratch = try ScratchDirectory()
      let outcome = try MPIJob.run(
        .ranks(4), ["train", Configurations.gan] + Self.options, in: scratch)
      #expect(outcome.code == 0)
      #expect(outcome.output == "")
      let lines = outcome.errors.split(separator: "\n")
      for announcement in [
        "selfgan: data: ", "selfgan: run directory: runs/00001-gan", "step 10/10 ",
        "selfgan: 10 steps done",
      ] {
        #expect(lines.count { $0.hasPrefix(announcement) } == 1, "\(announcement)")
      }
      #expect(lines.allSatisfy { $0.hasPrefix("selfgan: ") || $0.hasPrefix("step ") })
      #expect(try scratch.names(in: "runs") == ["00001-gan"])
    }

    @Test func aDryRunWritesNothing() throws {
      let scratch = try ScratchDirectory()
      let outcome = try MPIJob.run(
        .ranks(2), ["train", Configurations.gan, "--dry-run", "--threads", "2"] + Self.options,
        in: scratch)
      #expect(outcome.code == 0)
      #expect(outcome.errors.contains("selfgan: 8 replicas on 4 threads, 10 steps: "))
      #expect(try scratch.names() == [])
    }

    @Test func aBenchmarkIsOneObjectWithTheRanksAndThreads() throws {
      let scratch = try ScratchDirectory()
      let outcome = try MPIJob.run(
        .ranks(2),
        [
          "benchmark", Configurations.gan, "--warmup", "2", "--steps", "10",
          "--all-reduce", "1000",
        ] + Configurations.small, in: scratch)
      #expect(outcome.code == 0)
      #expect(outcome.errors == "")
      let object = try #require(
        try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
      // The host's cores, shared among its ranks.
      let threads = min(4, max(1, ProcessInfo.processInfo.activeProcessorCount / 2))
      for (key, value) in [("replicas", 8), ("ranks", 2), ("threads", threads), ("steps", 10)] {
        #expect(object[key] as? Int == value, "\(key)")
      }
      let allReduce = try #require(object["allReduce"] as? [String: Double])
      #expect(
        Set(allReduce.keys) == [
          "floats", "sharedMilliseconds", "copiedMilliseconds", "mpiMilliseconds",
        ])
      #expect(allReduce["floats"] == 1000 && allReduce.values.allSatisfy { $0 > 0 })
      #expect(try scratch.names() == [])
    }

    /// Of two hosts, each sends the half of its sums that the other adds, and the half that it has
    /// added itself.
    @Test(.enabled(if: hostsArePossible, hostsAreNeeded))
    func aBenchmarkCountsTheBytesBetweenHosts() throws {
      let outcome = try MPIJob.run(
        .hosts(2, slots: 2),
        ["benchmark", Configurations.gan, "--warmup", "1", "--steps", "2"] + Configurations.small,
        in: ScratchDirectory())
      #expect(outcome.code == 0, "\(outcome.errors)")
      let object = try #require(
        try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
      let communication = try #require(object["communication"] as? [String: Double])
      let generator = 100 * 256 + 256 * 512 + 512 * 1024 + 1024 * 30 + 3 * (256 + 512 + 1024) + 30
      let discriminator = 30 * 512 + 512 * 256 + 256 + 512 + 256 + 1
      let bytes = try #require(communication["bytesSent"]) / Double(4 * (generator + discriminator))
      // Every parameter begins on a cache line.
      #expect((1..<1.001).contains(bytes))
    }
  }
}
