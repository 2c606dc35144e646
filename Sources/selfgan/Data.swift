import ArgumentParser
import Datasets

/// `selfgan data …`
struct DataCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "data",
    abstract: "Packs images into one file, and says what files of images hold.",
    subcommands: [DataPack.self, DataInfo.self])
}

/// What is said of bad images that are passed over: the first ones one by one, then ever fewer, each
/// with the count so far.
enum SkippedImages {
  private static let saidOneByOne = 10

  @Sendable static func report(_ image: SkippedImage) {
    guard image.number <= saidOneByOne || image.number.nonzeroBitCount == 1 else { return }
    Failure.complain("warning: \(image)")
  }
}
