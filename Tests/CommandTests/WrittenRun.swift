import Foundation
import TestSupport

/// A run directory of two replicas without a run.
enum WrittenRun {
  /// What every PNG file begins with.
  static let picture: [UInt8] = [
    0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0x49, 0x45, 0x4E, 0x44, 0xAE, 0x42, 0x60, 0x82,
  ]

  static func make(_ name: String, in scratch: ScratchDirectory, steps: Int) throws {
    try FileManager.default.createDirectory(
      atPath: scratch.file("\(name)/samples"), withIntermediateDirectories: true)
    try scratch.write(
      "replicas: 2\nsteps: 100\nshards:\n  gradientEvery: 0\n", as: "\(name)/config.yaml")
    try scratch.write(
      "step,replica,layer,pass,mean_distance,variance_distance\n", as: "\(name)/batch_norm.csv")
    try scratch.write("", as: "\(name)/metrics.jsonl")
    try log(name, in: scratch, steps: steps)
    if steps > 0 { try scratch.write(picture, as: "\(name)/samples/step-000001.png") }
  }

  private static let columns = [
    "loss_self", "loss_generated", "loss_real", "loss_fake", "weight_generated", "weight_real",
    "weight_fake", "validity_generated", "validity_real", "validity_fake", "gradient_norm",
  ]

  /// Writes its `shards.csv` anew.
  static func log(_ name: String, in scratch: ScratchDirectory, steps: Int) throws {
    let values = columns.map { $0 == "gradient_norm" ? "" : "0.5" }
    let rows = (0..<steps * 2).map { ["\($0 / 2 + 1)", "\($0 % 2)"] + values }
    let lines = ([["step", "replica"] + columns] + rows).map { $0.joined(separator: ",") + "\n" }
    try scratch.write(lines.joined(), as: "\(name)/shards.csv")
  }
}
