import ArgumentParser
import RunFiles
import Training

struct CheckpointVerify: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Reads checkpoints to their ends: checksum, shapes, finite numbers.")

  @Argument(
    help: ArgumentHelp(
      "Checkpoints, weights.safetensors, or run directories, of which all checkpoints are read.",
      valueName: "path"))
  var paths: [String]

  func run() throws {
    try EachFile.run(paths) { path in
      try EachFile.run(try CheckpointLocation(path).files()) { file in
        try SavedModel.read(file).verify()
        print("\(file): ok")
      }
    }
  }
}
