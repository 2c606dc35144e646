import Foundation
import RunConfiguration
import Testing

/// Text made to hurt: every case must end in a value or a sentence.
struct HostileTextTests {
  private static func error(_ text: String) -> ConfigurationError? {
    do throws(ConfigurationError) {
      _ = try Configuration.decode(text, source: "run.yaml")
      return nil
    } catch {
      return error
    }
  }

  private static func bomb(levels: Int, asKey: Bool) -> String {
    var text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
    for level in 1...levels {
      let aliases = Array(repeating: "*a\(level - 1)", count: 9).joined(separator: ", ")
      text += "a\(level): &a\(level) [\(aliases)]\n"
    }
    return text + (asKey ? "? *a\(levels)\n: 1\n" : "steps: *a\(levels)\n")
  }

  @Test(arguments: [false, true])
  func `nested aliases are counted before they are followed`(asKey: Bool) {
    let expected = ConfigurationError.tooManyAliases(place: "run.yaml", limit: 8)
    #expect(Self.error(Self.bomb(levels: 20, asKey: asKey)) == expected)
    #expect(
      expected.description
        == "run.yaml: more than 8 YAML aliases; expected the values themselves")
  }

  @Test func `asterisks in comments and words are no aliases`() {
    let comment = "# **bold** * star 2*3 " + String(repeating: "*", count: 80) + "\n"
    #expect(Self.error(comment + "steps: 5\n") == nil)
    let words = String(repeating: "a*b", count: 100)
    #expect(Self.error("data: {path: \(words)}\n") == nil)
  }

  @Test(arguments: [("? ", ""), ("{?", "}"), ("{[", "] : 1}"), ("{{", "}\t: 1}")])
  func `mappings and lists as keys are counted before they are hashed`(
    opening: String, closing: String
  ) {
    func text(_ count: Int) -> String {
      String(repeating: opening, count: count) + "x" + String(repeating: closing, count: count)
    }
    let expected = ConfigurationError.tooManyCollectionKeys(place: "run.yaml", limit: 16)
    #expect(Self.error(text(17)) == expected)
    // Other sentences for fewer.
    #expect(Self.error(text(16)) != expected && Self.error(text(16)) != nil)
    #expect(
      expected.description
        == "run.yaml: more than 16 question marks and closing brackets before a colon, "
        + "which make YAML keys of mappings and lists; expected names")
  }

  @Test func `questions in comments are no keys`() {
    #expect(Self.error("# Why? Because [a]: b.\nsteps: 5\n") == nil)
  }

  @Test(arguments: ["[", "{a: ", "- ", "? "])
  func `deep nesting is refused`(opening: String) {
    let text = "steps: \n  " + String(repeating: opening, count: 100_000)
    #expect(Self.error(text) != nil)
  }

  @Test func `the deepest nesting that the parser takes, nine times over, is refused`() {
    let depth = 900
    var text = "a0: &a0 " + String(repeating: "[", count: depth) + "x"
    text += String(repeating: "]", count: depth) + "\n"
    for level in 1...8 {
      text += "a\(level): &a\(level) " + String(repeating: "[", count: depth) + "*a\(level - 1)"
      text += String(repeating: "]", count: depth) + "\n"
    }
    #expect(Self.error(text) != nil)
  }

  /// Characters that mean something in YAML, besides letters and the edges of UTF-8.
  private static let alphabet = Array(
    "{}[]:,-?&*!|>'\"%@`# \n\r\t~=.0179eE+xkn_\\\u{0}\u{7f}\u{85}\u{2028}\u{feff}\u{1f600}é"
      .unicodeScalars)

  @Test(arguments: 0..<8 as Range<UInt64>)
  func `a mutated configuration is a value or an error`(seed: UInt64) throws {
    var draws = SplitMix64(state: seed)
    let original = Array(Configuration().yaml.unicodeScalars)
    for _ in 0..<250 {
      var scalars = original
      for _ in 0..<Int.random(in: 1...6, using: &draws) {
        let start = Int.random(in: 0..<scalars.count, using: &draws)
        let end = min(start + Int.random(in: 0...3, using: &draws), scalars.count)
        let inserted = (0..<Int.random(in: 0...3, using: &draws)).map { _ in
          Self.alphabet[Int.random(in: 0..<Self.alphabet.count, using: &draws)]
        }
        scalars.replaceSubrange(start..<end, with: inserted)
      }
      var text = String.UnicodeScalarView()
      text.append(contentsOf: scalars)
      if let error = Self.error(String(text)) {
        #expect(!error.description.contains("\n"), "\(error)")
      }
    }
  }
}

/// Steele, Lea and Flood's generator: small, seeded, good enough to choose mutations.
private struct SplitMix64: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
