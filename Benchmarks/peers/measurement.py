"""What the peers share: the sizes of configs/gan.yaml, the batches, and how time is taken."""

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
IMAGE = (28, 28, 1)
GENERATOR_WIDTHS = (256, 512, 1024)
DISCRIMINATOR_WIDTHS = (512, 256)
SLOPE = 0.2
BATCH_NORM_EPSILON = 1e-3
BATCH_NORM_MOMENTUM = 0.8
PROBABILITY_EPSILON = 1e-7
ADAM = {"learning_rate": 2e-4, "beta1": 0.5, "beta2": 0.999, "epsilon": 1e-7}


class Batches:
    """Batches, drawn with replacement, of images that lie ready in memory as floats."""

    def __init__(self):
        self.random = np.random.default_rng(1)
        self.images = self.random.uniform(-1, 1, (1024, *IMAGE)).astype(np.float32)

    def next(self):
        return self.images[self.random.integers(0, len(self.images), BATCH)]


def measure(name, version, step):
    """Times `step`, which takes the images of a batch and returns its loss as a float once it is
    known, and prints one JSON object with the keys of `selfgan benchmark`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--warmup", type=int, default=20)
    arguments, _ = parser.parse_known_args()

    batches = Batches()
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
    print(
        json.dumps(
            {
                "name": name,
                "version": version,
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
        )
    )
