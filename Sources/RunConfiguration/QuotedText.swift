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

/// YAML's printable characters without line breaks and the byte-order mark. All others lie below
/// U+10000, so that `\u` with four digits covers them.
private func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
  switch scalar.value {
  case 0x2028, 0x2029, 0xfeff: false
  case 0x20...0x7e, 0xa0...0xd7ff, 0xe000...0xfffd, 0x10000...0x10ffff: true
  default: false
  }
}
