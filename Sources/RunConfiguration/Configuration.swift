/// What a run is: the model, what it optimises, on which data, by how many replicas and for how long.
///
/// The defaults are the paper's Keras-TPU run, so that a configuration file only names what differs.
/// The keys of a file are the names of these properties (`model.image.height`);
/// `ConfigurationKey.all` lists them in their documented order.
package struct Configuration: Codable, Equatable, Sendable {
  package var model = Model()
  package var objective = Objective()
  package var batchNorm = BatchNorm()
  package var optimizer = Optimizer()
  package var data = Dataset()
  package var kernels = Kernels()
  package var tpu = TPU()
  package var fusion = Fusion()
  /// How the replicas' gradients become the one that the optimizer sees.
  package var gradients = GradientCombination.mean
  /// Examples in the global batch; every replica gets `batchSize / replicas` of them.
  package var batchSize = 64
  /// Logical TPU cores.
  package var replicas = 8
  /// Updates in the whole run.
  package var steps = 20_000
  package var seed: UInt64 = 1
  /// Steps between two lines of `metrics.jsonl`.
  package var logEvery = 100
  /// Steps between two grids of samples.
  package var sampleEvery = 1000
  package var reduction = Reduction.fast
  /// Worker threads; nil is the smaller of the available cores and the replicas.
  package var threads: Int?
  package var communication = Communication()
  package var shards = Shards()
  package var checkpoint = Checkpoint()
  /// What happens where a loss, gradient or parameter is not finite any more.
  package var nonFinite = NonFinite.stop

  package init() {}
}

extension Configuration {
  package struct Model: Codable, Equatable, Sendable {
    package var kind = Kind.gan
    package var layout = Layout.keras
    /// Elements of a noise vector.
    package var latentSize = 100
    package var image = Image()

    package init() {}

    /// Dense (`gan`) or convolutional (`dcgan`) networks.
    package enum Kind: String, Codable, CaseIterable, Sendable {
      case gan, dcgan
    }

    /// Whose layers, initial values and batch-norm constants: the published Keras or PyTorch notebooks'.
    package enum Layout: String, Codable, CaseIterable, Sendable {
      case keras, pytorch
    }

    /// The shape of one image, in pixels and channels.
    package struct Image: Codable, Equatable, Sendable {
      package var height = 28
      package var width = 28
      package var channels = 1

      package init() {}
    }
  }

  package struct Objective: Codable, Equatable, Sendable {
    package var kind = Kind.selfTPU
    package var weights = Weights.loss
    /// Whether the dynamic weights are constants to the gradient. The published code lets it through.
    package var detachWeights = false
    package var loss = Loss.binaryCrossEntropy
    /// One extra update on all-zero reals and fakes before the first step, as in the published
    /// Keras runs.
    package var warmUp = false

    package init() {}

    /// - `selfTPU`: (v_r·l_real + v_g·l_gen + v_f·l_fake) / (v_g + v_r + v_f)
    /// - `selfGPU`: (l_real + 0.1·v_g·l_gen + 0.9·v_f·l_fake) / 2
    /// - `classic`: two optimizers, G on l_gen and D on (l_real + l_fake) / 2
    package enum Kind: String, Codable, CaseIterable, Sendable {
      case selfTPU, selfGPU, classic
    }

    /// What the dynamic weights v are: mean losses (the paper), distances of the mean validity from
    /// its goal (the notebooks), or the same for all.
    package enum Weights: String, Codable, CaseIterable, Sendable {
      case loss, validity, equal
    }

    /// `publishedCrossEntropy` is linear in the validity: Keras' function with its arguments swapped,
    /// as the published Keras notebooks call it.
    package enum Loss: String, Codable, CaseIterable, Sendable {
      case binaryCrossEntropy, publishedCrossEntropy
    }
  }

  package struct BatchNorm: Codable, Equatable, Sendable {
    package var scope = Scope.replica
    package var movingStatistics = MovingStatistics.first

    package init() {}

    /// Over whose examples batch statistics are taken.
    package enum Scope: Equatable, Sendable {
      /// Each replica's own examples, as on the TPU.
      case replica
      /// The global batch.
      case all
      /// Consecutive groups of so many replicas.
      case group(Int)
    }

    /// Which moving statistics stand for the run.
    package enum MovingStatistics: String, Codable, CaseIterable, Sendable {
      /// Replica 0's, as the TPU's host reads them back.
      case first
      /// The mean over replicas.
      case mean
      /// Each replica uses its own.
      case own
      /// All replicas update one shared average, shard after shard: the published PyTorch run on
      /// eight shards.
      case sequential
    }
  }

