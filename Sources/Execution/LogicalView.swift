import Kernels
import Program
import ProgramPasses

/// A value in memory as its program sees it, axis by axis, with the replica axis beside.
struct LogicalView {
  var pointer: UnsafeMutablePointer<Float>
  var dimensions: [Int]
  var strides: [Int]
  /// The distance from one replica's element to the next one's; 0 where all share the value.
  var replicaStride: Int

  /// A value of `shape` that lies densely as [outer.., width, inner..], or as [shape] where `width`
  /// is nil.
  init(_ pointer: UnsafeMutablePointer<Float>, _ shape: Shape, outer: Int, width: Int?) {
    self.pointer = pointer
    dimensions = shape.dimensions
    strides = []
    replicaStride = 0
    var stride = 1
    let axis = replicaAxis(outer, shape)
    if width != nil, axis == shape.rank { replicaStride = stride }
    if let width, axis == shape.rank { stride *= width }
    for position in shape.dimensions.indices.reversed() {
      strides.insert(stride, at: 0)
      stride *= shape[position]
      if let width, position == axis {
        replicaStride = stride
        stride *= width
      }
    }
  }

  /// As a tensor of the kernels, with the replica axis, of `width`, before `axis`; without it where
  /// `axis` is nil.
  func tensor(replicaAxis axis: Int?, width: Int) -> StridedTensor {
    var (dimensions, strides) = (dimensions, strides)
    if let axis {
      dimensions.insert(width, at: axis)
      strides.insert(replicaStride, at: axis)
    }
    return StridedTensor(pointer: pointer, dimensions: dimensions, strides: strides)
  }

  /// Stretched to `shape`: repeated axes have stride 0.
  func broadcast(to shape: Shape) -> LogicalView {
    let offset = shape.rank - dimensions.count
    var view = self
    view.dimensions = shape.dimensions
    view.strides = shape.dimensions.indices.map { axis in
      axis < offset || (dimensions[axis - offset] == 1 && shape[axis] != 1)
        ? 0 : strides[axis - offset]
    }
    return view
  }

  func slice(from: [Int], dimensions: [Int]) -> LogicalView {
    var view = self
    view.pointer += zip(from, strides).reduce(0) { $0 + $1.0 * $1.1 }
    view.dimensions = dimensions
    return view
  }

  func transposed(_ permutation: [Int]) -> LogicalView {
    var view = self
    view.dimensions = permutation.map { dimensions[$0] }
    view.strides = permutation.map { strides[$0] }
    return view
  }

  func replica(_ index: Int) -> LogicalView {
    var view = self
    view.pointer += index * replicaStride
    return view
  }
}
