import Dispatch
import Foundation
import Synchronization

/// Ends a run at the next step when SIGINT or SIGTERM arrives; a second one ends the process at
/// once.
final class Interruption: Sendable {
  private let signal = Atomic<Int32>(0)
  /// Only kept alive; they deliver on a queue of their own.
  nonisolated(unsafe) private let sources: [any DispatchSourceSignal]

  init() {
    let queue = DispatchQueue(label: "selfgan.signals")
    sources = [SIGINT, SIGTERM].map { number in
      Foundation.signal(number, SIG_IGN)
      return DispatchSource.makeSignalSource(signal: number, queue: queue)
    }
    for (source, number) in zip(sources, [SIGINT, SIGTERM]) {
      source.setEventHandler { [weak self] in
        guard let self else { return }
        if self.signal.exchange(number, ordering: .relaxed) != 0 { _exit(128 + number) }
      }
      source.resume()
    }
  }

  var isRequested: Bool { signal.load(ordering: .relaxed) != 0 }

  /// 130 after SIGINT, 143 after SIGTERM; nil where neither has arrived.
  var exitCode: Int32? {
    let number = signal.load(ordering: .relaxed)
    return number == 0 ? nil : 128 + number
  }
}
