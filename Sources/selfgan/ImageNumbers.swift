import ArgumentParser

/// Numbers of images as a user lists them: 3,7,10-20.
struct ImageNumbers: ExpressibleByArgument {
  /// In the order in which they are listed.
  let ranges: [Range<Int>]

  /// Random streams count examples in 32 bits.
  static let limit = 1 << 32

  init?(argument: String) {
    var ranges: [Range<Int>] = []
    for part in argument.split(separator: ",", omittingEmptySubsequences: false) {
      let bounds = part.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
      guard (1...2).contains(bounds.count), let first = bounds[0], first >= 0,
        let last = bounds[bounds.count - 1], first <= last, last < Self.limit
      else { return nil }
      ranges.append(first..<(last + 1))
    }
    self.ranges = ranges
  }

  /// A number that is listed twice; nil where there is none.
  ///
  /// - Complexity: O(n log n) for n parts of the list
  var repeated: Int? {
    let sorted = ranges.sorted { $0.lowerBound < $1.lowerBound }
    return zip(sorted, sorted.dropFirst()).first { $0.upperBound > $1.lowerBound }?.1.lowerBound
  }
}

/// Two numbers of images: 12,47.
struct ImagePair: ExpressibleByArgument {
  let first: Int
  let last: Int

  init?(argument: String) {
    let numbers = argument.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
    guard numbers.count == 2, let first = numbers[0], let last = numbers[1],
      (0..<ImageNumbers.limit).contains(first), (0..<ImageNumbers.limit).contains(last)
    else { return nil }
    (self.first, self.last) = (first, last)
  }
}
