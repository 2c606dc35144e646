import Foundation
import FuzzTargets

/// The target that the environment names.
private let target: FuzzTarget = {
  let name = ProcessInfo.processInfo.environment["FUZZ_TARGET"] ?? ""
  guard let target = FuzzTarget.all.first(where: { $0.name == name }) else {
    let names = FuzzTarget.all.map(\.name).joined(separator: ", ")
    let sentence = "FUZZ_TARGET is \"\(name)\", expected one of \(names)\n"
    FileHandle.standardError.write(Data(sentence.utf8))
    exit(64)
  }
  return target
}()

/// What libFuzzer calls, over and over, with what it has made up.
@_cdecl("LLVMFuzzerTestOneInput")
func readWhatTheFuzzerMadeUp(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  target.tryToRead(Array(UnsafeBufferPointer(start: start, count: count)))
  return 0
}