  package struct Optimizer: Codable, Equatable, Sendable {
    package var kind = Kind.adam
    package var learningRate = 2e-4
    package var beta1 = 0.5
    package var beta2 = 0.999
    package var epsilon = 1e-7
    package var variant = Variant.keras

    package init() {}

    package enum Kind: String, Codable, CaseIterable, Sendable {
      case adam
    }

    /// Where ε stands: beside the uncorrected root (Keras) or beside the bias-corrected one (PyTorch).
    package enum Variant: String, Codable, CaseIterable, Sendable {
      case keras, pytorch
    }
  }

  /// The section `data`.
  package struct Dataset: Codable, Equatable, Sendable {
    package var kind = Kind.mnist
    /// The only place searched; nil searches the usual ones.
    package var path: String?
    package var order = Order.replacement
    package var resize = Resize.lanczos
    /// How much of the images is used, from the first on: above 0, at most 1.
    package var fraction = 1.0
    /// Whether a bad image gives its place to the next good one, rather than ending the run.
    package var skipBroken = false

    package init() {}

    package enum Kind: String, Codable, CaseIterable, Sendable {
      case mnist, idx, folder, lmdb, pack, synthetic
    }

    /// `replacement` draws every example uniformly, `shuffled` permutes each epoch, `sequential`
    /// cycles in the file's order.
    package enum Order: String, Codable, CaseIterable, Sendable {
      case replacement, shuffled, sequential
    }

    package enum Resize: String, Codable, CaseIterable, Sendable {
      case lanczos, bilinear
    }
  }

  /// Which library computes an operation; nil is the best one that this build has.
  package struct Kernels: Codable, Equatable, Sendable {
    package var matmul: Backend?
    package var convolution: Backend?

    package init() {}

    package enum Backend: String, Codable, CaseIterable, Sendable {
      case oneDNN, openBLAS
    }
  }

  /// The TPU whose compiler must have a kernel for every operation.
  package struct TPU: Codable, Equatable, Sendable {
    package var version = Version.v2
    package var runtime = Runtime.v113
    /// Whether what has no kernel there is replaced, where that is known how; otherwise the run is
    /// refused.
    package var legalize = true

    package init() {}

    package enum Version: String, Codable, CaseIterable, Sendable {
      case v2, v3
    }

    /// The release of TensorFlow.
    package enum Runtime: String, Codable, CaseIterable, Sendable {
      case v112 = "1.12"
      case v113 = "1.13"
      case v114 = "1.14"
    }
  }

  /// What the program's passes join for speed; results differ by rounding only.
  package struct Fusion: Codable, Equatable, Sendable {
    /// Upscaling and the convolution after it.
    package var upscaledConvolution = true
    /// A product or convolution, its bias and its activation.
    package var biasActivation = true
    /// Batch norm, activation and dropout.
    package var normalization = true
    /// An activation's gradient and a bias's.
    package var biasGradient = true
    /// The weight gradients of all replicas of a worker.
    package var reducedProduct = true

    package init() {}
  }

  package enum GradientCombination: String, Codable, CaseIterable, Sendable {
    case mean, sum
  }

  /// `ordered` gives the same bits on every placement of the replicas; `fast` does not promise it.
  package enum Reduction: String, Codable, CaseIterable, Sendable {
    case fast, ordered
  }

  package struct Communication: Codable, Equatable, Sendable {
    /// Seconds after which a replica that others wait for counts as missing.
    package var timeout = 60.0
    /// Whether the processes of a host have one copy of the parameters, of which each updates a
    /// segment; otherwise each has its own, and updates all of it.
    package var shardedUpdate = true

    package init() {}
  }

  package struct Checkpoint: Codable, Equatable, Sendable {
    /// Steps between two checkpoints; with 0 there is one at the run's end, and when a signal asks for it.
    package var every = 1000
    /// How many of the last ones are kept.
    package var keep = 3
    /// The loss, as `metrics.jsonl` calls it, whose lowest mean since the checkpoint before makes one the best, which
    /// is kept, too.
    package var best = Best.own

    package init() {}

    package enum Best: String, Codable, CaseIterable, Sendable {
      case own = "loss.self"
      case generated = "loss.generated"
      case real = "loss.real"
      case fake = "loss.fake"
      case none
    }
  }

  /// - `stop`: the run ends, and says which operation made the first such number.
  /// - `skip`: it says so, too; the step is left out, as if its update were zero, and the run goes on.
  package enum NonFinite: String, Codable, CaseIterable, Sendable {
    case stop, skip
  }

  package struct Shards: Codable, Equatable, Sendable {
    /// Steps between two measurements of every replica's own gradient; 0 is never.
    package var gradientEvery = 100

    package init() {}
  }
}
