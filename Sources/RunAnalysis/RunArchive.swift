import Foundation
import RunConfiguration
import RunFiles

/// All that a run directory tells, of a run that is finished, goes on, or was broken off.
///
/// Whatever is damaged or missing is a sentence in `problems`; the rest is there.
package struct RunArchive: Sendable {
  package let path: String
  /// The directory's own name.
  package let name: String
  /// Nil where the file is missing or this program cannot use it.
  package let configuration: Configuration?
  /// `config.yaml` as it stands; what is not UTF-8 is replaced.
  package let configurationText: String?
  package let shards: ReplicaTable?
  /// Nil also where the run did not measure gradients.
  package let gradients: ReplicaTable?
  package let batchNorm: ReplicaTable?
  /// Empty where there are none.
  package let metrics: [RunMetrics.Line]
  /// In the order of their steps.
  package let samples: [RunDirectory.StepFile]
  /// The path of `reals.png`, where it is there.
  package let reals: String?
  /// Whether the final weights are there: the run has come to an end, be it by a signal.
  package let hasWeights: Bool
  /// Clear sentences: what is damaged or missing, and what is not shown for that.
  package let problems: [String]

  /// Updates in the whole run, as configured.
  package var totalSteps: Int? { configuration?.steps }

  /// The last step of which anything is known; 0 where nothing is.
  package var lastStep: Int {
    max(shards?.steps.last ?? 0, metrics.last?.step ?? 0, samples.last?.step ?? 0)
  }

  /// Whether the last configured step was reached; where that is unknown, whether the run has ended.
  package var isFinished: Bool { totalSteps.map { lastStep >= $0 } ?? hasWeights }

  /// Reads a run directory.
  ///
  /// - Parameter path: the directory; `latest` is the highest numbered one in `runs`, unless a
  ///   directory has that name.
  /// - Throws: `RunAnalysisError` where it is no directory, or holds nothing that a run writes.
  package init(path: String) throws(RunAnalysisError) {
    let directory: RunDirectory?
    do throws(RunFileError) { directory = try RunDirectory(resolving: path) } catch {
      throw .file(error)
    }
    guard let files = directory else { throw .notADirectory(path: path) }
    let path = files.path
    guard files.isRun else { throw .notARun(path: path) }
    var problems: [String] = []
    self.path = path
    name = URL(filePath: path).standardizedFileURL.lastPathComponent
    (configuration, configurationText) = Self.configuration(files.configuration, &problems)
    let replicas = configuration?.replicas
    shards = Self.reading("what each replica did", &problems) { () throws(RunAnalysisError) in
      try ReplicaTable(.shards, path: files.path(of: .shards), replicas: replicas)
    }
    gradients =
      configuration?.shards.gradientEvery == 0
      ? nil
      : Self.reading("the replicas' gradients", &problems) { () throws(RunAnalysisError) in
        try ReplicaTable(.gradients, path: files.path(of: .gradients), replicas: replicas)
      }
    batchNorm = Self.reading("batch statistics", &problems) { () throws(RunAnalysisError) in
      try ReplicaTable(.batchNorm, path: files.path(of: .batchNorm), replicas: replicas)
    }
    for table in [shards, gradients, batchNorm] { problems += table?.problems ?? [] }
    let metrics = Self.reading("speed", &problems) { () throws(RunAnalysisError) in
      try RunMetrics(path: files.metrics)
    }
    problems += metrics?.problems ?? []
    self.metrics = metrics?.lines ?? []
    samples = files.sampleFiles
    reals = Self.exists(files.reals) ? files.reals : nil
    hasWeights = Self.exists(files.weights)
    self.problems = problems
  }

  /// - Returns: nil where the file cannot be read, after saying so.
  private static func reading<Value>(
    _ content: String, _ problems: inout [String], _ body: () throws(RunAnalysisError) -> Value
  ) -> Value? {
    do throws(RunAnalysisError) { return try body() } catch {
      problems.append("\(error); \(content) cannot be shown")
      return nil
    }
  }

  private static func configuration(
    _ path: String, _ problems: inout [String]
  ) -> (Configuration?, text: String?) {
    let file = reading("the configuration", &problems) { () throws(RunAnalysisError) in
      try FileBytes(path: path, limit: Configuration.largestFile)
    }
    guard let file else { return (nil, nil) }
    let text = String(decoding: file.bytes, as: UTF8.self)
    do throws(ConfigurationError) {
      return (try Configuration.decode(text, source: file.name), text)
    } catch {
      let sentence = "\(error)"
      problems.append(
        (sentence.hasPrefix(file.name) ? "" : "\(file.name): ") + sentence
          + "; the run's totals are unknown")
      return (nil, text)
    }
  }

  private static func exists(_ path: String) -> Bool {
    FileManager.default.fileExists(atPath: path)
  }
}
