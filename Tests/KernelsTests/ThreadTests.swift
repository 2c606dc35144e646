import Dispatch
import Foundation
import Kernels
import Synchronization
import TestSupport
import Testing

/// On how many threads oneDNN computes, whatever thread prepares its calls.
@Suite(.enabled(if: MatrixBackend.oneDNN.isPresent))
struct ThreadTests {
  /// A convolution and a product that are worth sharing.
  private static func calls(_ factory: KernelFactory) throws -> [KernelCall] {
    let shape = ConvolutionKernel(
      examples: 8, height: 32, width: 32, channels: 32, kernelHeight: 3, kernelWidth: 3,
      filters: 32, strideHeight: 1, strideWidth: 1, top: 1, left: 1, bottom: 1, right: 1)
    func memory() -> UnsafeMutablePointer<Float> {
      factory.allocate(count: 8 * 32 * 32 * 32)
    }
    let convolutions = try [ConvolutionForm.forward, .inputGradient, .kernelGradient].flatMap {
      let convolution = try factory.convolution(shape, $0, memory(), memory(), out: memory())
      return convolution.preparation + convolution.calls
    }
    return convolutions
      + (try factory.product(
        .plain, memory(), memory(), out: memory(), rows: 512, k: 512, n: 512))
  }

  /// How many threads have the name of the calling one, which those that it starts inherit.
  private static func namesakes() throws -> Int {
    let own = try String(contentsOfFile: "/proc/thread-self/comm", encoding: .utf8)
    let tasks = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")
    // A thread may end meanwhile.
    return tasks.count { task in
      (try? String(contentsOfFile: "/proc/self/task/\(task)/comm", encoding: .utf8)) == own
    }
  }

  /// Runs `body` on a thread that has never computed anything, and has a name of its own.
  private static func onFreshThread(
    _ name: String, _ body: @escaping @Sendable () throws -> Int
  ) throws -> Int {
    let result = Mutex<Result<Int, any Error>?>(nil)
    let done = DispatchSemaphore(value: 0)
    let thread = Thread {
      let outcome = Result {
        // In place, as the kernel wants it.
        let file = try #require(FileHandle(forWritingAtPath: "/proc/thread-self/comm"))
        try file.write(contentsOf: Data(name.utf8))
        try file.close()
        return try body()
      }
      result.withLock { $0 = outcome }
      done.signal()
    }
    thread.start()
    done.wait()
    return try #require(result.withLock { $0 }).get()
  }

  /// One, unless more are asked for: workers share the cores.
  @Test(arguments: [nil, 1, 2, 3])
  func callsPreparedOnAFreshThreadUseAsManyThreadsAsAskedFor(_ threads: Int?) throws {
    Machine.prepareProcess()
    let used = try Self.onFreshThread("selfgan-\(threads ?? 0)") {
      var libraries = KernelLibraries(.oneDNN)
      if let threads { libraries.threads = threads }
      let factory = try KernelFactory(libraries)
      for call in try Self.calls(factory) { #expect(call.run() == 0) }
      return try Self.namesakes()
    }
    #expect(used == threads ?? 1)
  }

  /// As a worker does: the calls are prepared on one thread, and run on another.
  @Test(arguments: [1, 2])
  func aWorkersThreadUsesAsMany(_ threads: Int) throws {
    Machine.prepareProcess()
    let libraries = KernelLibraries(
      products: .oneDNN, convolutions: .oneDNN, threads: threads)
    let factory = try KernelFactory(libraries)
    let calls = try Self.calls(factory)
    let used = try Self.onFreshThread("worker-\(threads)") {
      Machine.prepareThread(libraries)
      for call in calls { #expect(call.run() == 0) }
      return try Self.namesakes()
    }
    withExtendedLifetime(factory) { #expect(used == threads) }
  }
}
