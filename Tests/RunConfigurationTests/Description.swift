import RunConfiguration

/// The error's sentence, or nil where there was none.
func description(of body: () throws -> Configuration) -> String? {
  do {
    _ = try body()
    return nil
  } catch {
    return "\(error)"
  }
}
