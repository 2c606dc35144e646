extension Configuration {
  /// The whole configuration as YAML, in the documented order of its keys; keys that are left open
  /// are left out. Reads back as an equal value.
  package var yaml: String {
    Self.yaml(entries, indentation: "")
  }

  /// The same as one line of JSON. Its numbers must be finite, as `validate()` makes sure.
  package var json: String {
    Self.json(entries)
  }

  /// Every key with its value in JSON; null for one that is left open.
  package var values: [(key: String, value: String)] {
    ConfigurationKey.all.map { ($0.path, $0.write(self)?.json ?? "null") }
  }

  /// One name in a section with what stands under it.
  private struct Entry {
    let name: String
    let content: Content

    enum Content {
      case value(yaml: String, json: String)
      case section([Entry])
    }
  }

  private var entries: [Entry] { entries(in: "") }

  private func entries(in section: String) -> [Entry] {
    ConfigurationKey.names(in: section).compactMap { name in
      let path = section.isEmpty ? name : "\(section).\(name)"
      if let key = ConfigurationKey.named[path] {
        return key.write(self).map { value in
          Entry(name: name, content: .value(yaml: value.yaml, json: value.json))
        }
      }
      return Entry(name: name, content: .section(entries(in: path)))
    }
  }

  private static func yaml(_ entries: [Entry], indentation: String) -> String {
    entries.reduce(into: "") { text, entry in
      switch entry.content {
      case .value(let yaml, _):
        text += "\(indentation)\(entry.name): \(yaml)\n"
      case .section(let inner) where inner.isEmpty:
        text += "\(indentation)\(entry.name): {}\n"
      case .section(let inner):
        text += "\(indentation)\(entry.name):\n" + yaml(inner, indentation: indentation + "  ")
      }
    }
  }

  private static func json(_ entries: [Entry]) -> String {
    let members = entries.map { entry in
      switch entry.content {
      case .value(_, let json): "\"\(entry.name)\":\(json)"
      case .section(let inner): "\"\(entry.name)\":\(json(inner))"
      }
    }
    return "{" + members.joined(separator: ",") + "}"
  }
}
