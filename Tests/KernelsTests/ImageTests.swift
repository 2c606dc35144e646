import Kernels
import TestSupport
import Testing

/// Kernels of images against the reference.
struct ImageTests {
  static let channels = [1, 3, 16, 21]
  /// (from, to) extents.
  static let resizes: [(from: [Int], to: [Int])] = [
    ([1, 1], [3, 2]), ([2, 3], [4, 6]), ([7, 5], [5, 7]), ([8, 8], [28, 28]),
    ([28, 28], [32, 32]), ([6, 9], [1, 1]),
  ]

  @Test(arguments: resizes, channels)
  func resizingAgreesWithTheReference(size: (from: [Int], to: [Int]), channels: Int) throws {
    for method in [ResizeKernel.nearest, .bilinear] {
      let bench = try Workbench()
      var numbers = SeededNumbers(seed: channels)
      let (small, large) = ([3] + size.from + [channels], [3] + size.to + [channels])
      let x = bench.floats(numbers.floats(small.reduce(1, *)))
      let dy = bench.floats(numbers.floats(large.reduce(1, *)))
      let (y, dx) = (bench.floats(count: dy.count), bench.floats(count: x.count))
      let images = KernelFactory.Images(
        images: 3, height: size.from[0], width: size.from[1], channels: channels)
      bench.run([
        bench.factory.resize(
          x.pointer, images, height: size.to[0], width: size.to[1], method: method, out: y.pointer),
        bench.factory.resizeGradient(
          dy.pointer, images, height: size.to[0], width: size.to[1], method: method,
          dx: dx.pointer),
      ])
      let resized = Reference.resize(
        DoubleTensor(small, x.values), height: size.to[0], width: size.to[1], method: method)
      expectClose(y.values, resized.values) { _ in method == .nearest ? 0 : 2e-6 }
      let gradient = Reference.resizeGradient(
        DoubleTensor(large, dy.values), height: size.from[0], width: size.from[1], method: method)
      expectClose(dx.values, gradient.values) { 1e-5 * (1 + abs(gradient.values[$0])) }
    }
  }

  /// An image's NaN stays in the pixels that it is copied to.
  @Test func nearestPixelsAreCopiesOfOnePixel() throws {
    let bench = try Workbench()
    let x = bench.floats([.nan, 2, 3, .infinity])
    let y = bench.floats(count: 16)
    bench.run(
      bench.factory.resize(
        x.pointer, .init(images: 1, height: 2, width: 2, channels: 1), height: 4, width: 4,
        method: .nearest, out: y.pointer))
    let rows: [[Float]] = [[.nan, .nan, 2, 2], [3, 3, .infinity, .infinity]]
    expectSameBits(y.values, rows[0] + rows[0] + rows[1] + rows[1])
  }

  struct Pool {
    let image, window, stride: (Int, Int)
  }
  static let pools = [
    Pool(image: (4, 4), window: (2, 2), stride: (2, 2)),
    Pool(image: (7, 5), window: (3, 2), stride: (2, 1)),
    Pool(image: (5, 9), window: (5, 9), stride: (1, 1)),
    Pool(image: (6, 7), window: (1, 2), stride: (3, 4)),
  ]

  @Test(arguments: pools, channels)
  func poolingAgreesWithTheReference(_ pool: Pool, channels: Int) throws {
    let bench = try Workbench()
    var numbers = SeededNumbers(seed: channels)
    let shape = [2, pool.image.0, pool.image.1, channels]
    let images = KernelFactory.Images(
      images: 2, height: pool.image.0, width: pool.image.1, channels: channels)
    let x = bench.floats(numbers.floats(shape.reduce(1, *)))
    let pooled = Reference.averagePool(
      DoubleTensor(shape, x.values), window: pool.window, stride: pool.stride)
    let dy = bench.floats(numbers.floats(pooled.values.count))
    let (y, dx) = (bench.floats(count: dy.count), bench.floats(count: x.count))
    bench.run([
      bench.factory.averagePool(
        x.pointer, images, window: pool.window, stride: pool.stride, out: y.pointer),
      bench.factory.averagePoolGradient(
        dy.pointer, images, window: pool.window, stride: pool.stride, dx: dx.pointer),
    ])
    expectClose(y.values, pooled.values) { _ in 2e-6 }
    let gradient = Reference.averagePoolGradient(
      DoubleTensor(pooled.shape, dy.values), window: pool.window, stride: pool.stride,
      height: pool.image.0, width: pool.image.1)
    expectClose(dx.values, gradient.values) { _ in 4e-6 }
  }

  @Test(arguments: [(1, 1), (3, 20), (16, 32), (70, 33)])
  func upscaledKernelsAgreeWithTheReference(channels: Int, filters: Int) throws {
    let bench = try Workbench()
    var numbers = SeededNumbers(seed: channels)
    let (small, large) = ([3, 3, channels, filters], [4, 4, filters, channels])
    let w = bench.floats(numbers.floats(small.reduce(1, *)))
    let dk = bench.floats(numbers.floats(large.reduce(1, *)))
    let (kernel, dw) = (bench.floats(count: dk.count), bench.floats(count: w.count))
    bench.run([
      bench.factory.upscaledKernel(
        w.pointer, channels: channels, filters: filters, out: kernel.pointer),
      bench.factory.upscaledKernelGradient(
        dk.pointer, channels: channels, filters: filters, dw: dw.pointer),
    ])
    expectClose(kernel.values, Reference.upscaledKernel(DoubleTensor(small, w.values)).values) {
      _ in 2e-6
    }
    expectClose(dw.values, Reference.upscaledKernelGradient(DoubleTensor(large, dk.values)).values)
    { _ in 2e-6 }
  }
}
