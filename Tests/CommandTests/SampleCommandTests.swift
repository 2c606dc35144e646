import Foundation
import RandomStreams
import RunFiles
import TestSupport
import Testing

/// `selfgan sample`
@Suite struct SampleCommandTests {
  private let scratch: ScratchDirectory

  init() throws { scratch = try ScratchDirectory() }

  private func sample(_ arguments: String...) throws -> CommandProcess.Outcome {
    try CommandProcess.run(["sample"] + arguments, in: scratch)
  }

  /// The numbers of an array file, whose header is as long as its bytes 8 and 9 say, and its shape.
  private func array(_ name: String) throws -> (shape: [Int], values: [Float]) {
    let file = try Array(scratch.data(name))
    let start = 10 + Int(file[8]) + 256 * Int(file[9])
    let header = String(decoding: file[10..<start], as: UTF8.self)
    let tuple = try #require(header.split(separator: "(").last?.split(separator: ")").first)
    let shape = tuple.split(separator: ",").compactMap { Int($0.drop { $0 == " " }) }
    let values = file[start...].withUnsafeBytes { raw in
      (0..<raw.count / 4).map { raw.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
    }
    #expect(shape.reduce(1, *) == values.count)
    return (shape, values)
  }

  private func grid(_ name: String) throws -> PNGImage {
    try PNGImage(decoding: Array(scratch.data(name)), path: name)
  }

  /// A run's last grid is what its weights, and its checkpoint, draw of 25 images.
  @Test(arguments: ["first", "mean", "sequential"])
  func aRunsGridIsDrawnAgainFromItsWeights(_ statistics: String) throws {
    let train = try CommandProcess.run(
      ["train", Configurations.gan, "--steps", "2", "--output", "run", "--quiet"]
        + Configurations.small + ["--set", "batchNorm.movingStatistics=\(statistics)"], in: scratch)
    #expect(train.code == 0, "\(train.errors)")
    let outcome = try sample("run/weights.safetensors", "--count", "25")
    #expect(outcome.code == 0 && outcome.output == "samples.png\n", "\(outcome.errors)")
    #expect(try scratch.data("samples.png") == scratch.data("run/samples/step-000002.png"))
    let refused = try sample("run/weights.safetensors", "--statistics", "own", "--output", "x")
    if statistics == "sequential" {
      #expect(refused.code == 0)
    } else {
      #expect(refused.code == 65 && refused.errors.contains("run/weights.safetensors"))
      #expect(refused.errors.contains("\"own\"") && !scratch.exists("x"))
    }
  }

  @Test func allKindsOfOutputHaveTheSameImages() throws {
    try CheckpointFiles.write("run", in: scratch)
    for output in ["a.png", "a.npy", "pictures"] {
      let outcome = try sample("run", "--count", "30", "--output", output, "--quiet")
      #expect(outcome.code == 0 && outcome.errors == "", "\(outcome.errors)")
      #expect(outcome.output == output + "\n")
    }
    let (shape, values) = try array("a.npy")
    #expect(shape == [30, 4, 5, 1])
    #expect(values.allSatisfy { abs($0) <= 1 })
    let levels = values.map { UInt8((($0 + 1) * 127.5).rounded()) }
    let cells = try grid("a.png").gridCells(height: 4, width: 5)
    #expect(Array(cells.prefix(30).joined()) == levels)
    let names = try scratch.names(in: "pictures")
    #expect(names.count == 30 && names.first == "000000.png" && names.last == "000029.png")
    #expect(try names.flatMap { try grid("pictures/\($0)").pixels } == levels)
    #expect(try scratch.names() == ["a.npy", "a.png", "pictures", "run"])
  }

  @Test func anImageIsTheSameWhateverIsAskedForBesideIt() throws {
    try CheckpointFiles.write("run", in: scratch)
    _ = try sample("run", "--count", "64", "--output", "all.npy")
    let all = try array("all.npy").values
    for count in [1, 7] {
      _ = try sample("run", "--count", "\(count)", "--output", "some.npy")
      #expect(try array("some.npy").values == Array(all.prefix(count * 20)))
    }
    _ = try sample("run", "--images", "40,3-5", "--output", "some.npy")
    #expect(
      try array("some.npy").values == [40, 3, 4, 5].flatMap { all[(20 * $0)..<(20 * $0 + 20)] })
    _ = try sample("run", "--seed", "2", "--count", "1", "--output", "some.npy")
    #expect(try array("some.npy").values != Array(all.prefix(20)))
    _ = try sample("run", "--truncate", "0.3", "--count", "1", "--output", "some.npy")
    #expect(try array("some.npy").values != Array(all.prefix(20)))
    _ = try sample("run", "--interpolate", "40,3", "--count", "9", "--output", "way.npy")
    let way = try array("way.npy").values
    #expect(Array(way.prefix(20)) == Array(all[800..<820]))
    #expect(Array(way.suffix(20)) == Array(all[60..<80]))
    #expect(Set(stride(from: 0, to: 180, by: 20).map { Array(way[$0..<($0 + 20)]) }).count == 9)
  }

