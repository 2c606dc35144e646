"""Compares `selfgan` with PyTorch, Keras and ONNX Runtime through converted files: not part of the tests, since it needs
all three.

    pip install -r ../requirements.txt
    python check_interchange.py ../../../.build/release/selfgan [CASE]…

Out: a model is trained for a few steps, converted, and asked for 64 images of the noise of `selfgan sample`.
In: modules with the frameworks' own random weights are converted, and the images (and, without dropout, the
validities) of the first training step are compared with the framework's, replica by replica.

Prints the largest differences, and fails where one is above 1e-5.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
here = Path(__file__).resolve().parent
sys.path[:0] = [str(here), str(here.parent)]

import keras
import numpy as np
import onnx
import onnxruntime
import torch
from safetensors import safe_open
from safetensors.numpy import load_file as load_arrays
from safetensors.numpy import save_file as save_arrays
from safetensors.torch import load_file as load_tensors
from safetensors.torch import save_file as save_tensors

import models
from draws import RandomStream

CONFIGS = here.parents[2] / "configs"
BOUND = 1e-5
COMMON = ["data.kind=synthetic", "batchSize=16"]
CASES = {
    "gan, keras": ("gan", []),
    "gan, keras, 20×24×3": ("gan", [f"model.image.{k}" for k in ("height=20", "width=24", "channels=3")]),
    "gan, pytorch": ("gan-gpu", []),
    "gan, pytorch, 8 replicas": ("gan-gpu-shards", []),
    "dcgan, keras": ("dcgan", []),
    "dcgan, keras, 64×64×3": ("dcgan-bedroom", []),
    "dcgan, pytorch": ("dcgan-gpu", []),
    "dcgan, pytorch, 4 replicas": ("dcgan-gpu", ["replicas=4"]),
}  # fmt: skip


class Check:
    def __init__(self, selfgan, directory, config, settings):
        self.selfgan, self.directory = selfgan, Path(directory)
        self.config = str(CONFIGS / f"{config}.yaml")
        self.settings = [part for s in COMMON + settings for part in ("--set", s)]
        self.failed = False

    def run(self, *arguments):
        result = subprocess.run(
            [self.selfgan, *map(str, arguments)], cwd=self.directory, capture_output=True, text=True
        )
        if result.returncode:
            sys.exit(f"{arguments}: exit {result.returncode}: {result.stderr}")

    def say(self, what, difference):
        self.failed |= not difference <= BOUND
        print(f"    {what:48} {difference:.1e}{'' if difference <= BOUND else '  TOO MUCH'}")

    def file(self, name):
        return str(self.directory / name)

    def convert(self, source, target, output, *more):
        self.run("checkpoint", "convert", source, "--to", target, "--output", output, *more)

    # --- Out

    def out(self):
        self.run(
            "train", self.config, *self.settings, "--steps", 20, "--output", "run", "--quiet"
        )  # fmt: skip
        for statistics in ("first", "mean"):
            self.run(
                "sample", "run", "--count", 64, "--statistics", statistics, "--output",
                "ours.npy", "--quiet",
            )  # fmt: skip
            ours = np.load(self.file("ours.npy"))
            for target in ("pytorch", "keras", "onnx"):
                self.convert("run", target, f"out.{target}", "--statistics", statistics)
            with safe_open(self.file("out.pytorch"), "np") as file:
                config = json.loads(file.metadata()["config"])
            noise = RandomStream(config["seed"], "samples")
            noise = noise.normal(64, config["model"]["latentSize"], 0).astype(np.float32)
            for target, images in [
                ("PyTorch", self.pytorch_images(config["model"], noise)),
                ("Keras", self.keras_images(config["model"], noise)),
                ("ONNX Runtime", self.onnx_images(noise)),
            ]:
                assert images.shape == ours.shape and np.abs(ours).max() > 0.05
                self.say(f"{target}, --statistics {statistics}", np.abs(images - ours).max())

    @torch.no_grad()
    def pytorch_images(self, model, noise):
        module = models.pytorch(model)
        module.load_state_dict(load_tensors(self.file("out.pytorch")), strict=True)
        return module.eval().generator(torch.from_numpy(noise)).permute(0, 2, 3, 1).numpy()

    def keras_images(self, model, noise):
        tensors = load_arrays(self.file("out.keras"))
        generator, discriminator = models.keras(model)
        for network in (generator, discriminator):
            network.set_weights([tensors.pop(v.path) for v in network.weights])
        assert not tensors
        return keras.ops.convert_to_numpy(generator(noise, training=False))

    def onnx_images(self, noise):
        onnx.checker.check_model(self.file("out.onnx"), full_check=True)
        session = onnxruntime.InferenceSession(self.file("out.onnx"))
        assert [i.shape[0] for i in session.get_inputs()] == ["N"]
        return session.run(["images"], {"noise": noise})[0]

    # --- In

    def back(self):
        for source in ("pytorch", "keras"):
            self.run("trace", self.config, *self.settings, "--steps", 1, "--output", "config.trace")
            with safe_open(self.file("config.trace"), "np") as file:
                config = json.loads(file.metadata()["config"])
            torch.manual_seed(1)
            keras.utils.set_random_seed(1)
            framework = (PyTorch if source == "pytorch" else Keras)(config["model"])
            framework.save(self.file("foreign"))
            self.run(
                "checkpoint", "convert", "foreign", "--from", source, "--config", self.config,
                *self.settings, "--output", "new",
            )  # fmt: skip
            self.run(
                "trace", self.config, *self.settings, "--steps", 1, "--initial", "new", "--output",
                "trace",
            )  # fmt: skip
            self.run(
                "train", self.config, *self.settings, "--steps", 1, "--resume", "new", "--output",
                f"resumed-{source}", "--allow-change", "steps", "--quiet",
            )  # fmt: skip
            self.compare(source, framework, config, load_arrays(self.file("trace")))
            # There and back: the same bits.
            self.convert("new", source, "again")
            before, after = load_arrays(self.file("foreign")), load_arrays(self.file("again"))
            assert before.keys() == after.keys()
            for name in before:
                assert before[name].tobytes() == after[name].tobytes(), name

    def compare(self, source, framework, config, trace):
        replicas = config["replicas"]
        shards = {n: np.split(trace[f"step/0/{n}"], replicas) for n in ("noise", "real", "generated")}
        images = [framework.generate(noise) for noise in shards["noise"]]
        self.say(
            f"the first step's images of {source}'s weights",
            np.abs(np.concatenate(images) - trace["step/0/generated"]).max(),
        )
        if config["model"]["kind"] == "gan":
            for column, inputs in [("generated", images), ("real", shards["real"])]:
                theirs = [framework.judge(x).mean() for x in inputs]
                ours = [trace[f"step/0/replica/{r}/validity_{column}"] for r in range(replicas)]
                self.say(f"its mean validities, {column}", np.abs(np.subtract(theirs, ours)).max())


class PyTorch:
    def __init__(self, model):
        self.module = models.pytorch(model)

    def save(self, path):
        save_tensors(self.module.state_dict(), path)

    @torch.no_grad()
    def generate(self, noise):
        images = self.module.generator.train()(torch.from_numpy(noise))
        return images.permute(0, 2, 3, 1).numpy()

    @torch.no_grad()
    def judge(self, images):
        images = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))
        return self.module.discriminator(images).numpy()


class Keras:
    def __init__(self, model):
        self.generator, self.discriminator = models.keras(model)

    def save(self, path):
        weights = self.generator.weights + self.discriminator.weights
        save_arrays({v.path: keras.ops.convert_to_numpy(v) for v in weights}, path)

    def generate(self, noise):
        return keras.ops.convert_to_numpy(self.generator(noise, training=True))

    def judge(self, images):
        return keras.ops.convert_to_numpy(self.discriminator(images, training=True))


def main():
    selfgan = str(Path(sys.argv[1]).resolve())
    failed = False
    for name in sys.argv[2:] or CASES:
        config, settings = CASES[name]
        print(name, flush=True)
        with tempfile.TemporaryDirectory() as directory:
            check = Check(selfgan, directory, config, settings)
            check.out()
            check.back()
        failed |= check.failed
    sys.exit(failed)


if __name__ == "__main__":
    main()
