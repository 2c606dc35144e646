import Foundation
import Training

/// Shows where a run stands on standard error: one line that is written over on a terminal, a line
/// every few seconds elsewhere.
final class ProgressLine {
  private let isTerminal = isatty(STDERR_FILENO) == 1
  private var lastShown: ContinuousClock.Instant?
  private var isOpen = false

  /// Seconds between two updates.
  private var interval: Double { isTerminal ? 0.2 : 5 }

  /// - Parameter run: which of several runs it is.
  func show(_ progress: TrainingProgress, of run: String? = nil) {
    show(
      (run.map { "\($0)  " } ?? "") + Self.text(progress),
      isLast: progress.step == progress.totalSteps)
  }

  /// Shows a text, unless the one before is too young; the last one is always shown.
  func show(_ text: @autoclosure () -> String, isLast: Bool) {
    let now = ContinuousClock.now
    if let lastShown, !isLast, (now - lastShown).seconds < interval { return }
    lastShown = now
    let text = text()
    write(isTerminal ? "\r\u{1B}[2K" + text : text + "\n")
    isOpen = isTerminal
  }

  /// Leaves the line as it is and goes to the next one.
  func finish() {
    if isOpen { write("\n") }
    isOpen = false
  }

  private func write(_ text: String) { StandardError.write(text) }

  private static func text(_ progress: TrainingProgress) -> String {
    let left = Double(progress.totalSteps - progress.step) / max(progress.stepsPerSecond, 1e-9)
    let losses = [
      ("self", "loss_self"), ("gen", "loss_generated"), ("real", "loss_real"),
      ("fake", "loss_fake"),
    ]
    .compactMap { label, column in
      progress.losses[column].map { "\(label) \(String(format: "%.3f", $0))" }
    }.joined(separator: "  ")
    return [
      "step \(progress.step)/\(progress.totalSteps)",
      String(format: "%.1f steps/s", progress.stepsPerSecond), losses,
      "ETA \(duration(left))", "\(progress.residentBytes >> 20) MiB",
    ].filter { !$0.isEmpty }.joined(separator: "  ")
  }

  static func duration(_ seconds: Double) -> String {
    let whole = Int(min(seconds, 1e9).rounded())
    return whole >= 3600
      ? String(format: "%d:%02d:%02d", whole / 3600, whole / 60 % 60, whole % 60)
      : String(format: "%d:%02d", whole / 60, whole % 60)
  }
}
