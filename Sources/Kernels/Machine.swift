import CKernels
import COpenBLAS
import Glibc
import Synchronization

#if ONEDNN
  import COneDNN
#endif

/// What this machine offers, and how threads are set up for the libraries.
package enum Machine {
  /// One thread a call: the program's own workers share the cores. Once a process.
  package static func prepareProcess() { oblas_use_one_thread() }

  /// Once on each thread that prepares or runs kernels.
  package static func prepareThread(_ libraries: KernelLibraries = .best) {
    #if ONEDNN
      odnn_use_threads(Int32(libraries.threads))
    #endif
  }

  /// A moment's rest in a loop that waits for another core.
  package static func pause() { ck_pause() }

  /// Sleeps while `word` is `value`, until it is woken or the time has passed; also without either.
  package static func sleep(
    while word: UnsafeMutablePointer<Atomic<UInt32>>, is value: UInt32, atMost time: Duration
  ) {
    let (seconds, attoseconds) = time.components
    ck_sleep_while(
      UnsafeRawPointer(word).assumingMemoryBound(to: UInt32.self), value,
      seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
  }

  /// Wakes all who sleep on `word`, in this process and in others that share its memory.
  package static func wakeAll(_ word: UnsafeMutablePointer<Atomic<UInt32>>) {
    ck_wake_all(UnsafeRawPointer(word).assumingMemoryBound(to: UInt32.self))
  }

  /// The level that the project's own loops run at: "x86-64-v4", "x86-64-v3" or "baseline".
  package static var instructionSet: String { String(cString: ck_instruction_set()) }

  /// The cores that this process may run on.
  package static var availableCores: Int {
    max(1, Int(ck_available_cores()))
  }

  /// Which they are: bit i of all the words together is core i.
  package static var coreMask: [Int32] {
    var mask = [Int32](repeating: 0, count: Int(CK_CORE_MASK_LENGTH))
    ck_core_mask(&mask)
    return mask
  }

  /// Physical memory in bytes.
  package static var memory: Int {
    sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))
  }

  /// The bytes that processes of this machine could still share.
  package static var availableSharedMemory: Int { Int(ck_available_shared_memory()) }

  /// Takes all pages of shared memory now.
  ///
  /// - Returns: false where there are not enough, which would otherwise end the program at the first use.
  package static func reserve(_ memory: UnsafeMutableRawPointer, bytes: Int) -> Bool {
    ck_reserve(memory, Int64(bytes)) != 0
  }

  /// The most memory that this process has had resident, in bytes.
  package static var peakResidentBytes: Int {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return usage.ru_maxrss * 1024
  }

  package static var openBLASCore: String { String(cString: oblas_core()) }
  package static var openBLASConfiguration: String { String(cString: oblas_configuration()) }

  /// What a reader of measurements wants to know, with a name for each.
  package static var facts: [(name: String, value: String)] {
    [
      ("cores available", "\(availableCores)"),
      ("memory", "\(memory >> 20) MiB"),
      ("own loops", instructionSet),
      ("OpenBLAS", "\(openBLASConfiguration), core \(openBLASCore)"),
      ("oneDNN", oneDNN.map { "\($0.version), \($0.instructionSet)" } ?? "not built in"),
    ]
  }

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
