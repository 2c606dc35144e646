import ArgumentParser
import Foundation
import RunFiles
import Training

struct CheckpointShow: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Says what a checkpoint holds, or which checkpoints a run has.")

  @Argument(
    help: ArgumentHelp(
      """
      Checkpoints or weights.safetensors, whose tensors are listed; or run directories, whose \
      checkpoints are (latest is the highest numbered one in runs).
      """, valueName: "path"))
  var paths: [String]

  @Flag(help: "Print everything as one JSON array, an element a path.")
  var json = false

  func run() throws {
    var shown: [any ShownCheckpoints] = []
    defer {
      if json { print(Self.json(shown)) }
    }
    try EachFile.run(paths) { path in
      let found: any ShownCheckpoints =
        switch try CheckpointLocation(path) {
        case .file(let path): ShownModel(try SavedModel.read(path))
        case .run(let directory): try ShownRun(directory)
        }
      if !json { print((shown.isEmpty ? "" : "\n") + found.text) }
      shown.append(found)
    }
  }

  private static func json(_ shown: [any ShownCheckpoints]) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    // A score that is no number is none.
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    let elements = shown.compactMap { try? encoder.encode($0) }
    return "[\n" + elements.map { String(decoding: $0, as: UTF8.self) }.joined(separator: ",\n")
      + "\n]"
  }
}
