/// One scalar as it stands in the YAML: its text, and whether its author left its type open.
struct ConfigurationScalar {
  let text: String
  /// Neither quoted nor tagged as a string. Only such a scalar can be a number, a boolean or null.
  let isPlain: Bool

  /// YAML 1.2's core schema for null.
  var isNull: Bool { isPlain && ["", "~", "null", "Null", "NULL"].contains(text) }
}

/// What a key of a configuration can hold: read from one YAML scalar and written back as one.
protocol ConfigurationValue: Sendable {
  /// What should have been written, as the end of the sentence "expected …".
  static var expected: String { get }
  /// The words that stand for a value, where there are such.
  static var words: [String] { get }
  /// Nil where the scalar is no such value.
  init?(_ scalar: ConfigurationScalar)
  /// A YAML scalar that reads back as this value.
  var text: String { get }
  /// The same in JSON.
  var json: String { get }
}

extension ConfigurationValue {
  static var words: [String] { [] }
  var json: String { text }
}

/// Integers are decimal without a leading zero, which YAML 1.1 takes for octal and 1.2 does not.
extension ConfigurationValue where Self: FixedWidthInteger {
  init?(_ scalar: ConfigurationScalar) {
    let digits = scalar.text.drop { $0 == "-" || $0 == "+" }
    guard scalar.isPlain, digits == "0" || digits.first != "0", let value = Self(scalar.text)
    else { return nil }
    self = value
  }

  static var expected: String { "an integer from \(Self.min) to \(Self.max)" }
  var text: String { description }
}

extension Int: ConfigurationValue {}
extension UInt64: ConfigurationValue {}

extension Double: ConfigurationValue {
  static let expected = "a finite decimal number"

  init?(_ scalar: ConfigurationScalar) {
    guard scalar.isPlain, scalar.text.utf8.allSatisfy(Self.decimalCharacters.contains),
      let value = Double(scalar.text), value.isFinite
    else { return nil }
    self = value
  }

  /// Keeps out hexadecimal numbers and the words for infinities, which Swift reads but YAML does not.
  private static let decimalCharacters = Set("0123456789+-.eE".utf8)

  var text: String { description }
}

/// YAML 1.2's two words only: in 1.1 the country code `no` is a boolean.
extension Bool: ConfigurationValue {
  static let expected = "true or false"
  static let words = ["true", "false"]

  init?(_ scalar: ConfigurationScalar) {
    guard scalar.isPlain, let value = Bool(scalar.text) else { return nil }
    self = value
  }

  var text: String { description }
}

extension String: ConfigurationValue {
  static let expected = "text"

  init?(_ scalar: ConfigurationScalar) {
    self = scalar.text
  }

  /// Quoted even where it need not be, so that no text reads back as null.
  var text: String { doubleQuoted(self) }
}

extension ConfigurationValue where Self: RawRepresentable & CaseIterable, RawValue == String {
  static var words: [String] { allCases.map(\.rawValue) }
  static var expected: String {
    words.count == 1 ? words[0] : "one of " + words.joined(separator: ", ")
  }

  init?(_ scalar: ConfigurationScalar) {
    self.init(rawValue: scalar.text)
  }

  var text: String { rawValue }
  var json: String { doubleQuoted(rawValue) }
}

extension Configuration.Model.Kind: ConfigurationValue {}
extension Configuration.Model.Layout: ConfigurationValue {}
extension Configuration.TPU.Version: ConfigurationValue {}
/// Quoted, since others take it for a number.
extension Configuration.TPU.Runtime: ConfigurationValue {
  var text: String { doubleQuoted(rawValue) }
}
extension Configuration.Objective.Kind: ConfigurationValue {}
extension Configuration.Objective.Weights: ConfigurationValue {}
extension Configuration.Objective.Loss: ConfigurationValue {}
extension Configuration.BatchNorm.MovingStatistics: ConfigurationValue {}
extension Configuration.Optimizer.Kind: ConfigurationValue {}
extension Configuration.Optimizer.Variant: ConfigurationValue {}
extension Configuration.Dataset.Kind: ConfigurationValue {}
extension Configuration.Dataset.Order: ConfigurationValue {}
extension Configuration.Dataset.Resize: ConfigurationValue {}
extension Configuration.Kernels.Backend: ConfigurationValue {}
extension Configuration.GradientCombination: ConfigurationValue {}
extension Configuration.Reduction: ConfigurationValue {}
extension Configuration.Checkpoint.Best: ConfigurationValue {}
extension Configuration.NonFinite: ConfigurationValue {}
