"""Records ten SelfGAN training steps of each case, computed in float64 by another framework.

    python trajectories.py tensorflow|pytorch OUTPUT_DIRECTORY

Writes one JSON file per case. README.md says what is in it.
"""

import json
import sys
from pathlib import Path

from draws import RandomStream
from networks import LATENT, PIXELS
from objectives import published_logits
from records import summary

STEPS = 10
BATCH = 32
SEED = 7


def _configuration(layout, replicas, objective, gradients="mean", moving_statistics="first"):
    """A run's configuration, with the keys that RunConfiguration decodes."""
    return {
        "model": {
            "kind": "gan",
            "layout": layout,
            "latentSize": LATENT,
            "image": {"height": 28, "width": 28, "channels": 1},
        },
        "objective": objective,
        "batchNorm": {"scope": "replica", "movingStatistics": moving_statistics},
        "optimizer": {
            "kind": "adam",
            "learningRate": 2e-4,
            "beta1": 0.5,
            "beta2": 0.999,
            "epsilon": 1e-7 if layout == "keras" else 1e-8,
            "variant": layout,
        },
        "gradients": gradients,
        "batchSize": BATCH,
        "replicas": replicas,
        "steps": STEPS,
        "seed": SEED,
    }


def _objective(kind, weights, loss="binaryCrossEntropy"):
    return {"kind": kind, "weights": weights, "detachWeights": False, "loss": loss}


CASES = {
    "tensorflow": {
        "keras-paper": _configuration("keras", 4, _objective("selfTPU", "loss")),
        "keras-validity": _configuration("keras", 4, _objective("selfTPU", "validity")),
        "keras-published": _configuration(
            "keras", 4, _objective("selfTPU", "validity", "publishedCrossEntropy")
        ),
    },
    "pytorch": {
        "pytorch-gpu-loss": _configuration("pytorch", 1, _objective("selfGPU", "loss")),
        "pytorch-gpu-validity": _configuration("pytorch", 1, _objective("selfGPU", "validity")),
        "pytorch-shards": _configuration(
            "pytorch",
            8,
            _objective("selfTPU", "validity"),
            gradients="sum",
            moving_statistics="sequential",
        ),
        "pytorch-classic": _configuration(
            "pytorch", 1, {"kind": "classic", "loss": "binaryCrossEntropy"}
        ),
    },
}


def inputs(step):
    """A step's noise [32, 100] and real images [32, 784], the global batch in replica order."""
    noise = RandomStream(SEED, "noise").normal(BATCH, LATENT, step)
    real = 2 * RandomStream(SEED, "golden/real").uniform(BATCH, PIXELS, step) - 1
    return noise, real


def backend(framework):
    """A framework's training class and version; only the one asked for is imported."""
    if framework == "tensorflow":
        from tensorflow_training import VERSION, TensorFlowTraining

        return TensorFlowTraining, VERSION
    from pytorch_training import VERSION, PyTorchTraining

    return PyTorchTraining, VERSION


def main(framework, directory):
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    start_training, version = backend(framework)
    for case, configuration in CASES[framework].items():
        training = start_training(configuration)
        trajectory = {"case": case, "framework": version, "configuration": configuration}
        if configuration["objective"]["loss"] == "publishedCrossEntropy":
            trajectory["publishedLogits"] = published_logits()
        trajectory["steps"] = [summary(training.step(*inputs(k))) for k in range(STEPS)]
        path = directory / f"{case}.json"
        path.write_text(json.dumps(trajectory, separators=(",", ":"), allow_nan=False) + "\n")
        print(path, path.stat().st_size, "bytes", file=sys.stderr)


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in CASES:
        sys.exit("usage: python trajectories.py tensorflow|pytorch OUTPUT_DIRECTORY")
    main(sys.argv[1], sys.argv[2])
