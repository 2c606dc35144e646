import Kernels

/// One process's end of a group of processes, and what they say to one another between steps.
///
/// Every operation is collective: all participants call the same ones in the same order. An
/// operation that not all join within the group's time-out throws in all that did, and the group
/// stays broken from then on, so that a failure ends a job instead of hanging it.
package protocol Communicator: AnyObject, Sendable {
  /// The index of this participant.
  var participant: Int { get }
  /// All of them, as errors name them.
  var participants: [CommunicationError.Participant] { get }

  /// Returns once all participants have arrived; what each wrote before is then visible to all.
  ///
  /// - Throws: `CommunicationError.timedOut` naming those that did not arrive, `aborted` when a participant gave up.
  func barrier(_ operation: StaticString, step: Int) throws(CommunicationError)

  /// The bytes of participant `root`, in all.
  func broadcast(
    _ bytes: [UInt8], from root: Int, step: Int
  ) throws(CommunicationError) -> [UInt8]

  /// The bytes of all participants, in their order; nil in all but `root`. Lengths may differ.
  func gather(
    _ bytes: [UInt8], to root: Int, step: Int
  ) throws(CommunicationError) -> [[UInt8]]?

  /// Adds the partial sums of all participants along the `ReductionTree` over all replicas, and
  /// leaves the same bits in everyone's `sum`.
  ///
  /// - Parameters:
  ///   - partials: subtrees over replicas of this participant, in order; all of one length.
  ///   - sum: a buffer of that length, apart from all partial sums.
  func allReduce(
    _ partials: [PartialSum], into sum: UnsafeMutableBufferPointer<Float>, step: Int
  ) throws(CommunicationError)

  /// Ends the group: everyone who waits, or comes to wait, throws `CommunicationError.aborted`. The
  /// first reason stays.
  func abort(reason: String)
}

extension Communicator {
  /// The number of participants.
  package var count: Int { participants.count }

  /// The values of all participants, one after another; nil in all but `root`.
  package func gather<Element: BitwiseCopyable>(
    _ values: [Element], to root: Int, step: Int
  ) throws(CommunicationError) -> [[Element]]? {
    try gather(values.withUnsafeBytes { Array($0) }, to: root, step: step)?.map {
      [Element](bytes: $0)
    }
  }

  /// The values of participant `root`, in all.
  package func broadcast<Element: BitwiseCopyable>(
    _ values: [Element], from root: Int, step: Int
  ) throws(CommunicationError) -> [Element] {
    [Element](
      bytes: try broadcast(values.withUnsafeBytes { Array($0) }, from: root, step: step))
  }
}

extension Array where Element: BitwiseCopyable {
  /// The elements whose memory the bytes are.
  fileprivate init(bytes: [UInt8]) {
    let count = bytes.count / MemoryLayout<Element>.stride
    self.init(unsafeUninitializedCapacity: count) { values, initialized in
      bytes.withUnsafeBytes { source in
        UnsafeMutableRawBufferPointer(values).copyMemory(
          from: UnsafeRawBufferPointer(rebasing: source[..<(count * MemoryLayout<Element>.stride)]))
      }
      initialized = count
    }
  }
}

/// The sum of a value over some replicas. It does not own its memory.
package struct PartialSum: @unchecked Sendable {
  /// The replicas below one node of the `ReductionTree`.
  package let replicas: Range<Int>
  package let values: UnsafeBufferPointer<Float>

  package init(replicas: Range<Int>, values: UnsafeBufferPointer<Float>) {
    self.replicas = replicas
    self.values = values
  }
}

extension KernelFactory {
  /// For additions along the tree, by the kernel that steps use.
  static func forSums() throws(CommunicationError) -> KernelFactory {
    do { return try KernelFactory(KernelLibraries(.openBLAS)) } catch {
      throw .library(operation: "all-reduce", detail: "\(error)")
    }
  }

  /// out[i] = Σ partials[i] along the tree, for i in `range`.
  ///
  /// - Parameter partials: of all participants, in the order of their replicas; at least one.
  func sum(
    of partials: [PartialSum], _ range: Range<Int>, into out: UnsafeMutablePointer<Float>
  ) -> KernelCall {
    let replicas = partials.map(\.replicas)
    let tree = ReductionTree(count: replicas.last?.upperBound ?? 1)
    return sumTree(
      partials.compactMap { $0.values.baseAddress.map { $0 + range.lowerBound } },
      merges: tree.merges(of: replicas), out: out + range.lowerBound, count: range.count)
  }
}
