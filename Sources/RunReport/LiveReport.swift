import Foundation
import RunAnalysis

/// The document of a run that may still be going on, or has not even begun: read anew when one of its
/// files has changed.
package actor LiveReport {
  /// The document at one time.
  package struct Version: Sendable {
    /// The document.
    package let json: [UInt8]
    /// Names this very document: the value of an ETag.
    package let tag: String
  }

  private let path: String
  private let title: String?
  /// Sets the versions of this process apart from those of another one.
  private let instance = UInt64.random(in: 0 ... .max)
  private var count = 0
  private var current: (version: Version, stamps: RunStamps)?
  /// Each picture's address beside the page → its path.
  private var images: [String: String] = [:]
  /// Where the run is, once it was found; `latest` is looked up only until then.
  private var directory: String?
  /// Not before this time is anything read again.
  private var nextReading = ContinuousClock.now

  /// - Parameters:
  ///   - path: of a run, or `latest`; it may appear later.
  ///   - title: nil takes the run's name.
  package init(path: String, title: String? = nil) {
    (self.path, self.title) = (path, title)
  }

  /// The newest document. Reading takes a quarter of the time at most, so that the run is not held up:
  /// until then, the last one stands.
  package func version() throws -> Version {
    let start = ContinuousClock.now
    if let current, start < nextReading { return current.version }
    // Taken before the files are read: what changes meanwhile is read the next time.
    let stamps = RunStamps(directory: directory ?? path)
    if let current, directory != nil, current.stamps == stamps { return current.version }
    let json = try document(stamps).json()
    count += 1
    let version = Version(json: json, tag: "\"\(String(instance, radix: 36))-\(count)\"")
    current = (version, stamps)
    let end = ContinuousClock.now
    nextReading = end + (end - start) * 3
    return version
  }

  /// A picture of the run.
  ///
  /// - Parameter address: as the document has it: `reals.png`, `samples/step-000400.png`.
  /// - Returns: nil where the run has no such picture, or the file is none.
  package func image(_ address: String) -> [UInt8]? {
    images[address].flatMap { try? RunImages.png($0) }
  }

  private func document(_ stamps: RunStamps) -> ReportDocument {
    do throws(RunAnalysisError) {
      let archive = try RunArchive(path: directory ?? path)
      directory = archive.path
      images = RunImages.links(of: archive)
      return ReportDocument(
        archives: [archive], title: title, samples: .linked,
        isExpected: { !archive.hasWeights && stamps.explain($0) })
    } catch {
      return ReportDocument(
        name: path, path: path, problem: "\(error); this page waits for the run", title: title)
    }
  }
}
