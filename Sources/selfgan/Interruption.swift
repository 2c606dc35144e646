import Dispatch
import Foundation
import Synchronization

/// Ends a run at the next step when SIGINT or SIGTERM arrives; a second one ends the process at
/// once.
///
/// SIGUSR2 counts as SIGTERM: mpirun passes it on and lets ranks end, while it answers the other two
/// by killing them a second later.
final class Interruption: Sendable {
  private let received = Atomic<Int32>(0)
  /// Only kept alive; they deliver on a queue of their own.
  nonisolated(unsafe) private let sources: [any DispatchSourceSignal]

  init() {
    let queue = DispatchQueue(label: "selfgan.signals")
    let meanings = [(SIGINT, SIGINT), (SIGTERM, SIGTERM), (SIGUSR2, SIGTERM)]
    sources = meanings.map { number, _ in
      Foundation.signal(number, SIG_IGN)
      return DispatchSource.makeSignalSource(signal: number, queue: queue)
    }
    for (source, (_, number)) in zip(sources, meanings) {
      source.setEventHandler { [weak self] in
        guard let self else { return }
        if self.received.exchange(number, ordering: .relaxed) != 0 { _exit(128 + number) }
      }
      source.resume()
    }
  }

  /// The signal that has arrived; 0 where none has.
  var signal: Int32 { received.load(ordering: .relaxed) }
}
