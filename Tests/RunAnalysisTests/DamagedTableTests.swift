import Foundation
import RunAnalysis
import TestSupport
import Testing

/// What the reader says of damaged tables, and what it still takes from them.
@Suite struct DamagedTableTests {
  struct Damage: CustomTestStringConvertible, Sendable {
    let text: String
    let sentence: String
    /// The values that are left.
    let values: [Double]
    var testDescription: String { sentence }
  }

  private static let missingColumns =
    """
    loss_generated loss_real loss_fake weight_generated weight_real weight_fake \
    validity_generated validity_real validity_fake gradient_norm
    """
    .split(separator: " ").map { "shards.csv: the column \($0) is missing" }

  @Test(arguments: [
    Damage(
      text: RunFolder.table("1,0,2", "2,0,3") + "3,0,0.3",
      sentence: "line 4 is cut off; the 3 lines before it are used", values: [2, 3]),
    Damage(
      text: "step,replica,loss_self\n1", sentence: "line 2 is cut off; the line before it is used",
      values: []),
    Damage(
      text: RunFolder.table("1,0,2", "2,0", "3,0,4,5", "", "5,0,6"),
      sentence: "line 3 and 2 others have not the header's 3 fields; they are left out",
      values: [2, 6]),
    Damage(
      text: RunFolder.table("1,0,2", "two,0,3"),
      sentence: "line 3 has no step from 0 to 2147483648; it is left out", values: [2]),
    Damage(
      text: RunFolder.table("1,0,2", "99999999999999999999999,0,3"),
      sentence: "line 3 has no step from 0 to 2147483648; it is left out", values: [2]),
    Damage(
      text: RunFolder.table("1,0,2", "1,8,3", "1,-1,3"),
      sentence: "line 3 and 1 other have no replica from 0 to 7; they are left out", values: [2]),
    Damage(
      text: RunFolder.table("1,0,2", "2,0,0x10", "3,0,1e", "4,0,.", "5,0,1 "),
      sentence:
        "line 3 and 3 others have something else where a number should be; they are left out",
      values: [2]),
    Damage(
      text: RunFolder.table("1,0,2", "2,0,\(String(repeating: "1", count: 2000))"),
      sentence: "line 3 has something else where a number should be; it is left out", values: [2]),
    Damage(
      text: RunFolder.table("1,0,2", "1,1,3", "1,0,4"),
      sentence: "line 4 repeats what an earlier line is about; it is left out", values: [2, 3]),
    Damage(
      text: RunFolder.table("5,0,2", "3,0,1", "7,0,3"),
      sentence:
        "line 3 goes back to an earlier step; lines are taken in the order of their steps",
      values: [1, 2, 3]),
    Damage(
      text: RunFolder.table("1,0,2", String(repeating: "\0", count: 100)),
      sentence: "line 3 has not the header's 3 fields; it is left out", values: [2]),
  ])
  func saysWhatIsDamagedAndUsesTheRest(_ damage: Damage) throws {
    let table = try RunFolder(["shards.csv": damage.text]).shards(replicas: 8)
    #expect(table.problems == Self.missingColumns + ["shards.csv: \(damage.sentence)"])
    #expect(table["loss_self"] == damage.values)
  }

  @Test(arguments: [
    "", "\n", "step,replica,loss_self", "time,replica,loss_self\n1,0,2\n",
    String(repeating: "\0", count: 10_000), String(repeating: "x", count: 100_000) + "\n1,0,2\n",
  ])
  func refusesATableWithoutHeader(_ text: String) throws {
    let folder = try RunFolder(["shards.csv": text])
    #expect(
      throws: RunAnalysisError.noHeader(file: "shards.csv", expected: ["step", "replica"])
    ) { try folder.shards() }
  }

  @Test func refusesWhatIsNoFile() throws {
    let scratch = try ScratchDirectory()
    let directory = scratch.file("shards.csv")
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    #expect(
      throws: RunAnalysisError.unreadable(
        file: "shards.csv", reason: "it is not a regular file")
    ) { try ReplicaTable(.shards, path: directory) }
    #expect(throws: RunAnalysisError.missing(file: "gradients.csv")) {
      try ReplicaTable(.gradients, path: scratch.file("gradients.csv"))
    }
  }

  @Test func refusesWhatIsTooBigWithoutReadingIt() throws {
    let folder = try RunFolder(["shards.csv": ""])
    let limit = 4 << 30
    #expect(truncate(folder.path + "/shards.csv", limit + 1) == 0)
    #expect(throws: RunAnalysisError.tooBig(file: "shards.csv", limit: limit)) {
      try folder.shards()
    }
  }

  /// Cuts and changed bytes at random places: whatever is read can be summarised, and written as JSON.
  @Test func survivesEveryCutAndEveryChangedByte() throws {
    var random = SeededNumbers(seed: 1)
    let original = try [UInt8](
      Data(contentsOf: URL(filePath: "\(Goldens.path)/classic/shards.csv")))
    let folder = try RunFolder([:])
    for round in 0..<500 {
      var bytes = original
      if round % 2 == 0 {
        bytes.removeLast(Int.random(in: 1..<bytes.count, using: &random))
      } else {
        for _ in 0..<3 {
          bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(
            in: 0...255, using: &random)
        }
      }
      try folder.scratch.write(bytes, as: "shards.csv")
      let archive = try folder.archive()
      let rows = archive.shards?.count ?? 0
      // No row is lost without a sentence, but for a cut between two lines.
      let isCutBetweenLines = round % 2 == 0 && bytes.last == UInt8(ascii: "\n")
      #expect(rows == 20 || isCutBetweenLines || archive.shards?.problems.isEmpty != true)
      if rows > 0 { _ = try JSONEncoder().encode(ShardSummary(archive)) }
    }
  }
}
