import Foundation

/// Text in double quotes that YAML and JSON both read back as it was.
func doubleQuoted(_ text: String) -> String {
  "\"" + escaped(text) + "\""
}

/// The beginning of somebody's text on one line, short enough for a sentence.
func excerpt(_ text: String) -> String {
  let limit = 60
  let head = escapingUnprintable(text.unicodeScalars.prefix(limit))
  return text.unicodeScalars.count > limit ? head + "…" : head
}

/// Somebody's text on one line of a terminal: what would be obeyed rather than shown is escaped.
package func printable(_ text: String) -> String { escapingUnprintable(text.unicodeScalars) }

private func escaped(_ text: String) -> String {
  text.unicodeScalars.reduce(into: "") { result, scalar in
    switch scalar {
    case "\"", "\\": result += "\\\(scalar)"
    default: result += escapingUnprintable(CollectionOfOne(scalar))
    }
  }
}

private func escapingUnprintable(_ scalars: some Sequence<Unicode.Scalar>) -> String {
  scalars.reduce(into: "") { result, scalar in
    if isPrintable(scalar) {
      result.unicodeScalars.append(scalar)
    } else {
      result += String(format: "\\u%04X", scalar.value)
    }
  }
}

/// YAML's printable characters without line breaks, the byte-order mark and those that turn the
/// direction of what follows. All others lie below
/// U+10000, so that `\u` with four digits covers them.
private func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
  switch scalar.value {
  case 0x2028, 0x2029, 0xfeff, 0x202a...0x202e, 0x2066...0x2069: false
  case 0x20...0x7e, 0xa0...0xd7ff, 0xe000...0xfffd, 0x10000...0x10ffff: true
  default: false
  }
}
