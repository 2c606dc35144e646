import RunFiles

extension ReplicaTable {
  /// The largest number of a step: the most that a configuration allows.
  private static let largestStep = 1 << 31
  /// The largest number of a replica: the most that a configuration allows, less one.
  static let largestReplica = 1023

  /// Reads a table. Columns are found by their names in the header; unknown ones are passed over.
  ///
  /// - Parameters:
  ///   - path: a file of at most 4 GiB.
  ///   - replicas: how many the run has, where that is known.
  /// - Throws: `RunAnalysisError` where there is no such file or no header with the columns that
  ///   say what a row is about. What is wrong behind that is in `problems`.
  package init(_ kind: RunTable, path: String, replicas: Int? = nil) throws(RunAnalysisError) {
    let file = try FileBytes(path: path)
    var parser: TableParser?
    let cutOff = file.forEachLine { number, line in
      if number > 1 {
        parser?.parse(line, number: number)
      } else {
        parser = TableParser(
          kind, header: line, file: file.name, steps: 0...Self.largestStep,
          replicas: 0...(replicas.map { $0 - 1 } ?? Self.largestReplica))
      }
    }
    guard var parser else {
      throw .noHeader(file: file.name, expected: TableParser.keys(of: kind))
    }
    parser.faults.noteCutOff(line: cutOff)
    self = parser.table()
  }
}

/// Reads a table line by line.
private struct TableParser {
  /// What a field of a line is.
  private enum Field {
    case step, replica, layer, pass
    case value(Int)
    case unknown
  }

  /// What a row is about; rows are sorted by it.
  private struct Key: Comparable {
    var (step, place, replica) = (0, 0, 0)

    static func < (left: Key, right: Key) -> Bool {
      (left.step, left.place, left.replica) < (right.step, right.place, right.replica)
    }
  }

  private let kind: RunTable
  private let stepRange: ClosedRange<Int>
  private let replicaRange: ClosedRange<Int>
  private let fields: [Field]
  private let valueColumns: [String]
  private let missing: [String]
  private let file: String
  var faults: LineFaults

  private var keys: [Key] = []
  private var lineNumbers: [Int] = []
  private var columns: [[Double]]
  private var row: [Double]
  private var places: [ReplicaTable.Place] = []
  private var placeIndices: [ReplicaTable.Place: Int] = [:]
  /// The text of the last row's place, which the next one mostly shares.
  private var lastLayer: [UInt8] = []
  private var lastPass: [UInt8] = []

  /// The columns without which a row says nothing.
  static func keys(of kind: RunTable) -> [String] {
    kind.columns.filter { ["step", "replica", "layer", "pass"].contains($0) }
  }

  /// Longer than any header of a run's table.
  private static let longestHeader = 1 << 16

  /// Nil where the header has not the columns that a row needs.
  init?(
    _ kind: RunTable, header: Span<UInt8>, file: String, steps: ClosedRange<Int>,
    replicas: ClosedRange<Int>
  ) {
    guard header.count <= Self.longestHeader else { return nil }
    let names = header.text.split(separator: ",", omittingEmptySubsequences: false)
      .map(String.init)
    let keys = Self.keys(of: kind)
    guard keys.allSatisfy(names.contains) else { return nil }
    let expected = kind.columns.filter { !keys.contains($0) }
    let valueColumns = expected.filter(names.contains)
    var seen: Set<String> = []
    fields = names.map { name in
      // Of two columns with one name, the first counts.
      guard seen.insert(name).inserted else { return .unknown }
      return switch name {
      case "step": .step
      case "replica": .replica
      case "layer" where keys.contains("layer"): .layer
      case "pass" where keys.contains("pass"): .pass
      default: valueColumns.firstIndex(of: name).map(Field.value) ?? .unknown
      }
    }
    (self.kind, self.file, stepRange, replicaRange) = (kind, file, steps, replicas)
    self.valueColumns = valueColumns
    missing = expected.filter { !names.contains($0) }
    faults = LineFaults(file: file)
    columns = Array(repeating: [], count: valueColumns.count)
    row = Array(repeating: 0, count: valueColumns.count)
  }

  /// Takes in a line, or notes what is wrong with it.
  mutating func parse(_ line: Span<UInt8>, number: Int) {
    var (key, start) = (Key(), 0)
    var (layer, pass) = (0..<0, 0..<0)
    for index in fields.indices {
      let isLast = index + 1 == fields.count
      let comma = line.firstIndex(of: UInt8(ascii: ","), from: start)
      guard isLast == (comma == nil) else {
        return faults.add(.fieldCount(expected: fields.count), line: number)
      }
      let range = start..<(comma ?? line.count)
      start = range.upperBound + 1
      switch fields[index] {
      case .step:
        guard let step = integer(line.extracting(range), in: stepRange) else {
          return faults.add(.noStep(stepRange), line: number)
        }
        key.step = step
      case .replica:
        guard let replica = integer(line.extracting(range), in: replicaRange) else {
          return faults.add(.noReplica(replicaRange), line: number)
        }
        key.replica = replica
      case .layer: layer = range
      case .pass: pass = range
      case .value(let column):
        if range.isEmpty {
          row[column] = ReplicaTable.notMeasured
        } else if let value = decimalNumber(line.extracting(range)) {
          row[column] = value
        } else {
          return faults.add(.noNumber, line: number)
        }
      case .unknown: break
      }
    }
    key.place = place(line.extracting(layer), line.extracting(pass))
    keys.append(key)
    lineNumbers.append(number)
    for column in row.indices { columns[column].append(row[column]) }
  }

  private mutating func place(_ layer: Span<UInt8>, _ pass: Span<UInt8>) -> Int {
    if let last = keys.last, layer.isEqual(to: lastLayer), pass.isEqual(to: lastPass) {
      return last.place
    }
    (lastLayer, lastPass) = (layer.bytes, pass.bytes)
    let place = ReplicaTable.Place(layer: layer.text, pass: pass.text)
    let index = placeIndices[place] ?? places.count
    if index == places.count {
      places.append(place)
      placeIndices[place] = index
    }
    return index
  }

  /// All that was read, sorted; of rows about the same, the first in the file is kept.
  mutating func table() -> ReplicaTable {
    let isSorted = zip(keys, keys.dropFirst()).allSatisfy { $0 < $1 }
    if !isSorted { sortRows() }
    return ReplicaTable(
      kind: kind, steps: keys.map(\.step), replicas: keys.map(\.replica),
      placeIndices: keys.map(\.place), places: places,
      values: Dictionary(uniqueKeysWithValues: zip(valueColumns, columns)),
      problems: missing.map { "\(file): the column \($0) is missing" } + faults.sentences)
  }

  private mutating func sortRows() {
    for row in keys.indices.dropFirst() where keys[row].step < keys[row - 1].step {
      faults.add(.backwards, line: lineNumbers[row])
    }
    let sorted = keys.indices.sorted { (keys[$0], $0) < (keys[$1], $1) }
    var kept: [Int] = []
    for row in sorted {
      if let last = kept.last, keys[last] == keys[row] {
        faults.add(.repeated, line: lineNumbers[row])
      } else {
        kept.append(row)
      }
    }
    columns = columns.map { column in kept.map { column[$0] } }
    keys = kept.map { keys[$0] }
  }
}
