import CKernels
import COpenBLAS
import Glibc

#if ONEDNN
  import COneDNN
#endif

/// What this machine offers, and how threads are set up for the libraries.
package enum Machine {
  /// One thread a call: the program's own workers share the cores. Once a process.
  package static func prepareProcess() { oblas_use_one_thread() }

  /// Once on each thread that runs kernels.
  package static func prepareThread() {
    #if ONEDNN
      odnn_use_one_thread()
    #endif
  }

  /// A moment's rest in a loop that waits for another core.
  package static func pause() { ck_pause() }

  /// The level that the project's own loops run at: "x86-64-v4", "x86-64-v3" or "baseline".
  package static var instructionSet: String { String(cString: ck_instruction_set()) }

  /// The cores that this process may run on.
  package static var availableCores: Int {
    max(1, Int(ck_available_cores()))
  }

  /// Physical memory in bytes.
  package static var memory: Int {
    sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))
  }

  /// The most memory that this process has had resident, in bytes.
  package static var peakResidentBytes: Int {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return usage.ru_maxrss * 1024
  }

  package static var openBLASCore: String { String(cString: oblas_core()) }
  package static var openBLASConfiguration: String { String(cString: oblas_configuration()) }

  /// The core that the environment forces OpenBLAS to, if it does.
  package static var pinnedOpenBLASCore: String? {
    getenv("OPENBLAS_CORETYPE").map { String(cString: $0) }
  }

  /// oneDNN's version and the instruction set that it dispatches to; nil where it is not built in.
  package static var oneDNN: (version: String, instructionSet: String)? {
    #if ONEDNN
      guard let version = dnnl_version()?.pointee else { return nil }
      return (
        "\(version.major).\(version.minor).\(version.patch)",
        String(cString: odnn_instruction_set())
      )
    #else
      return nil
    #endif
  }
}
