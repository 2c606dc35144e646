"""Records ten SelfGAN training steps of each case, computed in float64 by another framework.

    python trajectories.py tensorflow|pytorch OUTPUT_DIRECTORY [CASE…]

Writes one JSON file per case, of all cases unless some are named. README.md says what is in it.
"""

import json
import sys
from pathlib import Path

from batches import batch
from objectives import published_logits
from records import summary

STEPS = 10
SEED = 7


def _model(kind, layout, size=28, channels=1):
    return {
        "kind": kind,
        "layout": layout,
        "latentSize": 100,
        "image": {"height": size, "width": size, "channels": channels},
    }


def _configuration(
    model, batch_size, replicas, objective, gradients="mean", moving_statistics="first"
):
    """A run's configuration, with the keys that RunConfiguration decodes."""
    layout = model["layout"]
    return {
        "model": model,
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
        "batchSize": batch_size,
        "replicas": replicas,
        "steps": STEPS,
        "seed": SEED,
    }


def _objective(kind, weights, loss="binaryCrossEntropy"):
    return {"kind": kind, "weights": weights, "detachWeights": False, "loss": loss}


_KERAS_GAN = _model("gan", "keras")
_KERAS_DCGAN = _model("dcgan", "keras")
_PYTORCH_GAN = _model("gan", "pytorch")
_PYTORCH_DCGAN = _model("dcgan", "pytorch", size=32)
_CLASSIC = {"kind": "classic", "loss": "binaryCrossEntropy"}

CASES = {
    "tensorflow": {
        "keras-paper": _configuration(_KERAS_GAN, 32, 4, _objective("selfTPU", "loss")),
        "keras-validity": _configuration(_KERAS_GAN, 32, 4, _objective("selfTPU", "validity")),
        "keras-published": _configuration(
            _KERAS_GAN, 32, 4, _objective("selfTPU", "validity", "publishedCrossEntropy")
        ),
        "dcgan-keras-paper": _configuration(_KERAS_DCGAN, 8, 2, _objective("selfTPU", "loss")),
        "dcgan-keras-published": _configuration(
            _KERAS_DCGAN, 4, 2, _objective("selfTPU", "validity", "publishedCrossEntropy")
        ),
        "dcgan-keras-bedroom": _configuration(
            _model("dcgan", "keras", size=64, channels=3), 4, 2, _objective("selfTPU", "loss")
        ),
    },
    "pytorch": {
        "pytorch-gpu-loss": _configuration(_PYTORCH_GAN, 32, 1, _objective("selfGPU", "loss")),
        "pytorch-gpu-validity": _configuration(
            _PYTORCH_GAN, 32, 1, _objective("selfGPU", "validity")
        ),
        "pytorch-shards": _configuration(
            _PYTORCH_GAN,
            32,
            8,
            _objective("selfTPU", "validity"),
            gradients="sum",
            moving_statistics="sequential",
        ),
        "pytorch-classic": _configuration(_PYTORCH_GAN, 32, 1, _CLASSIC),
        "dcgan-pytorch-gpu": _configuration(_PYTORCH_DCGAN, 8, 1, _objective("selfGPU", "loss")),
        "dcgan-pytorch-bedroom": _configuration(
            _model("dcgan", "pytorch", size=64, channels=3), 4, 1, _objective("selfGPU", "loss")
        ),
        "dcgan-pytorch-classic": _configuration(_PYTORCH_DCGAN, 8, 1, _CLASSIC),
    },
}


def backend(framework):
    """A framework's training class and version; only the one asked for is imported."""
    if framework == "tensorflow":
        from tensorflow_training import VERSION, TensorFlowTraining

        return TensorFlowTraining, VERSION
    from pytorch_training import VERSION, PyTorchTraining

    return PyTorchTraining, VERSION


def main(framework, directory, cases):
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    start_training, version = backend(framework)
    for case in cases:
        configuration = CASES[framework][case]
        training = start_training(configuration)
        trajectory = {"case": case, "framework": version, "configuration": configuration}
        if configuration["objective"]["loss"] == "publishedCrossEntropy":
            trajectory["publishedLogits"] = published_logits()
        trajectory["steps"] = [
            summary(training.step(batch(configuration, k))) for k in range(STEPS)
        ]
        path = directory / f"{case}.json"
        path.write_text(json.dumps(trajectory, separators=(",", ":"), allow_nan=False) + "\n")
        print(path, path.stat().st_size, "bytes", file=sys.stderr)


if __name__ == "__main__":
    framework, directory, *cases = sys.argv[1:] if len(sys.argv) > 2 else ("", "")
    if framework not in CASES or not set(cases) <= CASES[framework].keys():
        sys.exit("usage: python trajectories.py tensorflow|pytorch OUTPUT_DIRECTORY [CASE…]")
    main(framework, directory, cases or CASES[framework])
