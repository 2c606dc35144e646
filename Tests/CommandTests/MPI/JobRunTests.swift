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

    /// All files of a run directory, without the times in metrics.jsonl.
    private func files(_ directory: String, in scratch: ScratchDirectory) throws -> [String: Data] {
      var files: [String: Data] = [:]
      let names =
        try scratch.names(in: directory).filter { $0 != "samples" }
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
          "config.yaml", "metrics.jsonl", "reals.png", "samples/step-000005.png",
          "samples/step-000010.png", "shards.csv", "weights.safetensors",
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
        ["benchmark", Configurations.gan, "--warmup", "2", "--steps", "10"]
          + Configurations.small, in: scratch)
      #expect(outcome.code == 0)
      #expect(outcome.errors == "")
      let object = try #require(
        try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
      // The host's cores, shared among its ranks.
      let threads = min(4, max(1, ProcessInfo.processInfo.activeProcessorCount / 2))
      for (key, value) in [("replicas", 8), ("ranks", 2), ("threads", threads), ("steps", 10)] {
        #expect(object[key] as? Int == value, "\(key)")
      }
      #expect(try scratch.names() == [])
    }
  }
}
