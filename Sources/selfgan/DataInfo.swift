import ArgumentParser
import Datasets

struct DataInfo: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "info",
    abstract: "Says what a pack, a folder, an LMDB or an IDX file holds, and verifies packs.")

  @Argument(help: "A pack, a directory of images, an LMDB or an IDX file.")
  var source: String

  func run() throws {
    try Failure.reporting {
      let stored = try StoredImages(at: source)
      let summary = try stored.summary()
      row("kind", stored.kind)
      row("images", "\(summary.count)")
      row(summary.isOfOneShape ? "shape" : "first image", "\(summary.shape)")
      if let verified = summary.verifiedImages {
        row("check sums", "all \(verified) right")
      }
    }
  }

  private func row(_ name: String, _ value: String) {
    print(name + String(repeating: " ", count: 14 - name.count) + value)
  }
}
