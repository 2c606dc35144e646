import Foundation
import TensorBoard
import TestSupport
import Testing

struct EventFileWriterTests {
  private let scratch: ScratchDirectory

  init() throws { scratch = try ScratchDirectory() }

  private func writer(
    host: String = "host", wallTime: Double = 1_700_000_000.75, firstStep: Int = 0
  ) throws -> EventFileWriter {
    try EventFileWriter(
      directory: scratch.file("events"), host: host, wallTime: wallTime, firstStep: firstStep)
  }

  private func events(of writer: EventFileWriter) throws -> [WireMessage] {
    try RecordReader.records(ofFile: writer.path).map { try WireMessage($0) }
  }

  @Test(arguments: [
    (1_700_000_000.75, "node-1", "1700000000.node-1"), (12, "a.b/../c d", "0000000012.a_b____c_d"),
    (-.infinity, "ä", "0000000000._"), (1e300, "", "9999999999."), (.nan, "x", "0000000000.x"),
  ])
  func nameHasTimeHostAndProcess(wallTime: Double, host: String, middle: String) throws {
    let writer = try writer(host: host, wallTime: wallTime)
    #expect(
      writer.path
        == scratch.file("events") + "/events.out.tfevents.\(middle).\(getpid()).0")
  }

  @Test func writersOfTheSameSecondHaveFilesOfTheirOwn() throws {
    let (first, second) = (try writer(), try writer())
    try first.append([.scalar(tag: "a", 1)], step: 1, wallTime: 0)
    #expect(try events(of: first).count == 3)
    #expect(try events(of: second).count == 2)
    #expect(try scratch.names(in: "events").count == 2)
  }

  @Test(arguments: [0, 400])
  func fileBeginsWithItsVersionAndItsFirstStep(firstStep: Int) throws {
    let events = try events(of: try writer(firstStep: firstStep))
    #expect(events.map { $0.all(1) } == [[.double(1_700_000_000.75)], [.double(1_700_000_000.75)]])
    #expect(events.map { $0.all(3) } == [[.text("brain.Event:2")], []])
    try expectStart(events[1], step: firstStep)
  }

  @Test func restartIsAStartOfItsStep() throws {
    let writer = try writer()
    try writer.restart(step: 7, wallTime: 5)
    let event = try #require(try events(of: writer).last)
    #expect(event.all(1) == [.double(5)])
    try expectStart(event, step: 7)
  }

  /// Field 7 is the session's log, whose status START is 1; a step of 0 is not written.
  private func expectStart(_ event: WireMessage, step: Int) throws {
    #expect(event.all(2) == (step == 0 ? [] : [.number(UInt64(step))]))
    #expect(try event.messages(7).map { $0.all(1) } == [[.number(1)]])
  }

  @Test func valuesOfAStepAreOneRecordThatIsReadableAtOnce() throws {
    let writer = try writer()
    for step in 1...3 {
      try writer.append(
        [.scalar(tag: "a", Double(step) / 4), .text(tag: "b", "*\(step)*")], step: step,
        wallTime: 10 + Double(step))
      let events = try events(of: writer)
      #expect(events.count == 2 + step)
      let event = try #require(events.last)
      #expect(event.numbers == [1, 2, 5])
      #expect(event.all(1) == [.double(10 + Double(step))])
      #expect(event.all(2) == [.number(UInt64(step))])
      let values = try #require(try event.messages(5).first).messages(1)
      #expect(values.map { $0.all(1) } == [[.text("a")], [.text("b")]])
      #expect(values[0].all(2) == [.float(Float(step) / 4)])
      #expect(try values[1].messages(8).map { $0.all(8) } == [[.text("*\(step)*")]])
    }
  }

  @Test func closedFileIsCompleteAndTakesNothingMore() throws {
    let writer = try writer()
    try writer.append([.scalar(tag: "a", 1)], step: 1, wallTime: 0)
    try writer.flush()
    try writer.close()
    try writer.close()
    #expect(try events(of: writer).count == 3)
    #expect(throws: EventFileError.self) {
      try writer.append([.scalar(tag: "a", 2)], step: 2, wallTime: 0)
    }
    #expect(try events(of: writer).count == 3)
  }

  @Test func directoryThatCannotBeMadeIsNamed() throws {
    let path = scratch.file("missing/events")
    #expect(
      throws: EventFileError.cannotCreate(path: path, reason: "No such file or directory")
    ) {
      try EventFileWriter(directory: path, host: "host", wallTime: 0, firstStep: 0)
    }
  }

  @Test func fileInPlaceOfTheDirectoryIsNamed() throws {
    try scratch.write("", as: "events")
    let error = #expect(throws: EventFileError.self) { try writer() }
    #expect(error?.description.hasPrefix(scratch.file("events") + "/events.out.") == true)
    #expect(error?.description.hasSuffix(": cannot be created: Not a directory") == true)
  }

  @Test func fullDiskIsSaidWithTheFilesName() throws {
    let file = RecordFile(path: "/dev/full", descriptor: open("/dev/full", O_WRONLY))
    #expect(
      throws: EventFileError.cannotWrite(path: "/dev/full", reason: "No space left on device")
    ) { try file.append([1, 2, 3]) }
  }
}
