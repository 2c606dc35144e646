import Glibc

/// Keeps other processes from writing into a run directory, as long as this object or its process lives.
package final class RunLock {
  private let descriptor: Int32

  /// - Throws: `RunFileError.directoryInUse`, `.cannotCreateDirectory`
  package init(_ directory: RunDirectory) throws(RunFileError) {
    let path = directory.path
    descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw .cannotCreateDirectory(path: path, reason: RunFileError.lastReason)
    }
    // A file system without locks, such as some that hosts share, does without.
    if flock(descriptor, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK {
      close(descriptor)
      throw .directoryInUse(path: path)
    }
  }

  deinit { close(descriptor) }
}
