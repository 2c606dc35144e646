import Foundation
import RunAnalysis
import RunFiles

/// A run's pictures, as a document shows them.
struct RunImages: Sendable {
  /// The grid of samples after so many updates.
  struct Sample: Encodable, Sendable {
    let step: Int
    /// An address: of the data itself, or of a file beside the page.
    let image: String
  }

  let samples: [Sample]
  let reals: String?
  /// Pictures that are left out, and why; sentences.
  let problems: [String]

  /// - Parameter limit: the most samples; the first and the last one are always among them.
  init(_ archive: RunArchive, _ kind: ReportDocument.Images, limit: Int) {
    var problems: [String] = []
    func address(_ path: String) -> String? {
      guard kind == .embedded else { return Self.link(to: path, in: archive) }
      do throws(UnusableFile) {
        return "data:image/png;base64," + Data(try Self.png(path)).base64EncodedString()
      } catch {
        problems.append("\(Self.link(to: path, in: archive)): \(error.reason); it is not shown")
        return nil
      }
    }
    samples = Self.evenly(archive.samples, limit: limit).compactMap { sample in
      address(sample.path).map { Sample(step: sample.step, image: $0) }
    }
    reals = archive.reals.flatMap(address)
    self.problems = problems
  }

  /// Every picture of a run: its address beside the page → its path.
  static func links(of archive: RunArchive) -> [String: String] {
    let paths = archive.samples.map(\.path) + (archive.reals.map { [$0] } ?? [])
    return Dictionary(paths.map { (link(to: $0, in: archive), $0) }) { first, _ in first }
  }

  /// The bytes of a picture.
  ///
  /// - Throws: `UnusableFile` where it is larger than 1 MiB, or does not begin and end as a PNG file does.
  static func png(_ path: String) throws(UnusableFile) -> [UInt8] {
    let bytes = try contents(ofSmallFile: path, limit: 1 << 20)
    // PNG specification, section 5.2.
    guard bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) else {
      throw UnusableFile(reason: "is no PNG file")
    }
    // Its last chunk, IEND, has no data.
    guard bytes.suffix(8).starts(with: [0x49, 0x45, 0x4E, 0x44, 0xAE, 0x42, 0x60, 0x82]) else {
      throw UnusableFile(reason: "is cut off")
    }
    return bytes
  }

  private static func link(to path: String, in archive: RunArchive) -> String {
    String(path.dropFirst(archive.path.count).drop { $0 == "/" })
  }

  /// At most `limit` of the samples, from the first to the last one.
  private static func evenly(_ samples: [RunDirectory.StepFile], limit: Int) -> [RunDirectory
    .StepFile]
  {
    guard samples.count > limit, limit > 1 else { return samples }
    return (0..<limit).map { samples[$0 * (samples.count - 1) / (limit - 1)] }
  }
}
