/// Why there is no configuration. `description` is one sentence for the one who wrote it.
package enum ConfigurationError: Error, Equatable, Sendable {
  case fileMissing(path: String)
  case fileUnreadable(path: String, reason: String)
  /// `limit` in bytes.
  case fileTooBig(path: String, limit: Int)
  case notUTF8(path: String)
  case empty(path: String)
  case notAMapping(path: String, found: String)
  /// `place` is `file:line`, or an override as it was given.
  case syntax(place: String, problem: String)
  case tooManyAliases(place: String, limit: Int)
  case tooManyCollectionKeys(place: String, limit: Int)
  case duplicateKey(place: String, key: String)
  case keyNotText(section: String, found: String)
  /// `valid` are the names in `section`, the innermost known one around the key.
  case unknownKey(key: String, nearest: String?, section: String, valid: [String])
  case wrongType(key: String, found: String, expected: String, nearest: String?)
  case impossible(key: String, found: String, expected: String)
  case batchNotDivisible(batchSize: Int, replicas: Int)
  case malformedOverride(String)
}

extension ConfigurationError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .fileMissing(let path):
      "\(path): no such file; expected a configuration in YAML"
    case .fileUnreadable(let path, let reason):
      "\(path): cannot be read: \(reason)"
    case .fileTooBig(let path, let limit):
      "\(path): larger than \(limit) bytes; expected a configuration in YAML"
    case .notUTF8(let path):
      "\(path): not UTF-8 text; expected a configuration in YAML"
    case .empty(let path):
      "\(path): empty; expected a mapping of keys such as model, objective and steps"
    case .notAMapping(let path, let found):
      "\(path): found \(found), expected a mapping of keys such as model, objective and steps"
    case .syntax(let place, let problem):
      "\(place): not valid YAML: \(problem)"
    case .tooManyAliases(let place, let limit):
      "\(place): more than \(limit) YAML aliases; expected the values themselves"
    case .tooManyCollectionKeys(let place, let limit):
      "\(place): more than \(limit) question marks and closing brackets before a colon, "
        + "which make YAML keys of mappings and lists; expected names"
    case .duplicateKey(let place, let key):
      "\(place): the key \(excerpt(key)) is given more than once"
    case .keyNotText(let section, let found):
      "\(section.isEmpty ? "the configuration" : section): found \(found) as a key, "
        + "expected a name"
    case .unknownKey(let key, let nearest?, _, _):
      "\(excerpt(key)): unknown key; did you mean \(nearest)?"
    case .unknownKey(let key, nil, let section, let valid):
      "\(excerpt(key)): unknown key; the keys \(section.isEmpty ? "" : "of \(section) ")are "
        + valid.joined(separator: ", ")
    case .wrongType(let key, let found, let expected, let nearest):
      "\(key): found \(found), expected \(expected)"
        + (nearest.map { "; did you mean \($0)?" } ?? "")
    case .impossible(let key, let found, let expected):
      "\(key): \(found) is impossible; expected \(expected)"
    case .batchNotDivisible(let batchSize, let replicas):
      // TensorFlow 1.13.1's words, keras_support.py.
      "batch_size must be divisible by the number of TPU cores in use (\(batchSize) vs \(replicas))"
    case .malformedOverride(let text):
      "\(excerpt(text)): malformed override; expected key.path=value"
    }
  }
}
