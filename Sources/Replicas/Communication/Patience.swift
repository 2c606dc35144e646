import Glibc

/// How long a loop still waits for a message, and how it rests meanwhile.
///
/// Time counts in slices of at most a second: while this process is stopped, or the machine sleeps,
/// nobody is late.
struct Patience {
  private let timeout: Duration
  private var remaining: Duration
  private var last = ContinuousClock.now
  private var rests = 0

  init(_ timeout: Duration) {
    self.timeout = timeout
    remaining = timeout
  }

  /// What those wait beyond the time-out who wait for one who waits for others: that one says first
  /// who is missing.
  static func grace(_ timeout: Duration) -> Duration { min(.seconds(5), timeout / 2) }

  /// Something has come.
  mutating func renew() { self = Patience(timeout) }

  /// Rests, at first only for others on this core, later up to a millisecond; then whether the time is up.
  var isAtItsEnd: Bool {
    mutating get {
      if rests < 50 { sched_yield() } else { usleep(UInt32(min(20 * (rests - 49), 1000))) }
      rests += 1
      let now = ContinuousClock.now
      remaining -= min(now - last, .seconds(1))
      last = now
      return remaining <= .zero
    }
  }
}
