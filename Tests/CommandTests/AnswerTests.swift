import Foundation
import Program
import TestSupport
import Testing

/// What `benchmark`, `inspect` and `doctor` print.
@Suite struct AnswerTests {
  @Test func aBenchmarkIsOneObjectOfThePromisedKeys() throws {
    let outcome = try CommandProcess.run(
      [
        "benchmark", Configurations.gan, "--steps", "12", "--warmup", "2", "--replicas", "4",
        "--threads", "2", "--reduction", "ordered",
      ] + Configurations.small,
      in: ScratchDirectory())
    #expect(outcome.code == 0, "\(outcome.errors)")
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
    #expect(
      Set(object.keys) == [
        "model", "replicas", "ranks", "threads", "reduction", "steps", "millisecondsPerStep",
        "examplesPerSecond", "gigaflopsPerSecond", "peakResidentBytes", "communication",
      ])
    #expect(object["model"] as? String == "gan")
    #expect(object["reduction"] as? String == "ordered")
    for (key, value) in [("replicas", 4), ("ranks", 1), ("threads", 2), ("steps", 12)] {
      #expect(object[key] as? Int == value, "\(key)")
    }

    let milliseconds = try #require(object["millisecondsPerStep"] as? [String: Double])
    #expect(Set(milliseconds.keys) == ["median", "p10", "p90"])
    let (median, p10, p90) = (
      try #require(milliseconds["median"]), try #require(milliseconds["p10"]),
      try #require(milliseconds["p90"])
    )
    #expect(0 < p10 && p10 <= median && median <= p90)
    let rate = try #require(object["examplesPerSecond"] as? Double)
    #expect(abs(rate - 64_000 / median) < 1e-9 * rate)
    #expect(try #require(object["gigaflopsPerSecond"] as? Double) > 0)
    let communication = try #require(object["communication"] as? [String: Double])
    #expect(
      Set(communication.keys) == [
        "waitingMilliseconds", "reducingMilliseconds", "share", "bytesSent",
      ])
    #expect(communication["bytesSent"] == 0)
    #expect((0..<1).contains(try #require(communication["share"])))
    // The parameters and Adam's two moments at least, in float.
    #expect(try #require(object["peakResidentBytes"] as? Int) > 3 * 4 * 850_000)
  }

  @Test func aBenchmarkWritesNoFiles() throws {
    let scratch = try ScratchDirectory()
    let outcome = try CommandProcess.run(
      ["benchmark", Configurations.gan, "--steps", "1", "--warmup", "0"] + Configurations.small,
      in: scratch)
    #expect(outcome.code == 0)
    #expect(try scratch.names() == [])
  }

  @Test func inspectListsLayersWithTheirParameters() throws {
    let outcome = try CommandProcess.run(["inspect", Configurations.gan], in: ScratchDirectory())
    #expect(outcome.code == 0, "\(outcome.errors)")
    let rows = outcome.output.split(separator: "\n").map { $0.split(separator: " ") }
    func row(_ layer: String) -> [Substring] { rows.first { $0.first == Substring(layer) } ?? [] }
    // Kernel and bias; scale and offset.
    for (layer, parameters) in [
      ("generator/dense_0", 100 * 256 + 256), ("generator/batch_norm_0", 2 * 256),
      ("generator/dense_3", 1024 * 784 + 784), ("discriminator/dense_0", 784 * 512 + 512),
      ("discriminator/dense_2", 256 + 1),
    ] {
      #expect(row(layer).contains("\(parameters)"), "\(layer)")
    }
    let generator = 100 * 256 + 256 * 512 + 512 * 1024 + 1024 * 784 + 3 * (256 + 512 + 1024) + 784
    let discriminator = 784 * 512 + 512 * 256 + 256 + 512 + 256 + 1
    #expect(row("total").contains("\(generator + discriminator)"))
  }

  @Test func inspectPrintsProgramsThatParse() throws {
    let outcome = try CommandProcess.run(["inspect", Configurations.gan], in: ScratchDirectory())
    let texts = outcome.output.components(separatedBy: "\nprogram ").dropFirst().map { rest in
      "program " + (rest.components(separatedBy: "\n}\n").first ?? "") + "\n}\n"
    }
    #expect(texts.count == 2)
    for text in texts {
      let program = try ReplicaProgram(text: text)
      #expect(program.description == text)
      #expect(program.variables.contains { $0.name == "generator/dense_0/kernel" })
    }
  }

  @Test(arguments: Configurations.all)
  func inspectSaysWhetherTheTPUHasTheOperations(_ name: String) throws {
    let outcome = try CommandProcess.run(
      ["inspect", Configurations.path(name)], in: ScratchDirectory())
    #expect(outcome.code == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("\nlegal: ") || outcome.output.contains("\nrefused: "))
    #expect(outcome.output.contains("MatMul"))
  }

  @Test func doctorSaysWhatTheMachineOffers() throws {
    let outcome = try CommandProcess.run(["doctor"], in: ScratchDirectory())
    #expect(outcome.code == 0)
    #expect(outcome.errors == "")
    for word in ["cores", "memory", "OpenBLAS", "oneDNN", "MPI", "dataset"] {
      #expect(outcome.output.contains(word))
    }
    #expect(!outcome.output.contains("OPENBLAS_CORETYPE"))
  }

  @Test func doctorWarnsOfAPinnedCore() throws {
    let outcome = try CommandProcess.run(
      ["doctor"], in: ScratchDirectory(), environment: ["OPENBLAS_CORETYPE": "Haswell"])
    #expect(outcome.output.contains("warning: OPENBLAS_CORETYPE=Haswell"))
  }

  @Test func doctorFindsTheImagesOfTheEnvironment() throws {
    let scratch = try ScratchDirectory()
    try scratch.write("", as: "train-images-idx3-ubyte")
    let outcome = try CommandProcess.run(
      ["doctor"], in: scratch, environment: ["SELFGAN_DATA": scratch.path])
    #expect(outcome.output.contains(scratch.file("train-images-idx3-ubyte")))
  }
}
