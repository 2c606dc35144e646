import Yams

/// YAML that somebody wrote, in a file or in an override.
struct YAMLText {
  enum Source {
    case file(String)
    /// The whole override, as given.
    case override(String)

    /// Where something stands, for an error.
    func place(line: Int? = nil) -> String {
      switch self {
      case .file(let path): line.map { "\(path):\($0)" } ?? path
      case .override(let text): excerpt(text)
      }
    }
  }

  let text: String
  let source: Source

  /// A document of nested aliases grows exponentially with their number when it is walked or hashed:
  /// with so few, it stays small.
  private static let aliasLimit = 8

  /// A mapping or list that is a key is hashed, again for every such key around it: nested ones take
  /// time that grows with their number times the length of the text.
  private static let collectionKeyLimit = 16

  /// The one document in the text; nil where there is none.
  ///
  /// - Throws: `syntax`, `duplicateKey`, `tooManyAliases`, `tooManyCollectionKeys`.
  func document() throws(ConfigurationError) -> Node? {
    guard possibleAliases <= Self.aliasLimit else {
      throw .tooManyAliases(place: source.place(), limit: Self.aliasLimit)
    }
    guard possibleCollectionKeys <= Self.collectionKeyLimit else {
      throw .tooManyCollectionKeys(place: source.place(), limit: Self.collectionKeyLimit)
    }
    do {
      // The encoding is given because the default one depends on the environment.
      return try Parser(yaml: withoutByteOrderMark, encoding: .utf8).singleRoot()
    } catch {
      throw configurationError(error)
    }
  }

  /// The parser, told the encoding, takes the mark for content.
  private var withoutByteOrderMark: String {
    text.unicodeScalars.first == "\u{feff}" ? String(text.unicodeScalars.dropFirst()) : text
  }

  /// An upper bound: asterisks that begin a word, be it in a comment or in quotes.
  private var possibleAliases: Int {
    var count = 0
    var previous = UInt8(ascii: "\n")
    var asteriskBegins = false
    for byte in text.utf8 {
      if asteriskBegins && byte > UInt8(ascii: " ") { count += 1 }
      asteriskBegins = byte == UInt8(ascii: "*") && !Self.withinWord.contains(previous)
      previous = byte
    }
    return count
  }

  /// An upper bound: question marks, and closing brackets that a colon follows, wherever they are.
  private var possibleCollectionKeys: Int {
    var count = 0
    var isClosed = false
    for byte in text.utf8 {
      if byte == UInt8(ascii: "?") || (isClosed && byte == UInt8(ascii: ":")) { count += 1 }
      let isSpace = byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
      isClosed = byte == UInt8(ascii: "]") || byte == UInt8(ascii: "}") || (isClosed && isSpace)
    }
    return count
  }

  private static let withinWord = Set(
    "*0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)

  private func configurationError(_ error: any Error) -> ConfigurationError {
    switch error as? YamlError {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      .syntax(place: source.place(line: mark.line), problem: problem)
    case .reader(let problem, let offset, _, _):
      .syntax(place: source.place(line: offset.map(line(at:))), problem: problem)
    case .duplicatedKeysInMapping(let keys, let context):
      .duplicateKey(place: source.place(line: context.mark.line), key: keys.first ?? "")
    case .memory:
      // The parser's word for exceeding its limit of nesting.
      .syntax(place: source.place(), problem: "nested too deeply")
    case let other:
      .syntax(place: source.place(), problem: other?.description ?? "\(error)")
    }
  }

  private func line(at offset: Int) -> Int {
    1 + text.prefix(offset).count(where: \.isNewline)
  }
}

extension Node {
  /// Nil where the node is a mapping or a list, or carries a tag of its own.
  var configurationScalar: ConfigurationScalar? {
    guard case .scalar(let scalar) = self, scalar.tag.isImplicitOrString else { return nil }
    return ConfigurationScalar(
      text: scalar.string, isPlain: scalar.style == .plain && scalar.tag == .implicit)
  }

  /// What the node is, for the sentence "found …".
  var found: String {
    switch self {
    case .mapping: return "a mapping"
    case .sequence: return "a list"
    case .alias: return "an alias"
    case .scalar(let scalar):
      guard let value = configurationScalar else {
        return "a value tagged \(excerpt(scalar.tag.description))"
      }
      return value.isNull ? "nothing" : "\"\(excerpt(value.text))\""
    }
  }
}

extension Tag {
  fileprivate var isImplicitOrString: Bool { self == .implicit || self == Tag(.str) }
}
