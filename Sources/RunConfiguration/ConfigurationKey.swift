import Yams

/// One key of a configuration: its path, and how its value is read and written.
package struct ConfigurationKey: Sendable {
  /// For example `model.image.height`.
  package let path: String
  /// Puts the value of a YAML node into a configuration.
  let read: @Sendable (Node, inout Configuration) throws(ConfigurationError) -> Void
  /// The value in YAML and in JSON; nil where the configuration leaves it open.
  let write: @Sendable (Configuration) -> (yaml: String, json: String)?

  private init<Value: ConfigurationValue>(
    _ path: String, _ property: WritableKeyPath<Configuration, Value> & Sendable
  ) {
    self.path = path
    read = { node, configuration throws(ConfigurationError) in
      guard let scalar = node.configurationScalar, !scalar.isNull, let value = Value(scalar) else {
        throw Self.wrongType(path, node, Value.self)
      }
      configuration[keyPath: property] = value
    }
    write = { configuration in
      let value = configuration[keyPath: property]
      return (value.text, value.json)
    }
  }

  /// A key that may be left open, by leaving it out or by YAML's null.
  private init<Value: ConfigurationValue>(
    optional path: String, _ property: WritableKeyPath<Configuration, Value?> & Sendable
  ) {
    self.path = path
    read = { node, configuration throws(ConfigurationError) in
      guard let scalar = node.configurationScalar else {
        throw Self.wrongType(path, node, Value.self)
      }
      if scalar.isNull {
        configuration[keyPath: property] = nil
      } else if let value = Value(scalar) {
        configuration[keyPath: property] = value
      } else {
        throw Self.wrongType(path, node, Value.self)
      }
    }
    write = { configuration in
      configuration[keyPath: property].map { ($0.text, $0.json) }
    }
  }

  private static func wrongType<Value: ConfigurationValue>(
    _ path: String, _ node: Node, _: Value.Type
  ) -> ConfigurationError {
    .wrongType(
      key: path, found: node.found, expected: Value.expected,
      nearest: node.configurationScalar.flatMap { nearest(to: $0.text, in: Value.words) })
  }
}

extension ConfigurationKey {
  /// Every key, in the order in which a configuration is written.
  package static let all: [ConfigurationKey] = [
    .init("model.kind", \.model.kind),
    .init("model.layout", \.model.layout),
    .init("model.latentSize", \.model.latentSize),
    .init("model.image.height", \.model.image.height),
    .init("model.image.width", \.model.image.width),
    .init("model.image.channels", \.model.image.channels),
    .init("objective.kind", \.objective.kind),
    .init("objective.weights", \.objective.weights),
    .init("objective.detachWeights", \.objective.detachWeights),
    .init("objective.loss", \.objective.loss),
    .init("objective.warmUp", \.objective.warmUp),
    .init("batchNorm.scope", \.batchNorm.scope),
    .init("batchNorm.movingStatistics", \.batchNorm.movingStatistics),
    .init("optimizer.kind", \.optimizer.kind),
    .init("optimizer.learningRate", \.optimizer.learningRate),
    .init("optimizer.beta1", \.optimizer.beta1),
    .init("optimizer.beta2", \.optimizer.beta2),
    .init("optimizer.epsilon", \.optimizer.epsilon),
    .init("optimizer.variant", \.optimizer.variant),
    .init("data.kind", \.data.kind),
    .init(optional: "data.path", \.data.path),
    .init("data.order", \.data.order),
    .init("data.resize", \.data.resize),
    .init("data.fraction", \.data.fraction),
    .init("data.skipBroken", \.data.skipBroken),
    .init(optional: "kernels.matmul", \.kernels.matmul),
    .init(optional: "kernels.convolution", \.kernels.convolution),
    .init("tpu.version", \.tpu.version),
    .init("tpu.runtime", \.tpu.runtime),
    .init("tpu.legalize", \.tpu.legalize),
    .init("fusion.upscaledConvolution", \.fusion.upscaledConvolution),
    .init("fusion.biasActivation", \.fusion.biasActivation),
    .init("fusion.normalization", \.fusion.normalization),
    .init("fusion.biasGradient", \.fusion.biasGradient),
    .init("fusion.reducedProduct", \.fusion.reducedProduct),
    .init("gradients", \.gradients),
    .init("batchSize", \.batchSize),
    .init("replicas", \.replicas),
    .init("steps", \.steps),
    .init("seed", \.seed),
    .init("logEvery", \.logEvery),
    .init("sampleEvery", \.sampleEvery),
    .init("reduction", \.reduction),
    .init(optional: "threads", \.threads),
    .init("communication.timeout", \.communication.timeout),
    .init("communication.shardedUpdate", \.communication.shardedUpdate),
    .init("shards.gradientEvery", \.shards.gradientEvery),
    .init("checkpoint.every", \.checkpoint.every),
    .init("checkpoint.keep", \.checkpoint.keep),
    .init("checkpoint.best", \.checkpoint.best),
    .init("nonFinite", \.nonFinite),
  ]

  static let named = Dictionary(uniqueKeysWithValues: all.map { ($0.path, $0) })

  /// The paths of the mappings that hold the keys; the root's is empty.
  static let sections = Set(all.flatMap { enclosingSections(of: $0.path) })

  /// The names directly inside a section, in documented order.
  static func names(in section: String) -> [String] {
    let prefix = section.isEmpty ? "" : section + "."
    return all.filter { $0.path.hasPrefix(prefix) }
      .compactMap { $0.path.dropFirst(prefix.count).split(separator: ".").first.map(String.init) }
      .reduce(into: []) { names, name in if names.last != name { names.append(name) } }
  }

  /// From the outermost, the root, to the innermost.
  static func enclosingSections(of path: String) -> [String] {
    let parts = path.split(separator: ".", omittingEmptySubsequences: false)
    return parts.indices.map { parts[..<$0].joined(separator: ".") }
  }
}
