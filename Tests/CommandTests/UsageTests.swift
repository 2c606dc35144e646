import TestSupport
import Testing

/// Command lines that cannot be parsed, and those that ask for help.
@Suite struct UsageTests {
  /// A command line and what the complaint has to name.
  struct Mistake: CustomTestStringConvertible {
    let arguments: [String]
    let named: String
    var testDescription: String { arguments.joined(separator: " ") }
  }

  private static let gan = Configurations.gan

  @Test(arguments: [
    Mistake(arguments: ["practise"], named: "practise"),
    Mistake(arguments: ["train"], named: "<config>"),
    Mistake(arguments: ["train", gan, "--stesp", "3"], named: "--stesp"),
    Mistake(arguments: ["train", gan, "another"], named: "another"),
    Mistake(arguments: ["train", gan, "--steps", "abc"], named: "abc"),
    Mistake(arguments: ["train", gan, "--steps", "1e3"], named: "1e3"),
    Mistake(arguments: ["train", gan, "--steps", "99999999999999999999"], named: "--steps"),
    Mistake(arguments: ["train", gan, "--steps"], named: "--steps"),
    Mistake(arguments: ["train", gan, "--seed", "-1"], named: "--seed"),
    Mistake(arguments: ["train", gan, "--threads", "two"], named: "two"),
    Mistake(arguments: ["train", gan, "--reduction", "slow"], named: "slow"),
    Mistake(arguments: ["train", gan, "--set"], named: "--set"),
    Mistake(arguments: ["trace", gan, "--output", "trace"], named: "--steps"),
    Mistake(arguments: ["trace", gan, "--steps", "1"], named: "--output"),
    Mistake(arguments: ["benchmark", gan, "--warmup", "long"], named: "long"),
    Mistake(arguments: ["benchmark", gan, "--output", "run"], named: "--output"),
    Mistake(arguments: ["inspect"], named: "<config>"),
    Mistake(arguments: ["doctor", "house"], named: "house"),
    Mistake(arguments: ["sweep", gan, "--seeds", "few"], named: "few"),
    Mistake(arguments: ["report"], named: "<run>"),
    Mistake(arguments: ["watch"], named: "<run>"),
  ])
  func isRefusedWith64(_ mistake: Mistake) throws {
    let scratch = try ScratchDirectory()
    let outcome = try CommandProcess.run(mistake.arguments, in: scratch)
    #expect(outcome.code == 64)
    #expect(outcome.output == "")
    let lines = outcome.errors.split(separator: "\n")
    #expect(lines.first?.hasPrefix("Error: ") == true)
    #expect(lines.first?.contains(mistake.named) == true, "\(outcome.errors)")
    #expect(lines.contains { $0.hasPrefix("Usage: selfgan") })
    #expect(try scratch.names() == [])
  }

  @Test(arguments: [
    ["--help"], ["-h"], [], ["train", "--help"], ["trace", "--help"], ["benchmark", "--help"],
    ["inspect", "--help"], ["doctor", "--help"], ["shards", "--help"], ["sweep", "--help"],
    ["report", "--help"], ["watch", "--help"], ["help", "train"],
  ])
  func helpIsAnAnswer(_ arguments: [String]) throws {
    let outcome = try CommandProcess.run(arguments, in: ScratchDirectory())
    #expect(outcome.code == 0)
    #expect(outcome.errors == "")
    let command = arguments.filter { !$0.hasPrefix("-") && $0 != "help" }
    let usage = (["USAGE: selfgan"] + command).joined(separator: " ")
    #expect(outcome.output.contains(usage))
    if command.isEmpty {
      for command in [
        "train", "trace", "benchmark", "inspect", "doctor", "shards", "sweep", "report", "watch",
      ] {
        #expect(outcome.output.contains("\n  \(command) "))
      }
    }
  }

  @Test func theVersionIsThreeNumbers() throws {
    let outcome = try CommandProcess.run(["--version"], in: ScratchDirectory())
    #expect(outcome.code == 0)
    #expect(outcome.output.wholeMatch(of: /\d+\.\d+\.\d+\n/) != nil)
  }
}
