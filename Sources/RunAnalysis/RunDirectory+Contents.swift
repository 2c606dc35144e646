import Foundation
import RunFiles

extension RunDirectory {
  /// The files of which a run has at least one.
  var knownFiles: [String] {
    [configuration, metrics, weights] + RunTable.allCases.map { path(of: $0) }
  }

  /// The grids of samples, in the order of their steps.
  var sampleGrids: [RunArchive.Sample] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: samples)) ?? []
    return names.compactMap { name in
      guard name.hasPrefix("step-"), name.hasSuffix(".png"),
        let step = Int(name.dropFirst(5).dropLast(4)), step >= 0
      else { return nil }
      return RunArchive.Sample(step: step, path: "\(samples)/\(name)")
    }.sorted { $0.step < $1.step }
  }
}
