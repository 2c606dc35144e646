"""Writes interchange.json: what PyTorch, Keras and ONNX Runtime make of the same weights and noise.

Weights are draws of the streams `interchange/<variable>`, seed 7, which this script puts into models.py's modules by
a way of its own: layer by layer, in their order. A tensor's `projection` is Σᵢ uᵢ·xᵢ over its flat elements, u the
uniform draws of stream `projection`. Noise is stream `noise`; images are [N, height, width, channels].

The ONNX models beside it are written by `RECORD_GOLDENS=1 launch/test --filter InterchangeTests`.

    pip install -r ../requirements.txt; python make_goldens.py
"""

import json
import math
import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
here = Path(__file__).resolve().parent
sys.path[:0] = [str(here), str(here.parent)]

import numpy as np
import onnxruntime
import torch

import models
import networks
from draws import RandomStream

SEED = 7
EXAMPLES = 3
CASES = {
    "gan-keras": ("gan", "keras", 6, 5, 3),
    "gan-pytorch": ("gan", "pytorch", 5, 6, 2),
    "dcgan-keras": ("dcgan", "keras", 8, 12, 3),
    "dcgan-pytorch": ("dcgan", "pytorch", 20, 16, 2),
}


def uniform(name, shape):
    return RandomStream(SEED, name).uniform(1, math.prod(shape), 0).reshape(shape)


def variable(name, shape):
    """Kernels ±√(3 / inputs), so that numbers keep their size; what scales and deviates is in (0.5, 1.5)."""
    u = uniform(f"interchange/{name}", shape)
    part = name.split("/")[-1]
    if part == "kernel":
        value = (2 * u - 1) * math.sqrt(3 / math.prod(shape[:-1]))
    elif part in ("gamma", "moving_variance"):
        value = 0.5 + u
    else:
        value = u - 0.5
    return value.astype(np.float32)


def noise(latent):
    return RandomStream(SEED, "noise").normal(EXAMPLES, latent, 0).astype(np.float32)


def projection(array):
    flat = np.asarray(array, dtype=np.float64).ravel()
    return float(uniform("projection", flat.shape) @ flat)


def described(tensors):
    return {
        name: {"shape": list(array.shape), "projection": projection(array)}
        for name, array in tensors
    }


def numbers(array):
    return [float(f"{x:.8g}") for x in np.asarray(array, dtype=np.float64).ravel()]


def weighted_layers(model, network):
    """(path, kind, variables) of the layers that have weights, in their order."""
    shapes = networks.initial_values(model, SEED)
    for path, layer in networks.named_layers(network, networks.networks(model)[network]):
        if layer[0] in ("dense", "conv", "batch_norm"):
            parts = [name for name in shapes if name.startswith(path + "/")]
            yield layer[0], [variable(name, shapes[name].shape) for name in parts]


def channels_first(image):
    """Where PyTorch's row of an image's numbers has them in this project's."""
    height, width, channels = image
    return np.arange(math.prod(image)).reshape(image).transpose(2, 0, 1).ravel()


def fill_pytorch(network, layers, image_in, image_out):
    modules = [m for m in network.modules() if hasattr(m, "weight")]
    for module, (kind, values) in zip(modules, layers, strict=True):
        if kind == "batch_norm":
            targets = [module.weight, module.bias, module.running_mean, module.running_var]
        else:
            kernel, bias = values
            axes = (1, 0) if kind == "dense" else (3, 2, 0, 1)
            kernel = kernel.transpose(axes)
            if kind == "dense" and image_in and kernel.shape[1] == math.prod(image_in):
                kernel = kernel[:, channels_first(image_in)]
            if kind == "dense" and image_out and kernel.shape[0] == math.prod(image_out):
                order = channels_first(image_out)
                kernel, bias = kernel[order], bias[order]
            values, targets = [kernel, bias], [module.weight, module.bias]
        for target, value in zip(targets, values, strict=True):
            target.copy_(torch.from_numpy(np.ascontiguousarray(value)))


@torch.no_grad()
def pytorch_case(model):
    image = networks.image_shape(model)
    module = models.pytorch(model).eval()
    made, taken = image, image
    if model["kind"] == "dcgan":
        made = (image[0] // 4, image[1] // 4, 128)
        convolved = module.discriminator.model(torch.zeros(1, image[2], *image[:2]))
        taken = tuple(convolved.shape[i] for i in (2, 3, 1))
    fill_pytorch(module.generator, weighted_layers(model, "generator"), None, made)
    fill_pytorch(module.discriminator, weighted_layers(model, "discriminator"), taken, None)
    images = module.generator(torch.from_numpy(noise(model["latentSize"])))
    validity = module.discriminator(images)
    tensors = [(name, tensor.numpy()) for name, tensor in module.state_dict().items()]
    return {
        "tensors": described(tensors),
        "images": numbers(images.permute(0, 2, 3, 1)),
        "validity": numbers(validity),
    }


def keras_case(model):
    generator, discriminator = models.keras(model)
    for network in (generator, discriminator):
        network.set_weights(
            [value for _, values in weighted_layers(model, network.name) for value in values]
        )
    images = generator(noise(model["latentSize"]), training=False)
    validity = discriminator(images, training=False)
    tensors = [(v.path, v.numpy()) for m in (generator, discriminator) for v in m.weights]
    return {
        "tensors": described(tensors),
        "images": numbers(images),
        "validity": numbers(validity),
    }


def onnx_case(path):
    session = onnxruntime.InferenceSession(path)
    (source,), (target,) = session.get_inputs(), session.get_outputs()
    return numbers(session.run([target.name], {source.name: noise(source.shape[1])})[0])


def main():
    cases = {}
    for name, (kind, layout, height, width, channels) in CASES.items():
        model = {
            "kind": kind, "layout": layout, "latentSize": 5,
            "image": {"height": height, "width": width, "channels": channels},
        }  # fmt: skip
        cases[name] = {
            "model": model, "pytorch": pytorch_case(model), "keras": keras_case(model),
        }  # fmt: skip
    onnx = {path.stem: onnx_case(path) for path in sorted(here.glob("*.onnx"))}
    text = json.dumps({"cases": cases, "onnx": onnx}, indent=1)
    (here / "interchange.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
