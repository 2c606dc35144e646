import ArgumentParser
import Datasets
import Foundation
import Kernels
import Replicas
import RunConfiguration
import Training

struct Doctor: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Says what this machine offers, and where speed is lost.")

  func run() throws {
    for (name, value) in Machine.facts {
      print(name.padding(toLength: 18, withPad: " ", startingAt: 0) + value)
    }
    print("MPI               Open MPI \(MPIProcesses.version), loaded under mpirun or srun")
    do {
      print("dataset           \(try RunData.locateImages(path: nil))")
    } catch {
      print("dataset           none: \(error)")
    }
    for warning in warnings { print("warning: \(warning)") }
  }

  private var warnings: [String] {
    var warnings: [String] = []
    if let core = Machine.pinnedOpenBLASCore {
      warnings.append(
        "OPENBLAS_CORETYPE=\(core) pins OpenBLAS to that core; unset it to let OpenBLAS choose")
    }
    if Machine.oneDNN == nil {
      warnings.append(
        "without oneDNN (apt-get install libdnnl-dev, and build again) products are slower")
    }
    if Machine.instructionSet != "x86-64-v4" {
      warnings.append("own loops run at \(Machine.instructionSet): this machine has no AVX-512")
    }
    return warnings
  }
}
