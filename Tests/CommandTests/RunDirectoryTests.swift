import Foundation
import TestSupport
import Testing

/// What `train` leaves behind.
@Suite struct RunDirectoryTests {
  private static let sampled = [
    "--steps", "10", "--set", "logEvery=4", "--set", "sampleEvery=5",
    "--set", "shards.gradientEvery=8", "--quiet",
  ]

  private func train(
    _ arguments: [String], in directory: ScratchDirectory,
    configuration: String = Configurations.gan
  ) throws -> CommandProcess.Outcome {
    let outcome = try CommandProcess.run(["train", configuration] + arguments, in: directory)
    try #require(outcome.code == 0, "\(outcome.errors)")
    return outcome
  }

  @Test func holdsThePromisedFiles() throws {
    let scratch = try ScratchDirectory()
    _ = try train(Configurations.small + Self.sampled + ["--output", "a/run"], in: scratch)
    #expect(
      try scratch.runFiles(in: "a/run") == unfinishedRunFiles + ["weights.safetensors"])
    #expect(try scratch.names(in: "a/run/samples") == ["step-000005.png", "step-000010.png"])
  }

  @Test func picturesAreFiveByFiveImages() throws {
    let scratch = try ScratchDirectory()
    _ = try train(Configurations.small + Self.sampled + ["--output", "run"], in: scratch)
    for picture in ["reals.png", "samples/step-000005.png", "samples/step-000010.png"] {
      let png = [UInt8](try scratch.data("run/\(picture)"))
      try #require(png.count > 24)
      #expect(png.prefix(8) == [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A])
      #expect(png.suffix(8) == [0x49, 0x45, 0x4E, 0x44, 0xAE, 0x42, 0x60, 0x82])
      func word(at offset: Int) -> Int { png[offset..<offset + 4].reduce(0) { $0 << 8 | Int($1) } }
      // Five images of 5×6 pixels and the gaps between them, which are narrower than an image.
      #expect((5 * 5..<2 * 5 * 5).contains(word(at: 16)))
      #expect((5 * 6..<2 * 5 * 6).contains(word(at: 20)))
    }
  }

  @Test func metricsHaveOneFlatObjectALoggedStep() throws {
    let scratch = try ScratchDirectory()
    _ = try train(Configurations.small + Self.sampled + ["--output", "run"], in: scratch)
    let text = try scratch.text("run/metrics.jsonl")
    #expect(text.hasSuffix("\n"))
    let lines = try text.split(separator: "\n").map { line in
      try #require(
        try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Double])
    }
    #expect(lines.map { $0["step"] } == [4, 8, 10])
    #expect(lines.map { $0["examples"] } == [256, 512, 640])
    for line in lines {
      #expect(
        Set(line.keys) == [
          "step", "examples", "seconds", "millisecondsPerStep", "loss.self", "loss.generated",
          "loss.real", "loss.fake",
        ])
    }
    let seconds = lines.compactMap { $0["seconds"] }
    #expect(zip(seconds, seconds.dropFirst()).allSatisfy { $0 < $1 })
  }

  @Test func shardsHaveOneRowALoggedStepAndReplica() throws {
    let scratch = try ScratchDirectory()
    _ = try train(Configurations.small + Self.sampled + ["--output", "run"], in: scratch)
    let table = try ShardsTable(scratch.text("run/shards.csv"))
    #expect(table.header == ShardsTable.columns)
    let steps: [Double] = [4, 8, 10].flatMap { Array(repeating: $0, count: 8) }
    #expect(table.rows.map { $0["step"] } == steps)
    #expect(table.rows.map { $0["replica"] } == steps.indices.map { Double($0 % 8) })
    for row in table.rows {
      // The weights are shares, and only step 8 is one that measures the gradients.
      let shares = ["weight_generated", "weight_real", "weight_fake"].compactMap { row[$0] }
      #expect(shares.count == 3 && abs(shares.reduce(0, +) - 1) < 1e-6)
      #expect((row["gradient_norm"] != nil) == (row["step"] == 8))
      for column in ShardsTable.columns.dropFirst(2).dropLast() { #expect(row[column] != nil) }
    }
  }

  @Test func metricsAreTheMeansOfTheShards() throws {
    let scratch = try ScratchDirectory()
    _ = try train(Configurations.small + Self.sampled + ["--output", "run"], in: scratch)
    let rows = try ShardsTable(scratch.text("run/shards.csv")).rows
    for line in try scratch.text("run/metrics.jsonl").split(separator: "\n") {
      let metrics = try #require(
        try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Double])
      for loss in ["self", "generated", "real", "fake"] {
        let values = rows.filter { $0["step"] == metrics["step"] }.compactMap { $0["loss_\(loss)"] }
        let mean = values.reduce(0, +) / 8
        #expect(abs(try #require(metrics["loss.\(loss)"]) - mean) < 1e-6 * abs(mean) + 1e-7)
      }
    }
  }

  @Test func gradientNormsAreThoseOfATrace() throws {
    let scratch = try ScratchDirectory()
    _ = try train(Configurations.small + Self.sampled + ["--output", "run"], in: scratch)
    let trace = try CommandProcess.run(
      ["trace", Configurations.gan, "--steps", "8", "--output", "trace"] + Configurations.small,
      in: scratch)
    try #require(trace.code == 0, "\(trace.errors)")
    let tensors = try TensorFile(scratch.file("trace"))
    let measured = try ShardsTable(scratch.text("run/shards.csv")).rows
      .filter { $0["step"] == 8 }.map { $0["gradient_norm"].map(Float.init) }
    #expect(measured.count == 8)
    // The step that completes the eighth update is number 7 of a trace.
    #expect(measured == (0..<8).map { tensors.values("step/7/replica/\($0)/gradient_norm").first })
  }

  @Test func theEffectiveConfigurationGivesTheSameRun() throws {
    let scratch = try ScratchDirectory()
    _ = try train(
      Configurations.small + Self.sampled
        + ["--seed", "5", "--replicas", "4", "--output", "first"],
      in: scratch)
    _ = try train(
      ["--quiet", "--output", "second"], in: scratch,
      configuration: scratch.file("first/config.yaml"))
    for file in [
      "config.yaml", "shards.csv", "batch_norm.csv", "gradients.csv", "samples/step-000010.png",
      "reals.png",
    ] {
      #expect(try scratch.data("first/\(file)") == scratch.data("second/\(file)"), "\(file)")
    }
    let first = try TensorFile(scratch.file("first/weights.safetensors"))
    let second = try TensorFile(scratch.file("second/weights.safetensors"))
    #expect(first.shapes == second.shapes)
    #expect(first.data == second.data)
    #expect(first.shapes.count == 26)
  }

  @Test func countsUpByDefault() throws {
    let scratch = try ScratchDirectory()
    for _ in 0..<2 { _ = try train(Configurations.small + ["--steps", "1"], in: scratch) }
    #expect(try scratch.names() == ["runs"])
    #expect(try scratch.names(in: "runs") == ["00001-gan", "00002-gan"])
    #expect(scratch.exists("runs/00002-gan/weights.safetensors"))
  }

  @Test func anEmptyDirectoryIsUsed() throws {
    let scratch = try ScratchDirectory()
    try FileManager.default.createDirectory(
      atPath: scratch.file("run"), withIntermediateDirectories: false)
    _ = try train(Configurations.small + ["--steps", "1", "--output", "run"], in: scratch)
    #expect(scratch.exists("run/weights.safetensors"))
  }

  @Test func aDryRunWritesNothing() throws {
    let scratch = try ScratchDirectory()
    let outcome = try train(Configurations.small + ["--dry-run", "--output", "run"], in: scratch)
    #expect(outcome.output == "")
    #expect(try scratch.names() == [])
  }

  @Test func theSeedDecidesTheBits() throws {
    let scratch = try ScratchDirectory()
    for (name, seed) in [("a", "1"), ("b", "1"), ("c", "2")] {
      _ = try train(
        Configurations.small + ["--steps", "3", "--seed", seed, "--quiet", "--output", name],
        in: scratch)
    }
    let weights = try ["a", "b", "c"].map { try scratch.data("\($0)/weights.safetensors") }
    #expect(weights[0] == weights[1])
    #expect(
      try TensorFile(scratch.file("a/weights.safetensors")).data
        != TensorFile(scratch.file("c/weights.safetensors")).data)
  }

  @Test(arguments: Configurations.all)
  func everyPublishedConfigurationTrains(_ name: String) throws {
    let scratch = try ScratchDirectory()
    let outcome = try CommandProcess.run(
      ["train", Configurations.path(name), "--steps", "2", "--output", "run"]
        + Configurations.synthetic, in: scratch)
    #expect(outcome.code == 0, "\(outcome.errors)")
    let table = try ShardsTable(scratch.text("run/shards.csv"))
    let isClassic = name.contains("classic")
    #expect(!table.rows.isEmpty)
    for row in table.rows {
      #expect((row["weight_generated"] == nil) == isClassic)
      guard isClassic, let own = row["loss_self"], let generated = row["loss_generated"],
        let real = row["loss_real"], let fake = row["loss_fake"]
      else { continue }
      #expect(abs(own - (generated + (real + fake) / 2)) < 1e-5)
    }
  }

  @Test(.enabled(if: FileManager.default.fileExists(atPath: InstalledImages.path)))
  func trainsOnTheInstalledImages() throws {
    let scratch = try ScratchDirectory()
    let outcome = try train(["--steps", "1", "--output", "run"], in: scratch)
    #expect(outcome.errors.contains(InstalledImages.path))
    #expect(scratch.exists("run/weights.safetensors"))
  }
}

/// Where Debian's dataset-fashion-mnist puts the training images.
enum InstalledImages {
  static let path = "/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz"
}
