import Foundation
import RunConfiguration
import RunFiles
import Training

/// The directory of a sweep: a run directory for each cell that has been run to its end.
///
///     report.html
///     selfTPU-replica-replicas-1-seed-1/
///     selfTPU-replica-replicas-8-seed-1/
///     selfTPU-replica-replicas-8-seed-2.partial/   being run
package struct SweepDirectory: Sendable {
  package let path: String

  package init(path: String) { self.path = path }

  /// Creates the directory, if it is not there yet.
  ///
  /// - Throws: `SweepError.file`
  func create() throws(SweepError) {
    var isDirectory: ObjCBool = false
    if FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) {
      if isDirectory.boolValue { return }
      throw .file(.cannotCreateDirectory(path: path, reason: "it is no directory"))
    }
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      throw .file(
        .cannotCreateDirectory(path: path, reason: (error as NSError).localizedDescription))
    }
  }

  package var report: String { path + "/report.html" }

  /// The run directory of a cell that is complete.
  package func run(of cell: SweepCell) -> RunDirectory {
    RunDirectory(existing: "\(path)/\(cell.name)")
  }

  /// Whether the cell has been run.
  ///
  /// - Throws: `SweepError.otherCell` where it was run with another configuration.
  package func holds(_ cell: SweepCell) throws(SweepError) -> Bool {
    let directory = run(of: cell)
    guard FileManager.default.fileExists(atPath: directory.path) else { return false }
    guard let found = try? Configuration.load(path: directory.configuration) else {
      throw .unusableCell(path: directory.path)
    }
    let differences = zip(found.values, cell.configuration.values).compactMap { found, wanted in
      found.value == wanted.value ? nil : "\(found.key) \(found.value), not \(wanted.value)"
    }
    if !differences.isEmpty { throw .otherCell(path: directory.path, differences: differences) }
    return true
  }

  /// What an interrupted attempt at a cell has left; nil where there is nothing to go on from.
  ///
  /// - Parameter onDamage: hears of checkpoints that cannot be read.
  /// - Throws: `RunFileError.directoryInUse` while another process runs the cell; `.cannotRead` where the attempt may be
  ///   sound.
  func interrupted(
    _ cell: SweepCell, onDamage: (RunFileError) -> Void
  ) throws(TrainingError) -> Resumption? {
    let partial = partialPath(cell)
    guard FileManager.default.fileExists(atPath: partial) else { return nil }
    do throws(TrainingError) { return try Resumption(path: partial, onDamage: onDamage) } catch {
      switch error {
      case .file(.directoryInUse), .file(.cannotRead): throw error
      default: return nil
      }
    }
  }

  /// Where a cell is run from its beginning; what an earlier attempt left there is removed.
  ///
  /// - Throws: `RunFileError.cannotCreateDirectory`
  func begin(_ cell: SweepCell) throws(RunFileError) -> String {
    let partial = partialPath(cell)
    if FileManager.default.fileExists(atPath: partial) {
      do { try FileManager.default.removeItem(atPath: partial) } catch {
        throw .cannotCreateDirectory(
          path: partial, reason: (error as NSError).localizedDescription)
      }
    }
    return partial
  }

  /// Gives a cell that has been run its name.
  ///
  /// - Throws: `SweepError.file`
  func complete(_ cell: SweepCell) throws(SweepError) {
    let target = run(of: cell).path
    if rename(partialPath(cell), target) != 0 {
      throw .file(.cannotWrite(path: target, reason: RunFileError.lastReason))
    }
  }

  private func partialPath(_ cell: SweepCell) -> String { run(of: cell).path + ".partial" }
}
