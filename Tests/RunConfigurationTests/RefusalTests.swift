import RunConfiguration
import Testing

/// Every refusal is one sentence that names the key or the place, what was found and what was expected.
struct RefusalTests {
  private static func sentence(_ text: String, _ overrides: [String] = []) -> String? {
    description { try Configuration.decode(text, source: "run.yaml", overrides: overrides) }
  }

  @Test(arguments: [
    (
      "objective: {wieghts: loss}",
      "objective.wieghts: unknown key; did you mean objective.weights?"
    ),
    ("bacthSize: 64", "bacthSize: unknown key; did you mean batchSize?"),
    ("batch_size: 64", "batch_size: unknown key; did you mean batchSize?"),
    ("learningRate: 1e-3", "learningRate: unknown key; did you mean optimizer.learningRate?"),
    ("optimiser: {}", "optimiser: unknown key; did you mean optimizer?"),
    (
      "model: {image: {hieght: 3}}",
      "model.image.hieght: unknown key; did you mean model.image.height?"
    ),
    (
      "shards: {frobnicate: 1}",
      "shards.frobnicate: unknown key; the keys of shards are gradientEvery"
    ),
    (
      "frobnicate: 1",
      "frobnicate: unknown key; the keys are model, objective, batchNorm, optimizer, data, kernels, "
        + "tpu, fusion, gradients, batchSize, replicas, steps, seed, logEvery, sampleEvery, reduction, threads, "
        + "communication, shards, checkpoint, nonFinite"
    ),
    ("\"steps\\n\": 1", "steps\\u000A: unknown key; did you mean steps?"),
    ("? [a]\n: 1", "the configuration: found a list as a key, expected a name"),
    ("model: {\"\": 1}", "model: found \"\" as a key, expected a name"),
  ])
  func `an unknown key`(text: String, sentence: String) {
    #expect(Self.sentence(text) == sentence)
  }

  @Test(arguments: [
    ("steps: many", "steps: found \"many\", expected \(anInteger)"),
    ("steps: 1.5", "steps: found \"1.5\", expected \(anInteger)"),
    ("steps: 1e3", "steps: found \"1e3\", expected \(anInteger)"),
    ("steps: '5'", "steps: found \"5\", expected \(anInteger)"),
    ("steps: !!str 5", "steps: found \"5\", expected \(anInteger)"),
    ("steps: !!int 5", "steps: found a value tagged tag:yaml.org,2002:int, expected \(anInteger)"),
    ("steps: 010", "steps: found \"010\", expected \(anInteger)"),
    ("steps: 9223372036854775808", "steps: found \"9223372036854775808\", expected \(anInteger)"),
    ("steps:", "steps: found nothing, expected \(anInteger)"),
    ("steps: [5]", "steps: found a list, expected \(anInteger)"),
    ("steps: {a: 5}", "steps: found a mapping, expected \(anInteger)"),
    ("threads: two", "threads: found \"two\", expected \(anInteger)"),
    ("threads: []", "threads: found a list, expected \(anInteger)"),
    ("seed: -1", "seed: found \"-1\", expected an integer from 0 to 18446744073709551615"),
    (
      "seed: 18446744073709551616",
      "seed: found \"18446744073709551616\", expected an integer from 0 to 18446744073709551615"
    ),
    (
      "optimizer: {beta1: .nan}",
      "optimizer.beta1: found \".nan\", expected a finite decimal number"
    ),
    ("optimizer: {beta1: nan}", "optimizer.beta1: found \"nan\", expected a finite decimal number"),
    (
      "optimizer: {beta1: .inf}",
      "optimizer.beta1: found \".inf\", expected a finite decimal number"
    ),
    ("optimizer: {beta1: inf}", "optimizer.beta1: found \"inf\", expected a finite decimal number"),
    (
      "optimizer: {beta1: 1e999}",
      "optimizer.beta1: found \"1e999\", expected a finite decimal number"
    ),
    ("optimizer: {beta1: 0x1}", "optimizer.beta1: found \"0x1\", expected a finite decimal number"),
    (
      "objective: {detachWeights: yes}",
      "objective.detachWeights: found \"yes\", expected true or false"
    ),
    (
      "objective: {detachWeights: 1}",
      "objective.detachWeights: found \"1\", expected true or false"
    ),
    (
      "objective: {warmUp: True}",
      "objective.warmUp: found \"True\", expected true or false; did you mean true?"
    ),
    ("data: {skipBroken: yes}", "data.skipBroken: found \"yes\", expected true or false"),
    ("data: {fraction: 20%}", "data.fraction: found \"20%\", expected a finite decimal number"),
    ("data: {path: [a]}", "data.path: found a list, expected text"),
    (
      "objective: {kind: selfTPUs}",
      "objective.kind: found \"selfTPUs\", expected one of selfTPU, selfGPU, classic; "
        + "did you mean selfTPU?"
    ),
    (
      "objective: {kind: wasserstein}",
      "objective.kind: found \"wasserstein\", expected one of selfTPU, selfGPU, classic"
    ),
    ("optimizer: {kind: sgd}", "optimizer.kind: found \"sgd\", expected adam"),
    (
      "kernels: {matmul: onednn}",
      "kernels.matmul: found \"onednn\", expected one of oneDNN, openBLAS; did you mean oneDNN?"
    ),
    (
      "batchNorm: {scope: replicas}",
      "batchNorm.scope: found \"replicas\", expected replica, all or the number of replicas in a "
        + "group; did you mean replica?"
    ),
    ("model: gan", "model: found \"gan\", expected a mapping with kind, layout, latentSize, image"),
    ("kernels:", "kernels: found nothing, expected a mapping with matmul, convolution"),
    (
      "model: {image: [28, 28, 1]}",
      "model.image: found a list, expected a mapping with height, width, channels"
    ),
  ])
  func `a value of the wrong type`(text: String, sentence: String) {
    #expect(Self.sentence(text) == sentence)
  }

