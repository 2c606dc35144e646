import Kernels
import Program
import ProgramPasses

/// Does one worker's share of what happens between the segments of a plan: adds the partial sums of
/// all groups along the tree, and lets Adam take them.
package final class ReductionExecutor {
  private let rounds: [CallList]
  private let factory: KernelFactory

  /// - Parameters:
  ///   - partials: the reduction buffers of all groups, in the order of their replicas.
  ///   - merges: the additions that follow each partial sum (`ReductionTree`).
  ///   - share: which of how many equal stretches of each sweep this worker does.
  ///   - replicas: how many replicas there are in all.
  package init(
    _ plan: ExecutionPlan, partials: [AlignedBuffer], merges: [Int32],
    share: (index: Int, count: Int), replicas: Int, store: VariableStore, reduced: AlignedBuffer,
    step: UnsafePointer<Int64>
  ) throws(ExecutionError) {
    let factory: KernelFactory
    do { factory = try KernelFactory(KernelLibraries(.openBLAS)) } catch {
      throw .kernel(error, operation: "all_reduce", layer: "")
    }
    rounds = plan.rounds.map { sweeps in
      CallList(
        sweeps.compactMap { sweep in
          let range = Self.stretch(share.index, of: share.count, in: sweep.range)
          if range.isEmpty { return nil }
          let at = range.lowerBound
          let scale = sweep.reduction == .mean ? 1 / Float(replicas) : 1
          let sources = partials.map { UnsafePointer($0.pointer + at) }
          let stored = sweep.stores ? reduced.pointer + at : nil
          if let adam = sweep.adam {
            return (
              factory.adam(
                adam.kernel, partials: sources, merges: merges, scale: scale, stored: stored,
                parameters: store.parameters.pointer + at,
                firstMoments: store.firstMoments.pointer + at,
                secondMoments: store.secondMoments.pointer + at, count: range.count, step: step),
              CallOrigin(layer: "parameters", operation: "adam")
            )
          }
          return (
            factory.sumTree(
              sources, merges: merges, out: reduced.pointer + at, count: range.count, scale: scale),
            CallOrigin(layer: "", operation: "all_reduce")
          )
        })
    }
    self.factory = factory
  }

  /// As `GroupExecutor.startProfile`.
  package func startProfile() { for round in rounds { round.startProfile() } }

  package var profile: [CallTime] { CallTime.merged(rounds.flatMap(\.times)) }

  package func run(round: Int) throws(ExecutionError) { try rounds[round].run() }

  /// Stretch `index` of `count` nearly equal ones, each starting at a multiple of the alignment.
  private static func stretch(_ index: Int, of count: Int, in range: Range<Int>) -> Range<Int> {
    let units = range.count / ParameterLayout.alignment
    let bound = { (index: Int) in
      range.lowerBound + units * index / count * ParameterLayout.alignment
    }
    return bound(index)..<bound(index + 1)
  }
}
