/// What the numbers of a tensor in a safetensors file are, by the format's names.
package enum ElementType: String, Sendable, CaseIterable {
  case float64 = "F64"
  case float32 = "F32"
  case float16 = "F16"
  case bfloat16 = "BF16"
  case int64 = "I64"

  package static let floatingPoint: Set<ElementType> = [.float64, .float32, .float16, .bfloat16]

  var byteCount: Int {
    switch self {
    case .float64, .int64: 8
    case .float32: 4
    case .float16, .bfloat16: 2
    }
  }

  /// Little-endian numbers, rounded to the nearest float32 where they are none.
  ///
  /// - Complexity: O(numbers)
  func floats(_ bytes: UnsafeRawBufferPointer) -> [Float] {
    func numbers<Bits: BitwiseCopyable>(_ type: Bits.Type, _ value: (Bits) -> Float) -> [Float] {
      stride(from: 0, to: bytes.count, by: byteCount).map { offset in
        value(bytes.loadUnaligned(fromByteOffset: offset, as: type))
      }
    }
    return switch self {
    case .float64: numbers(Double.self) { Float($0) }
    case .float32: numbers(Float.self) { $0 }
    case .float16: numbers(Float16.self) { Float($0) }
    // The upper half of a float32.
    case .bfloat16: numbers(UInt16.self) { Float(bitPattern: UInt32($0) << 16) }
    case .int64: numbers(Int64.self) { Float($0) }
    }
  }
}