  private static let anInteger =
    "an integer from -9223372036854775808 to 9223372036854775807"

  @Test(arguments: [
    ("replicas=0", "replicas: 0 is impossible; expected 1 to 1024"),
    ("replicas=-1", "replicas: -1 is impossible; expected 1 to 1024"),
    ("replicas=1025", "replicas: 1025 is impossible; expected 1 to 1024"),
    ("batchSize=0", "batchSize: 0 is impossible; expected 1 to 65536"),
    ("batchSize=65537", "batchSize: 65537 is impossible; expected 1 to 65536"),
    (
      "batchSize=60",
      "batch_size must be divisible by the number of TPU cores in use (60 vs 8)"
    ),
    ("steps=0", "steps: 0 is impossible; expected 1 to 2147483648"),
    ("steps=2147483649", "steps: 2147483649 is impossible; expected 1 to 2147483648"),
    ("model.latentSize=0", "model.latentSize: 0 is impossible; expected 1 to 65536"),
    ("model.latentSize=65537", "model.latentSize: 65537 is impossible; expected 1 to 65536"),
    ("model.image.height=-28", "model.image.height: -28 is impossible; expected 1 to 4096"),
    ("model.image.width=4097", "model.image.width: 4097 is impossible; expected 1 to 4096"),
    ("model.image.channels=5", "model.image.channels: 5 is impossible; expected 1 to 4"),
    (
      "optimizer.learningRate=0",
      "optimizer.learningRate: 0.0 is impossible; expected above 0, at most 1"
    ),
    (
      "optimizer.learningRate=1.5",
      "optimizer.learningRate: 1.5 is impossible; expected above 0, at most 1"
    ),
    ("optimizer.beta1=1", "optimizer.beta1: 1.0 is impossible; expected at least 0, below 1"),
    ("optimizer.beta2=-0.5", "optimizer.beta2: -0.5 is impossible; expected at least 0, below 1"),
    ("optimizer.epsilon=0", "optimizer.epsilon: 0.0 is impossible; expected above 0, at most 1"),
    ("optimizer.epsilon=2", "optimizer.epsilon: 2.0 is impossible; expected above 0, at most 1"),
    ("logEvery=0", "logEvery: 0 is impossible; expected 1 or more"),
    ("sampleEvery=-5", "sampleEvery: -5 is impossible; expected 1 or more"),
    ("checkpoint.every=-1", "checkpoint.every: -1 is impossible; expected 0 or more"),
    ("checkpoint.keep=0", "checkpoint.keep: 0 is impossible; expected 1 or more"),
    ("shards.gradientEvery=-1", "shards.gradientEvery: -1 is impossible; expected 0 or more"),
    ("threads=0", "threads: 0 is impossible; expected 1 to the number of replicas (8)"),
    ("threads=9", "threads: 9 is impossible; expected 1 to the number of replicas (8)"),
    (
      "communication.timeout=0",
      "communication.timeout: 0.0 is impossible; expected seconds above 0, at most 604800"
    ),
    (
      "communication.shardedUpdate=2",
      "communication.shardedUpdate: found \"2\", expected true or false"
    ),
    (
      "communication.timeout=1e300",
      "communication.timeout: 1e+300 is impossible; expected seconds above 0, at most 604800"
    ),
    (
      "batchNorm.scope=3",
      "batchNorm.scope: 3 is impossible; expected replica, all or a divisor of replicas (8)"
    ),
    (
      "batchNorm.scope=0",
      "batchNorm.scope: 0 is impossible; expected replica, all or a divisor of replicas (8)"
    ),
    ("data.fraction=0", "data.fraction: 0.0 is impossible; expected above 0, at most 1"),
    ("data.fraction=1.01", "data.fraction: 1.01 is impossible; expected above 0, at most 1"),
    ("data.path=''", "data.path: \"\" is impossible; expected a path"),
    ("data.path=\"a\\0b\"", "data.path: \"a\\u0000b\" is impossible; expected a path"),
  ])
  func `an impossible value`(override: String, sentence: String) {
    #expect(Self.sentence("{}", [override]) == sentence)
  }

