"""What the peers share: the models' sizes, the arguments, the batches, and how time is taken."""

import argparse
import json
import resource
import statistics
import time

import numpy as np

REPLICAS = 8
BATCH = 64
SHARD = BATCH // REPLICAS
LATENT = 100
SLOPE = 0.2
BATCH_NORM_EPSILON = 1e-3
BATCH_NORM_MOMENTUM = 0.8
PROBABILITY_EPSILON = 1e-7
ADAM = {"learning_rate": 2e-4, "beta1": 0.5, "beta2": 0.999, "epsilon": 1e-7}

# The models, named as their files in configs/: height, width and channels of an image.
IMAGES = {"gan": (28, 28, 1), "dcgan": (28, 28, 1), "dcgan-bedroom": (64, 64, 3)}
# The dense networks of gan: widths of their hidden layers.
GENERATOR_WIDTHS = (256, 512, 1024)
DISCRIMINATOR_WIDTHS = (512, 256)
# The convolutional networks: filters, and in the discriminator strides, of their 3×3 convolutions.
SEED_CHANNELS = 128
GENERATOR_FILTERS = (128, 64)
DISCRIMINATOR_FILTERS = ((32, 2), (64, 2), (128, 2), (256, 1))
DROPOUT = 0.25


def parsed_arguments(description, modes=()):
    """The command line: `model`, `image` (its shape), `mode` where there are modes, `steps` and
    `warmup`."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("model", choices=IMAGES)
    if modes:
        parser.add_argument("mode", choices=modes)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--warmup", type=int, default=20)
    arguments = parser.parse_args()
    arguments.image = IMAGES[arguments.model]
    return arguments


class Batches:
    """Batches, drawn with replacement, of images that lie ready in memory as floats."""

    def __init__(self, image, examples=BATCH, seed=1):
        self.random = np.random.default_rng(seed)
        self.images = self.random.uniform(-1, 1, (1024, *image)).astype(np.float32)
        self.examples = examples

    def next(self):
        return self.images[self.random.integers(0, len(self.images), self.examples)]


def measured(arguments, name, version, step, batches):
    """Times `step`, which takes the images of a batch and returns its loss as a float once it is
    known. The keys of the answer are those of `selfgan benchmark`."""
    for _ in range(max(arguments.warmup, 1)):
        loss = step(batches.next())
    times = []
    for _ in range(arguments.steps):
        start = time.perf_counter()
        loss = step(batches.next())
        times.append((time.perf_counter() - start) * 1e3)
    if not np.isfinite(loss):
        raise SystemExit(f"{name}: the loss became {loss}")

    times.sort()
    quantile = lambda fraction: times[min(len(times) - 1, int(fraction * len(times)))]
    return {
        "name": name,
        "version": version,
        "model": arguments.model,
        "replicas": REPLICAS,
        "steps": arguments.steps,
        "loss": loss,
        "millisecondsPerStep": {
            "median": statistics.median(times),
            "p10": quantile(0.1),
            "p90": quantile(0.9),
        },
        "peakResidentBytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def show(figures):
    print(json.dumps(figures))


def measure(arguments, name, version, step):
    """Times `step` on whole batches, and prints one JSON object."""
    show(measured(arguments, name, version, step, Batches(arguments.image)))
