import Foundation

extension RunDirectory {
  package var checkpoints: String { path + "/checkpoints" }

  /// The checkpoint after `step` completed updates.
  package func checkpoint(step: Int) -> String {
    checkpoints + "/" + Self.name(step, "safetensors")
  }

  /// The checkpoints that are there, whether they can be read or not, in the order of their steps.
  package var checkpointFiles: [StepFile] { Self.stepFiles(in: checkpoints, "safetensors") }

  package func removeCheckpoint(step: Int) { unlink(checkpoint(step: step)) }

  /// The newest checkpoint that can be read.
  ///
  /// - Parameter onDamage: hears of each newer one that cannot.
  /// - Throws: `RunFileError.noCheckpoint`; `.cannotRead` where a newer one may be sound.
  package func newestCheckpoint(
    onDamage: (RunFileError) -> Void
  ) throws(RunFileError) -> Checkpoint {
    for file in checkpointFiles.reversed() {
      do throws(RunFileError) {
        let checkpoint = try Checkpoint(path: file.path)
        if checkpoint.facts.step == file.step { return checkpoint }
        throw .notACheckpoint(
          path: file.path, detail: "it is of step \(checkpoint.facts.step), which its name is not")
      } catch {
        if case .cannotRead = error { throw error }
        onDamage(error)
      }
    }
    throw .noCheckpoint(path: path)
  }

  /// Removes what a run that goes on after `step` will write again: pictures of later steps, the weights
  /// of its end, and what a killed process has left half written.
  package func removeWhatFollows(step: Int) {
    unlink(weights)
    for file in sampleFiles where file.step > step { unlink(file.path) }
    for directory in [path, samples, checkpoints] {
      let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
      for name in names where name.hasSuffix(OutputFile.partialSuffix) {
        unlink("\(directory)/\(name)")
      }
    }
  }
}
