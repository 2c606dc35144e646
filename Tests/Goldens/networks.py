"""The `gan` model's layers, parameter names, and initial values, in both layouts."""

import math

import numpy as np

from draws import RandomStream

LATENT = 100
PIXELS = 28 * 28
SLOPE = 0.2

# A layer is ("dense", inputs, outputs), ("batch_norm", channels) or (an activation's name,).
_DISCRIMINATOR = [
    ("dense", PIXELS, 512), ("leaky_relu",),
    ("dense", 512, 256), ("leaky_relu",),
    ("dense", 256, 1), ("sigmoid",),
]  # fmt: skip

NETWORKS = {
    "keras": {
        "generator": [
            ("dense", LATENT, 256), ("leaky_relu",), ("batch_norm", 256),
            ("dense", 256, 512), ("leaky_relu",), ("batch_norm", 512),
            ("dense", 512, 1024), ("leaky_relu",), ("batch_norm", 1024),
            ("dense", 1024, PIXELS), ("tanh",),
        ],
        "discriminator": _DISCRIMINATOR,
    },
    "pytorch": {
        "generator": [
            ("dense", LATENT, 128), ("leaky_relu",),
            ("dense", 128, 256), ("batch_norm", 256), ("leaky_relu",),
            ("dense", 256, 512), ("batch_norm", 512), ("leaky_relu",),
            ("dense", 512, 1024), ("batch_norm", 1024), ("leaky_relu",),
            ("dense", 1024, PIXELS), ("tanh",),
        ],
        "discriminator": _DISCRIMINATOR,
    },
}  # fmt: skip


def named_layers(network, layers):
    """Pairs each layer with its path (`generator/dense_0`), or None for an activation."""
    counts = {}
    for layer in layers:
        kind = layer[0]
        if kind in ("dense", "batch_norm"):
            index = counts.get(kind, 0)
            counts[kind] = index + 1
            yield f"{network}/{kind}_{index}", layer
        else:
            yield None, layer


def initial_values(layout, seed):
    """Every parameter's initial value by name: dense kernels [in, out], rounded to float32.

    Keras: Glorot-uniform kernels, zero biases. PyTorch: kernels and biases U(±1/√in).
    """
    values = {}
    for network, layers in NETWORKS[layout].items():
        for path, layer in named_layers(network, layers):
            if layer[0] == "dense":
                _, inputs, outputs = layer
                glorot = layout == "keras"
                limit = math.sqrt(6 / (inputs + outputs)) if glorot else 1 / math.sqrt(inputs)
                values[f"{path}/kernel"] = _symmetric(
                    seed, f"{path}/kernel", limit, (inputs, outputs)
                )
                values[f"{path}/bias"] = (
                    np.zeros(outputs)
                    if glorot
                    else _symmetric(seed, f"{path}/bias", limit, (outputs,))
                )
            elif layer[0] == "batch_norm":
                values[f"{path}/gamma"] = np.ones(layer[1])
                values[f"{path}/beta"] = np.zeros(layer[1])
                values[f"{path}/moving_mean"] = np.zeros(layer[1])
                values[f"{path}/moving_variance"] = np.ones(layer[1])
    return values


def is_moving_statistic(name):
    return name.endswith(("/moving_mean", "/moving_variance"))


def _symmetric(seed, name, limit, shape):
    uniform = RandomStream(seed, f"initial/{name}").uniform(1, math.prod(shape), 0)
    values = limit * (2 * uniform - 1)
    return values.astype(np.float32).astype(np.float64).reshape(shape)