  @Test func theNewestSoundCheckpointOfTheLatestRunIsTaken() throws {
    for run in ["runs/00001-a", "runs/00002-b"] {
      try CheckpointFiles.write(run, in: scratch, steps: [1, 2])
    }
    let path = CheckpointFiles.path("runs/00002-b", step: 1)
    let whole = try sample("latest", "--output", "2.png")
    #expect(whole.errors.contains(CheckpointFiles.path("runs/00002-b", step: 2)))
    try CheckpointFiles.damage(CheckpointFiles.path("runs/00002-b", step: 2), in: scratch)
    let outcome = try sample("latest", "--output", "1.png")
    #expect(outcome.code == 0)
    #expect(outcome.errors.contains("warning: \(CheckpointFiles.path("runs/00002-b", step: 2))"))
    _ = try sample(path, "--output", "direct.png")
    #expect(try scratch.data("1.png") == scratch.data("direct.png"))
    #expect(try scratch.data("1.png") != scratch.data("2.png"))
    try CheckpointFiles.damage(path, in: scratch)
    let refused = try sample("latest", "--output", "0.png")
    #expect(refused.code == 65 && refused.errors.contains("no checkpoint that can be read"))
    #expect(!scratch.exists("0.png"))
  }

  @Test(arguments: [
    (["nowhere"], ["nowhere", "No such file"]), (["latest"], ["latest", "no numbered run"]),
    (["config"], ["config", "safetensors"]), (["empty"], ["empty", "no checkpoint"]),
    (["run", "--count", "0"], ["--count", "0"]),
    (["run", "--count", "4294967297"], ["--count"]),
    (["run", "--interpolate", "1,2", "--count", "1"], ["--count", "1", "2 to"]),
    (["run", "--interpolate", "1,2", "--statistics", "own"], ["--statistics", "own"]),
    (["run", "--truncate", "0"], ["--truncate", "0.0"]),
    (["run", "--truncate", "nan"], ["--truncate", "nan"]),
    (["run", "--images", "3,1-5"], ["--images", "3"]),
    (["run", "--output", ""], ["--output"]), (["run", "--output", "run"], ["run", "not empty"]),
    (["run", "--output", "config"], ["config", "it is a file"]),
    (["run", "--output", "nowhere/a.png"], ["nowhere/a.png", "cannot be written"]),
    (["run", "--output", "nowhere/a.npy"], ["nowhere/a.npy", "cannot be written"]),
    (["run", "--count", "10000000", "--output", "a.png"], ["a.png", "pixels", ".npy"]),
  ])
  func whatCannotBeDoneIsOneSentence(_ arguments: [String], _ facts: [String]) throws {
    try CheckpointFiles.write("run", in: scratch, steps: [1])
    try FileManager.default.createDirectory(
      atPath: scratch.file("empty"), withIntermediateDirectories: true)
    try scratch.write("steps: 3\n", as: "config")
    let outcome = try CommandProcess.run(["sample", "--quiet"] + arguments, in: scratch)
    expectSentence(outcome, code: 65, naming: facts)
    #expect(try scratch.names() == ["config", "empty", "run"])
  }

  @Test(arguments: [
    ["--images", "1-"], ["--images", "5-3"], ["--images", "-1"], ["--images", "4294967296"],
    ["--images", "1", "--count", "3"], ["--images", "1", "--interpolate", "1,2"],
    ["--interpolate", "1"], ["--interpolate", "1,x"], ["--statistics", "best"], ["--seed", "-1"],
    ["--truncate", "much"],
  ])
  func whatCannotBeParsedIsAUsageError(_ arguments: [String]) throws {
    let outcome = try CommandProcess.run(["sample", "run"] + arguments, in: scratch)
    #expect(outcome.code == 64 && outcome.output == "", "\(outcome.errors)")
  }

  @Test func anInterruptedArrayLeavesNothing() throws {
    try CheckpointFiles.write("run", in: scratch, steps: [1])
    let process = try CommandProcess(
      ["sample", "run", "--count", "100000000", "--output", "a.npy"], in: scratch)
    process.wait { process.errors.contains("drawn ") }
    process.send(SIGINT)
    #expect(try process.outcome().code == 130)
    #expect(try scratch.names() == ["run"])
  }
}
