import TestSupport

extension ScratchDirectory {
  /// The names of what a run directory holds, that of its event file without what it is made of.
  func runFiles(in run: String) throws -> [String] {
    try names(in: run).map { $0.hasPrefix("events.out.tfevents.") ? "events" : $0 }
  }
}

/// What every run directory holds before its last step.
let unfinishedRunFiles = [
  "batch_norm.csv", "checkpoints", "config.yaml", "events", "gradients.csv", "machine.json",
  "metrics.jsonl",
  "reals.png", "samples", "shards.csv",
]
