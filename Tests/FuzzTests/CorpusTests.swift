import Foundation
import FuzzTargets
import Testing

/// What the fuzzer starts from, and what it has found: each file is read or refused with a sentence.
struct CorpusTests {
  private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../Fuzz/Corpora").standardized

  /// The files of a target: those in its folder, and in the folders that links in it lead to.
  private static func files(of target: FuzzTarget) throws -> [URL] {
    func contents(_ folder: URL) throws -> [URL] {
      try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
    }
    return try contents(folder.appending(path: target.name))
      .map { $0.resolvingSymlinksInPath() }
      .flatMap { place in
        let isFolder = try place.resourceValues(forKeys: [.isDirectoryKey]).isDirectory ?? false
        return isFolder ? try contents(place) : [place]
      }
      .sorted { $0.path < $1.path }
  }

  @Test(arguments: FuzzTarget.all)
  func `all files of a corpus are read or refused, and some of each kind`(
    target: FuzzTarget
  ) throws {
    var (read, refused) = (0, 0)
    for file in try Self.files(of: target) {
      let bytes = Array(try Data(contentsOf: file))
      target.tryToRead(bytes)
      do {
        try target.read(bytes)
        read += 1
      } catch {
        #expect(!"\(error)".isEmpty, "\(file.path)")
        refused += 1
      }
    }
    #expect(read > 0 && refused > 0, "\(read) read, \(refused) refused")
  }

  /// A change that the check sums, or the length before the header, would hide is reached.
  @Test(arguments: FuzzTarget.all)
  func `what is repaired is read`(target: FuzzTarget) throws {
    for file in try Self.files(of: target) {
      guard let repaired = target.repaired(Array(try Data(contentsOf: file))),
        file.lastPathComponent.hasPrefix("damaged") || file.lastPathComponent == "plain"
      else { continue }
      try target.read(repaired)
    }
  }

  @Test func `every folder has a target`() throws {
    let names = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path)
    #expect(names.sorted() == FuzzTarget.all.map(\.name))
  }
}