  @Test(arguments: [
    "replicas=1", "replicas=64", "batchSize=65536", "steps=1", "steps=2147483648",
    "model.latentSize=1", "model.image.height=4096", "model.image.channels=4",
    "optimizer.learningRate=1", "optimizer.beta1=0", "optimizer.epsilon=1", "logEvery=1",
    "data.fraction=1", "data.fraction=1e-9",
    "threads=8", "batchNorm.scope=1", "batchNorm.scope=8", "shards.gradientEvery=0",
  ])
  func `the last possible value is accepted`(override: String) {
    #expect(Self.sentence("{}", [override]) == nil)
  }

  @Test(arguments: [
    ("steps", "steps: malformed override; expected key.path=value"),
    ("=5", "=5: malformed override; expected key.path=value"),
    ("", ": malformed override; expected key.path=value"),
    ("steps.foo=5", "steps.foo: unknown key; the keys are \(rootKeys)"),
    ("modle.kind=gan", "modle.kind: unknown key; did you mean model.kind?"),
    ("model=gan", "model: found \"gan\", expected a mapping with kind, layout, latentSize, image"),
    ("steps=", "steps: found nothing, expected \(anInteger)"),
    (
      "model={kind: gan, kind: dcgan}",
      "model={kind: gan, kind: dcgan}: the key kind is given more than once"
    ),
  ])
  func `an override that cannot be used`(override: String, sentence: String) {
    #expect(Self.sentence("{}", [override]) == sentence)
  }

  private static let rootKeys =
    "model, objective, batchNorm, optimizer, data, kernels, tpu, fusion, gradients, batchSize, replicas, steps, "
    + "seed, logEvery, sampleEvery, reduction, threads, communication, shards, checkpoint, nonFinite"

  @Test(arguments: [
    ("", "run.yaml: empty; expected a mapping of keys such as model, objective and steps"),
    (
      "# only this\n",
      "run.yaml: empty; expected a mapping of keys such as model, objective and steps"
    ),
    ("---\n", "run.yaml: empty; expected a mapping of keys such as model, objective and steps"),
    (
      "- steps\n",
      "run.yaml: found a list, expected a mapping of keys such as model, objective and steps"
    ),
    (
      "steps\n",
      "run.yaml: found \"steps\", expected a mapping of keys such as model, objective and steps"
    ),
    ("steps: 5\nseed: 1\nsteps: 6\n", "run.yaml:1: the key steps is given more than once"),
    (
      "model: {kind: gan}\nmodel.kind: dcgan\n",
      "run.yaml:2: the key model.kind is given more than once"
    ),
    ("steps: 5\nseed: [1\n", "run.yaml:3: not valid YAML: did not find expected ',' or ']'"),
    (
      "steps: 5\n\tseed: 1\n",
      "run.yaml:2: not valid YAML: found a tab character that violates indentation"
    ),
    ("steps: *five\n", "run.yaml:1: not valid YAML: found undefined alias"),
    ("steps: 5\n--- \nsteps: 6\n", "run.yaml:2: not valid YAML: but found another document"),
    ("steps: 5\nseed: \u{1}\n", "run.yaml:2: not valid YAML: control characters are not allowed"),
  ])
  func `text that is no configuration`(text: String, sentence: String) {
    #expect(Self.sentence(text) == sentence)
  }

  @Test func `long text is cut in a sentence`() {
    let word = String(repeating: "x", count: 500_000)
    #expect(
      Self.sentence("steps: \(word)")
        == "steps: found \"\(word.prefix(60))…\", expected \(Self.anInteger)")
    let key = word.prefix(1000)
    #expect(
      Self.sentence("\(key): 1")
        == "\(word.prefix(60))…: unknown key; the keys are \(Self.rootKeys)")
  }
}
