import Dispatch
import Foundation
import Synchronization

/// What signals ask of a run: SIGINT, SIGTERM and SIGHUP end it at the next step, SIGUSR1 asks for a checkpoint.
///
/// A second one ends the process at once, and so does the first one before there is anything to save. SIGHUP is no second
/// one, for a terminal that is closed sends several; and it is not heard where it was ignored, as nohup has it. SIGUSR2 counts as SIGTERM: mpirun passes it on and lets ranks end, while it answers the other two
/// by killing them a second later.
final class Interruption: Sendable {
  private let received = Atomic<Int32>(0)
  private let hasState: Atomic<Bool>
  private let checkpointWanted = Atomic<Bool>(false)
  /// Only kept alive; they deliver on a queue of their own.
  nonisolated(unsafe) private let sources: [any DispatchSourceSignal]

  /// - Parameter hasState: whether there is something to save from the beginning on.
  init(hasState: Bool = true) {
    self.hasState = Atomic(hasState)
    // Whoever reads the progress may go.
    Foundation.signal(SIGPIPE, SIG_IGN)
    let queue = DispatchQueue(label: "selfgan.signals")
    var meanings = [(SIGINT, SIGINT), (SIGTERM, SIGTERM), (SIGUSR2, SIGTERM), (SIGUSR1, SIGUSR1)]
    if !Self.ignores(SIGHUP) { meanings.append((SIGHUP, SIGHUP)) }
    sources = meanings.map { number, _ in
      Foundation.signal(number, SIG_IGN)
      return DispatchSource.makeSignalSource(signal: number, queue: queue)
    }
    for (source, (_, number)) in zip(sources, meanings) {
      source.setEventHandler { [weak self] in self?.receive(number) }
      source.resume()
    }
  }

  private static func ignores(_ number: Int32) -> Bool {
    var action = sigaction()
    sigaction(number, nil, &action)
    return action.__sigaction_handler.sa_handler.map { unsafeBitCast($0, to: Int.self) }
      == unsafeBitCast(SIG_IGN, to: Int.self)
  }

  private func receive(_ number: Int32) {
    if number == SIGUSR1 { return checkpointWanted.store(true, ordering: .relaxed) }
    if number == SIGHUP, received.load(ordering: .relaxed) != 0 { return }
    let isFirst = received.exchange(number, ordering: .relaxed) == 0
    if !isFirst || !hasState.load(ordering: .relaxed) { _exit(128 + number) }
  }

  /// From now on there is something to save.
  func begin() { hasState.store(true, ordering: .relaxed) }

  /// The signal that has arrived; 0 where none has.
  var signal: Int32 { received.load(ordering: .relaxed) }

  /// Whether a checkpoint was asked for since the last call.
  func takeCheckpointRequest() -> Bool { checkpointWanted.exchange(false, ordering: .relaxed) }
}
