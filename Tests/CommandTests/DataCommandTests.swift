import Foundation
import TestSupport
import Testing

/// `selfgan data pack` and `selfgan data info`.
@Suite struct DataCommandTests {
  private let scratch: ScratchDirectory

  init() throws { scratch = try ScratchDirectory() }

  private func data(_ arguments: String...) throws -> CommandProcess.Outcome {
    try CommandProcess.run(["data"] + arguments, in: scratch)
  }

  private func info(_ path: String) throws -> [String: String] {
    let outcome = try data("info", path)
    #expect(outcome.code == 0 && outcome.errors == "", "\(outcome.errors)")
    return outcome.output.split(separator: "\n").reduce(into: [:]) { facts, line in
      let parts = line.components(separatedBy: "  ").filter { !$0.isEmpty }
      if parts.count == 2 { facts[parts[0]] = parts[1].trimmingCharacters(in: .whitespaces) }
    }
  }

  @Test func aFolderIsPacked() throws {
    try DataFiles.writeFolder("photos", count: 6, in: scratch)
    #expect(
      try info("photos") == ["kind": "folder", "images": "6", "first image": "20×24×3"])
    let outcome = try data("pack", "photos", "--size", "16", "--output", "pack")
    #expect(outcome.code == 0 && outcome.output == "", "\(outcome.errors)")
    #expect(outcome.errors.contains("packed 6/6"))
    #expect(outcome.errors.hasSuffix("selfgan: pack: 6 images of 16×16×3\n"))
    #expect(
      try info("pack")
        == ["kind": "pack", "images": "6", "shape": "16×16×3", "check sums": "all 6 right"])
    #expect(try scratch.names() == ["pack", "photos"])
  }

  @Test func anIDXFileIsPackedInGreyAndInPart() throws {
    try scratch.write(DataFiles.idx(count: 50), as: "idx")
    #expect(try info("idx") == ["kind": "idx", "images": "50", "shape": "2×2×1"])
    let outcome = try data(
      "pack", "idx", "--size", "3", "--output", "pack", "--resize", "bilinear", "--fraction",
      "0.5", "--quiet")
    #expect(outcome.code == 0 && outcome.errors == "", "\(outcome.errors)")
    #expect(try info("pack")["images"] == "25")
    #expect(try info("pack")["shape"] == "3×3×1")
  }

  @Test func badImagesAreLeftOutAndCounted() throws {
    let cut = try DataFiles.golden("colour.png").dropLast(50)
    try DataFiles.writeFolder("photos", count: 5, others: ["002x.png": Data(cut)], in: scratch)
    let refused = try data("pack", "photos", "--size", "16", "--output", "pack")
    expectSentence(refused, code: 65, naming: ["photos/002x.png", "truncated or damaged PNG"])
    #expect(try scratch.names() == ["photos"])
    let outcome = try data("pack", "photos", "--size", "16", "--output", "pack", "--skip-broken")
    #expect(outcome.code == 0)
    #expect(
      outcome.errors.contains("5 images of 16×16×3; 1 bad ones were left out"),
      "\(outcome.errors)")
    #expect(outcome.errors.contains("photos/002x.png"))
    #expect(try info("pack")["images"] == "5")
  }

  /// Each block has sixteen images of this size.
  @Test func anInterruptedPackIsResumed() throws {
    try DataFiles.writeFolder("photos", count: 40, in: scratch)
    func arguments(_ output: String) -> [String] {
      ["data", "pack", "photos", "--size", "1024", "--output", output]
    }
    let process = try CommandProcess(arguments("pack"), in: scratch)
    process.wait { process.errors.contains("packed 16/40") }
    process.send(SIGINT)
    let interrupted = try process.outcome()
    #expect(interrupted.code == 130)
    #expect(interrupted.errors.contains("the same command goes on from there"))
    #expect(try scratch.names() == ["pack.partial", "photos"])
    expectSentence(
      try data("info", "pack.partial"), code: 65, naming: ["pack.partial", "unfinished"])

    let resumed = try CommandProcess.run(arguments("pack"), in: scratch)
    #expect(resumed.code == 0)
    #expect(resumed.errors.contains("going on after"))
    _ = try CommandProcess.run(arguments("whole"), in: scratch)
    #expect(try scratch.names() == ["pack", "photos", "whole"])
    #expect(try scratch.data("pack") == scratch.data("whole"))
  }

  @Test(arguments: [
    (["photos", "--size", "0"], ["--size", "0", "1 to 4096"]),
    (["photos", "--size", "4097"], ["--size", "4097"]),
    (["photos", "--size", "8", "--channels", "2"], ["--channels", "2", "1 or 3"]),
    (["photos", "--size", "8", "--fraction", "0"], ["--fraction", "0.0"]),
    (["photos", "--size", "8", "--fraction", "nan"], ["--fraction", "nan"]),
    (["nowhere", "--size", "8"], ["nowhere", "No such file"]),
    (["empty", "--size", "8"], ["empty", "no image"]),
    (["idx", "--size", "8", "--channels", "3"], ["idx", "1 channel", "3"]),
    (["photos/000.png", "--size", "8"], ["photos/000.png", "IDX"]),
  ])
  func impossibleArguments(_ arguments: [String], _ facts: [String]) throws {
    try DataFiles.writeFolder("photos", count: 1, in: scratch)
    try DataFiles.writeFolder("empty", count: 0, in: scratch)
    try scratch.write(DataFiles.idx(count: 1), as: "idx")
    let names = try scratch.names()
    let outcome = try CommandProcess.run(
      ["data", "pack"] + arguments + ["--output", "pack"], in: scratch)
    expectSentence(outcome, code: 65, naming: facts)
    #expect(try scratch.names() == names)
  }

  @Test(arguments: ["nowhere/pack", ".", "/proc/pack"])
  func placesThatCannotBeWritten(_ output: String) throws {
    try DataFiles.writeFolder("photos", count: 1, in: scratch)
    let outcome = try data("pack", "photos", "--size", "8", "--output", output)
    expectSentence(outcome, code: 65, naming: [output, "cannot be written"])
    #expect(try scratch.names() == ["photos"])
  }

  @Test func aFullDiskIsAFailureNotARefusal() throws {
    try DataFiles.writeFolder("photos", count: 40, in: scratch)
    // Files of at most 4 MiB, as a shell counts them; the signal is ignored as for a full disk.
    let outcome = try CommandProcess.run(
      ["data", "pack", "photos", "--size", "512", "--output", "pack", "--quiet"], in: scratch,
      launcher: ["bash", "-c", "trap '' XFSZ; ulimit -f 4096; exec \"$0\" \"$@\""])
    expectSentence(outcome, code: 1, naming: ["pack", "cannot be written"])
  }

  @Test func usageIsShown() throws {
    for arguments in [
      ["data", "--help"], ["data", "pack", "--help"], ["data", "info", "--help"],
    ] {
      let outcome = try CommandProcess.run(arguments, in: scratch)
      #expect(outcome.code == 0 && outcome.output.contains("USAGE: selfgan data"))
    }
    #expect(try data("pack", "photos", "--output", "pack").code == 64)
    #expect(try data("pack", "photos", "--size", "8", "--resize", "cubic").code == 64)
  }
}
