import RunConfiguration

extension FuzzTarget {
  /// A configuration in YAML; each further text behind a zero byte is an override.
  static let configuration = FuzzTarget("configuration") { bytes in
    let texts = bytes.split(separator: 0, omittingEmptySubsequences: false).map {
      String(decoding: $0, as: UTF8.self)
    }
    let configuration = try Configuration.decode(
      texts.first ?? "", source: "fuzz.yaml", overrides: Array(texts.dropFirst()))
    // What was accepted is written with the run, and read again when it is resumed.
    let again = try? Configuration.decode(configuration.yaml, source: "again.yaml")
    precondition(again == configuration, "another configuration is read from what was written")
    precondition(!configuration.json.isEmpty)
  }
}
