import Kernels
import Program

extension VariableStore {
  /// The first variable that has an infinity or a NaN, of the parameters, each with its moments, and
  /// the states of this process's replicas, in the order of declaration; nil where all are finite.
  ///
  /// Between steps: nobody writes meanwhile.
  ///
  /// - Complexity: O(floats), as fast as the memory is read; nothing is allocated where all are finite.
  package var firstNonFinite: NonFiniteOrigin? {
    for (index, variable) in variables.enumerated() {
      let count = variable.type.shape.count
      func found(_ start: UnsafePointer<Float>?, _ replica: Int?, _ moment: Moment?)
        -> NonFiniteOrigin?
      {
        let values = UnsafeBufferPointer(start: start, count: start == nil ? 0 : count)
        guard let element = values.firstNonFinite else { return nil }
        return NonFiniteOrigin(
          position: .before(variable: index), replicas: replica.map { $0..<($0 + 1) },
          layer: variable.layer, operation: nil, value: variable.name(of: moment),
          shape: variable.type.shape.dimensions, element: element, number: values[element],
          line: "", largestInput: nil)
      }
      if let offset = layout.offsets[variable.name] {
        if let origin = found(parameters.pointer + offset, nil, nil)
          ?? found(firstMoments.pointer + offset, nil, .first)
          ?? found(secondMoments.pointer + offset, nil, .second)
        {
          return origin
        }
      } else if variable.type.distribution == .perReplica {
        for replica in replicas {
          let start = pointer(to: variable.name, replica: replica)
          if let origin = found(start, replica, nil) { return origin }
        }
      } else if let origin = found(
        pointer(to: variable.name, replica: replicas.lowerBound), nil, nil)
      {
        return origin
      }
    }
    return nil
  }
}

/// One of Adam's moments.
package enum Moment: String, CaseIterable {
  case first, second
}

extension Variable {
  /// What a moment of the parameter is called; of nil, the variable itself.
  func name(of moment: Moment?) -> String {
    moment.map { "adam/\($0.rawValue)_moment/\(name)" } ?? name
  }

  /// The layer that it belongs to: `generator/dense_0` of `generator/dense_0/kernel`.
  var layer: String {
    name.lastIndex(of: "/").map { String(name[..<$0]) } ?? ""
  }
}
