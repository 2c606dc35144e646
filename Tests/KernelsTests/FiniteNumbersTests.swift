import Kernels
import TestSupport
import Testing

/// Where infinities and NaNs are found.
struct FiniteNumbersTests {
  private static let culprits: [Float] = [
    .infinity, -.infinity, .nan, -.nan, .signalingNaN, Float(bitPattern: 0xffff_ffff),
  ]
  /// Finite, however odd.
  private static let oddities: [Float] = [
    .greatestFiniteMagnitude, -.greatestFiniteMagnitude, .leastNonzeroMagnitude, -0.0,
    -.leastNormalMagnitude,
  ]

  private func position(_ values: [Float]) -> Int? {
    values.withUnsafeBufferPointer { $0.firstNonFinite }
  }

  @Test(arguments: [0, 1, 2, 7, 16, 33, 2047, 2048, 2049, 5000])
  func theFirstOneIsFoundWhereverItIs(count: Int) {
    var numbers = SeededNumbers(seed: count)
    var values = numbers.floats(count)
    for index in values.indices where index % 5 == 0 {
      values[index] = Self.oddities[index / 5 % Self.oddities.count]
    }
    #expect(position(values) == nil)
    let places = count < 100 ? Array(values.indices) : [0, 1, 15, 16, 2000, count - 1]
    for (turn, place) in places.enumerated() where place < count {
      var spoilt = values
      spoilt[place] = Self.culprits[turn % Self.culprits.count]
      #expect(position(spoilt) == place)
      // One behind it changes nothing.
      if place + 1 < count { spoilt[count - 1] = .nan }
      #expect(position(spoilt) == place)
    }
  }

  /// What lies between a tensor's elements is none of them.
  @Test(arguments: 0..<30)
  func ofScatteredElementsTheFirstInOrder(seed: Int) throws {
    let bench = try Workbench()
    var numbers = SeededNumbers(seed: seed)
    let shape = numbers.shape(rank: seed % 5, extents: 1...6)
    let scattered = bench.scattered(shape: shape, using: &numbers)
    let own = scattered.tensor.offsets
    for index in scattered.memory.values.indices where !own.contains(index) {
      scattered.memory.pointer[index] = .nan
    }
    #expect(scattered.tensor.firstNonFinite == nil)
    #expect(scattered.tensor.largestMagnitude == scattered.values.map(abs).max())
    let element = numbers.integer(0...(own.count - 1))
    let culprit = Self.culprits[seed % 3]
    scattered.memory.pointer[own[element]] = culprit
    let found = try #require(scattered.tensor.firstNonFinite)
    #expect(found.element == element)
    #expect(found.number.isNaN == culprit.isNaN && (culprit.isNaN || found.number == culprit))
  }
}
