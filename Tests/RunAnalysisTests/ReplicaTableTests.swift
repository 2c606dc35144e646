import Foundation
import RunAnalysis
import Testing

/// What the reader takes from sound tables.
@Suite struct ReplicaTableTests {
  @Test func readsEveryNumberAsPythonDoes() throws {
    let numbers = try #require(try Goldens.json("numbers.json") as? [[String]])
    let lines = numbers.enumerated().map { "\($0),0,\($1[0])" }
    let folder = try RunFolder([
      "shards.csv": RunFolder.table(lines.joined(separator: "\n"))
    ])
    let table = try folder.shards()
    let values = try #require(table["loss_self"])
    #expect(values.count == numbers.count)
    for (value, number) in zip(values, numbers) {
      #expect(value.bitPattern == UInt64(number[1], radix: 16), "\(number[0])")
    }
  }

  @Test func tellsWhatWasNotMeasuredFromWhatIsNoNumber() throws {
    let folder = try RunFolder([
      "shards.csv": RunFolder.table("1,0,", "2,0,nan", "3,0,-nan", "4,0,inf", "5,0,-inf", "6,0,1")
    ])
    let values = try #require(try folder.shards()["loss_self"])
    #expect(values.map(ReplicaTable.isMeasured) == [false, true, true, true, true, true])
    #expect(values[1].isNaN && values[2].isNaN)
    #expect(Array(values[3...]) == [.infinity, -.infinity, 1])
  }

  @Test func findsColumnsByTheirNames() throws {
    let folder = try RunFolder([
      "shards.csv": "mood,loss_real,replica,step,loss_self\nfine,2,0,1,3\nhigh,5,1,1,6\n"
    ])
    let table = try folder.shards()
    #expect(table.columns == ["loss_self", "loss_real"])
    #expect(table["loss_real"] == [2, 5])
    #expect(table["loss_self"] == [3, 6])
    #expect(table["mood"] == nil)
    #expect(table.replicas == [0, 1])
  }

  @Test func keepsBatchNormsAndPassesApart() throws {
    let folder = try RunFolder([
      "batch_norm.csv": """
      step,replica,layer,pass,mean_distance,variance_distance
      1,0,generator/batch_norm_0,,0.1,0.2
      1,1,generator/batch_norm_0,,0.3,0.4
      1,0,discriminator/batch_norm_0,real,0.5,0.6
      1,1,discriminator/batch_norm_0,real,0.7,0.8

      """
    ])
    let table = try ReplicaTable(.batchNorm, path: folder.path + "/batch_norm.csv")
    #expect(table.problems.isEmpty)
    #expect(table.places.map(\.layer) == ["generator/batch_norm_0", "discriminator/batch_norm_0"])
    #expect(table.places.map(\.pass) == ["", "real"])
    #expect(table.placeIndices == [0, 0, 1, 1])
    #expect(table["mean_distance"] == [0.1, 0.3, 0.5, 0.7])
    #expect(table.rowsOfSteps.map(\.rows) == [0..<4])
  }

  @Test func readsLinesThatEndAsOnOtherSystems() throws {
    let folder = try RunFolder(["shards.csv": "step,replica,loss_self\r\n1,0,2\r\n"])
    #expect(try folder.shards()["loss_self"] == [2])
  }
}
