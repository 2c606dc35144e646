import Foundation
import Kernels
import Testing

struct MachineTests {
  #if os(Linux) && arch(x86_64)
    @Test func theLevelIsTheHighestThatTheProcessorListsAllOf() throws {
      let text = try String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)
      let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("flags") })
      let flags = Set(line.split(separator: " ").map(String.init))
      let expected =
        flags.isSuperset(of: ["avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"])
        ? "x86-64-v4"
        : flags.isSuperset(of: ["avx2", "fma", "bmi1", "bmi2", "f16c", "movbe", "abm"])
          ? "x86-64-v3" : "baseline"
      #expect(Machine.instructionSet == expected)
    }
  #endif

  @Test func coresAndMemoryAreThoseOfTheOperatingSystem() throws {
    #expect(1...ProcessInfo.processInfo.processorCount ~= Machine.availableCores)
    #expect(Machine.memory == Int(ProcessInfo.processInfo.physicalMemory))
    let before = Machine.peakResidentBytes
    let block = UnsafeMutableRawPointer.allocate(byteCount: 64 << 20, alignment: 4096)
    defer { block.deallocate() }
    memset(block, 1, 64 << 20)
    #expect(before > 0 && Machine.peakResidentBytes >= max(before, 64 << 20))
  }
}
