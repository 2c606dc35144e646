import Program
import ProgramPasses

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
  private let states: [String: AlignedBuffer]
  private let byName: [String: Variable]

  /// Allocates the variables and gives them their initial values.
  package init(_ variables: [Variable], replicas: Range<Int>, seed: UInt64) {
    self.variables = variables
    self.replicas = replicas
    layout = ParameterLayout(variables)
    parameters = AlignedBuffer(count: layout.count)
    firstMoments = AlignedBuffer(count: layout.count)
    secondMoments = AlignedBuffer(count: layout.count)
    byName = Dictionary(uniqueKeysWithValues: variables.map { ($0.name, $0) })
    var states: [String: AlignedBuffer] = [:]
    for variable in variables where variable.role == .state {
      let copies = variable.type.distribution == .perReplica ? replicas.count : 1
      states[variable.name] = AlignedBuffer(count: copies * variable.type.shape.count)
    }
    self.states = states
    for variable in variables { write(variable.initialValues(seed: seed), to: variable.name) }
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

  /// Sets a variable, in every replica of this process or in one.
  package func write(_ values: [Float], to name: String, replica: Int? = nil) {
    guard let variable = byName[name] else { return }
    precondition(values.count == variable.type.shape.count, "\(name) has another size")
    let isOwn = variable.type.distribution == .perReplica
    for replica in replica.map({ [$0] }) ?? (isOwn ? Array(replicas) : [replicas.lowerBound]) {
      pointer(to: name, replica: replica)?.update(from: values, count: values.count)
    }
  }
}
