import Program
import ProgramPasses

/// Memory for parameters and Adam's moments that several processes use together.
package struct ParameterMemory {
  package let parameters: AlignedBuffer
  package let firstMoments: AlignedBuffer
  package let secondMoments: AlignedBuffer
  /// Whether this process is the one that sets parameters for all.
  package let isWriter: Bool

  package init(
    parameters: AlignedBuffer, firstMoments: AlignedBuffer, secondMoments: AlignedBuffer,
    isWriter: Bool
  ) {
    self.parameters = parameters
    self.firstMoments = firstMoments
    self.secondMoments = secondMoments
    self.isWriter = isWriter
  }
}

/// The variables' memory in one process, outside any arena: training, sampling and checking
/// programs share it.
///
/// Parameters and Adam's moments lie in three flat buffers of one layout; a per-replica variable
/// has one block for the process's replicas, in their order. Who may write when is the executor's
/// business; the store only owns the memory.
package final class VariableStore: @unchecked Sendable {
  package let variables: [Variable]
  /// The replicas of this process.
  package let replicas: Range<Int>
  package let layout: ParameterLayout
  package let parameters: AlignedBuffer
  package let firstMoments: AlignedBuffer
  package let secondMoments: AlignedBuffer
  private let setsParameters: Bool
  private let states: [String: AlignedBuffer]
  private let byName: [String: Variable]

  /// Allocates the variables and gives them their initial values.
  ///
  /// - Parameter shared: memory for the parameters that others use, too; nil takes memory of its own.
  package init(
    _ variables: [Variable], replicas: Range<Int>, seed: UInt64, shared: ParameterMemory? = nil
  ) {
    self.variables = variables
    self.replicas = replicas
    layout = ParameterLayout(variables)
    parameters = shared?.parameters ?? AlignedBuffer(count: layout.count)
    firstMoments = shared?.firstMoments ?? AlignedBuffer(count: layout.count)
    secondMoments = shared?.secondMoments ?? AlignedBuffer(count: layout.count)
    setsParameters = shared?.isWriter ?? true
    byName = Dictionary(uniqueKeysWithValues: variables.map { ($0.name, $0) })
    var states: [String: AlignedBuffer] = [:]
    for variable in variables where variable.role == .state {
      let copies = variable.type.distribution == .perReplica ? replicas.count : 1
      states[variable.name] = AlignedBuffer(count: copies * variable.type.shape.count)
    }
    self.states = states
    for variable in variables where variable.role == .state || setsParameters {
      write(variable.initialValues(seed: seed), to: variable.name)
    }
  }

  /// Where a variable lies; a per-replica one from `replica` on.
  package func pointer(to name: String, replica: Int) -> UnsafeMutablePointer<Float>? {
    if let offset = layout.offsets[name] { return parameters.pointer + offset }
    guard let variable = byName[name], let state = states[name] else { return nil }
    let isOwn = variable.type.distribution == .perReplica
    return state.pointer + (isOwn ? (replica - replicas.lowerBound) * variable.type.shape.count : 0)
  }

  /// A copy of a variable's values, of one replica where each has its own.
  package func read(_ name: String, replica: Int? = nil) -> [Float] {
    guard let variable = byName[name],
      let pointer = pointer(to: name, replica: replica ?? replicas.lowerBound)
    else { return [] }
    return Array(UnsafeBufferPointer(start: pointer, count: variable.type.shape.count))
  }

  /// A copy of one of Adam's moments of a parameter.
  package func read(_ moment: Moment, of name: String) -> [Float] {
    guard let offset = layout.offsets[name], let count = byName[name]?.type.shape.count else {
      return []
    }
    return Array(UnsafeBufferPointer(start: moments(moment).pointer + offset, count: count))
  }

  /// Sets one of Adam's moments of a parameter, in the process that sets parameters for all.
  package func write(_ values: [Float], to moment: Moment, of name: String) {
    guard let offset = layout.offsets[name], setsParameters else { return }
    precondition(values.count == byName[name]?.type.shape.count, "\(name) has another size")
    (moments(moment).pointer + offset).update(from: values, count: values.count)
  }

  private func moments(_ moment: Moment) -> AlignedBuffer {
    moment == .first ? firstMoments : secondMoments
  }

  /// Sets a variable, in every replica of this process or in one; a shared parameter only in the
  /// process that sets it for all.
  package func write(_ values: [Float], to name: String, replica: Int? = nil) {
    guard let variable = byName[name], variable.role == .state || setsParameters else { return }
    precondition(values.count == variable.type.shape.count, "\(name) has another size")
    let isOwn = variable.type.distribution == .perReplica
    for replica in replica.map({ [$0] }) ?? (isOwn ? Array(replicas) : [replicas.lowerBound]) {
      pointer(to: name, replica: replica)?.update(from: values, count: values.count)
    }
  }
}
