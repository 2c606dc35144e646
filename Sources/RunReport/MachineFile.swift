import Foundation
import RunAnalysis

/// `machine.json` of a run: one flat object that says where it ran.
struct MachineFile: Sendable {
  /// [key, value], in the order of the keys.
  let entries: [[String]]
  /// Why there are none, where there is a file; sentences.
  let problems: [String]

  init(_ archive: RunArchive) {
    let path = archive.path + "/machine.json"
    guard FileManager.default.fileExists(atPath: path) else {
      (entries, problems) = ([], [])
      return
    }
    do throws(UnusableFile) {
      let bytes = try contents(ofSmallFile: path, limit: 1 << 16)
      guard let values = try? JSONDecoder().decode([String: Value].self, from: Data(bytes)) else {
        throw UnusableFile(reason: "is no JSON object of texts and numbers")
      }
      entries = values.sorted { $0.key < $1.key }.map { [$0.key, $0.value.text] }
      problems = []
    } catch {
      entries = []
      problems = ["machine.json: \(error.reason); the machine is not shown"]
    }
  }

  private struct Value: Decodable {
    let text: String

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let truth = try? container.decode(Bool.self) {
        text = String(truth)
      } else if let number = try? container.decode(Int.self) {
        text = String(number)
      } else if let number = try? container.decode(Double.self) {
        text = String(number)
      } else {
        text = try container.decode(String.self)
      }
    }
  }
}
