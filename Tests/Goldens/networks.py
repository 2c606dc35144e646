"""The models' layers, parameter names, and initial values, in both layouts."""

import math

import numpy as np

from draws import RandomStream

SLOPE = 0.2
DROPOUT_RATE = 0.25

# A layer is one of these, with images as [height, width, channels]:
#   ("dense", inputs, outputs)
#   ("conv", inputs, outputs, stride)    3×3; padded as TensorFlow's "same", in PyTorch by 1
#   ("batch_norm", channels, epsilon)    0.8 in PyTorch: the published networks' own call
#   ("dropout", shape)                   of an example's multipliers; (1, 1, c) drops feature maps
#   ("reshape", shape), ("flatten",)
#   ("upsample",)                        each pixel becomes 2×2
#   ("pad",)                             a row of zeros below, a column on the right
#   (an activation's name,)
_NUMBERED = ("dense", "conv", "batch_norm", "dropout")


def networks(model):
    """{network: layers} of a configuration's `model`."""
    build = _LAYERS[model["kind"], model["layout"]]
    generator, discriminator = build(model["latentSize"], image_shape(model))
    return {"generator": generator, "discriminator": discriminator}


def image_shape(model):
    image = model["image"]
    return image["height"], image["width"], image["channels"]


def named_layers(network, layers):
    """Pairs each layer with its path (`generator/dense_0`), or None where it needs no name."""
    counts = {}
    for layer in layers:
        kind = layer[0]
        if kind in _NUMBERED:
            index = counts.get(kind, 0)
            counts[kind] = index + 1
            yield f"{network}/{kind}_{index}", layer
        else:
            yield None, layer


def _keras_gan(latent, image):
    generator = [
        ("dense", latent, 256), ("leaky_relu",), ("batch_norm", 256, 1e-3),
        ("dense", 256, 512), ("leaky_relu",), ("batch_norm", 512, 1e-3),
        ("dense", 512, 1024), ("leaky_relu",), ("batch_norm", 1024, 1e-3),
        ("dense", 1024, math.prod(image)), ("tanh",), ("reshape", image),
    ]  # fmt: skip
    return generator, _gan_discriminator(image)


def _pytorch_gan(latent, image):
    generator = [
        ("dense", latent, 128), ("leaky_relu",),
        ("dense", 128, 256), ("batch_norm", 256, 0.8), ("leaky_relu",),
        ("dense", 256, 512), ("batch_norm", 512, 0.8), ("leaky_relu",),
        ("dense", 512, 1024), ("batch_norm", 1024, 0.8), ("leaky_relu",),
        ("dense", 1024, math.prod(image)), ("tanh",), ("reshape", image),
    ]  # fmt: skip
    return generator, _gan_discriminator(image)


def _gan_discriminator(image):
    return [
        ("flatten",),
        ("dense", math.prod(image), 512), ("leaky_relu",),
        ("dense", 512, 256), ("leaky_relu",),
        ("dense", 256, 1), ("sigmoid",),
    ]  # fmt: skip


def _keras_dcgan(latent, image):
    height, width, channels = image
    start = (height // 4, width // 4, 128)
    generator = [
        ("dense", latent, math.prod(start)), ("relu",), ("reshape", start),
        ("upsample",), ("conv", 128, 128, 1), ("batch_norm", 128, 1e-3), ("relu",),
        ("upsample",), ("conv", 128, 64, 1), ("batch_norm", 64, 1e-3), ("relu",),
        ("conv", 64, channels, 1), ("tanh",),
    ]  # fmt: skip
    first = _halved(image, 32)
    second = _padded(_halved(first, 64))
    third = _halved(second, 128)
    fourth = (*third[:2], 256)
    discriminator = [
        ("conv", channels, 32, 2), ("leaky_relu",), ("dropout", first),
        ("conv", 32, 64, 2), ("pad",), ("batch_norm", 64, 1e-3), ("leaky_relu",),
        ("dropout", second),
        ("conv", 64, 128, 2), ("batch_norm", 128, 1e-3), ("leaky_relu",), ("dropout", third),
        ("conv", 128, 256, 1), ("batch_norm", 256, 1e-3), ("leaky_relu",), ("dropout", fourth),
        ("flatten",), ("dense", math.prod(fourth), 1), ("sigmoid",),
    ]  # fmt: skip
    return generator, discriminator


def _pytorch_dcgan(latent, image):
    height, width, channels = image
    start = (height // 4, width // 4, 128)
    generator = [
        ("dense", latent, math.prod(start)), ("reshape", start), ("batch_norm", 128, 1e-5),
        ("upsample",), ("conv", 128, 128, 1), ("batch_norm", 128, 0.8), ("leaky_relu",),
        ("upsample",), ("conv", 128, 64, 1), ("batch_norm", 64, 0.8), ("leaky_relu",),
        ("conv", 64, channels, 1), ("tanh",),
    ]  # fmt: skip
    last = image
    for outputs in (16, 32, 64, 128):
        last = _halved(last, outputs)
    discriminator = [
        ("conv", channels, 16, 2), ("leaky_relu",), ("dropout", (1, 1, 16)),
        ("conv", 16, 32, 2), ("leaky_relu",), ("dropout", (1, 1, 32)), ("batch_norm", 32, 0.8),
        ("conv", 32, 64, 2), ("leaky_relu",), ("dropout", (1, 1, 64)), ("batch_norm", 64, 0.8),
        ("conv", 64, 128, 2), ("leaky_relu",), ("dropout", (1, 1, 128)), ("batch_norm", 128, 0.8),
        ("flatten",), ("dense", math.prod(last), 1), ("sigmoid",),
    ]  # fmt: skip
    return generator, discriminator


def _halved(shape, channels):
    """What a convolution of stride 2 makes of an image's shape."""
    height, width, _ = shape
    return (height + 1) // 2, (width + 1) // 2, channels


def _padded(shape):
    height, width, channels = shape
    return height + 1, width + 1, channels


_LAYERS = {
    ("gan", "keras"): _keras_gan,
    ("gan", "pytorch"): _pytorch_gan,
    ("dcgan", "keras"): _keras_dcgan,
    ("dcgan", "pytorch"): _pytorch_dcgan,
}


def initial_values(model, seed):
    """Every parameter's initial value by name, rounded to float32.

    Kernels are [in, out] and [3, 3, in, out]. Keras: Glorot-uniform kernels, zero biases.
    PyTorch: U(±1/√fan_in), but convolution kernels N(0, 0.02); a dcgan's gammas are N(1, 0.02).
    """
    values = {}
    for network, layers in networks(model).items():
        for path, layer in named_layers(network, layers):
            if layer[0] in ("dense", "conv"):
                initialise = _keras_kernel if model["layout"] == "keras" else _pytorch_kernel
                values |= initialise(seed, path, layer)
            elif layer[0] == "batch_norm":
                channels = layer[1]
                scattered = model["kind"] == "dcgan" and model["layout"] == "pytorch"
                values[f"{path}/gamma"] = (
                    _rounded(1 + 0.02 * _normal(seed, f"{path}/gamma", (channels,)))
                    if scattered
                    else np.ones(channels)
                )
                values[f"{path}/beta"] = np.zeros(channels)
                values[f"{path}/moving_mean"] = np.zeros(channels)
                values[f"{path}/moving_variance"] = np.ones(channels)
    return values


def is_moving_statistic(name):
    return name.endswith(("/moving_mean", "/moving_variance"))


def _keras_kernel(seed, path, layer):
    shape = _kernel_shape(layer)
    *window, inputs, outputs = shape
    limit = math.sqrt(6 / (math.prod(window) * (inputs + outputs)))
    return {
        f"{path}/kernel": _symmetric(seed, f"{path}/kernel", limit, shape),
        f"{path}/bias": np.zeros(outputs),
    }


def _pytorch_kernel(seed, path, layer):
    shape = _kernel_shape(layer)
    limit = 1 / math.sqrt(math.prod(shape[:-1]))
    return {
        f"{path}/kernel": (
            _rounded(0.02 * _normal(seed, f"{path}/kernel", shape))
            if layer[0] == "conv"
            else _symmetric(seed, f"{path}/kernel", limit, shape)
        ),
        f"{path}/bias": _symmetric(seed, f"{path}/bias", limit, shape[-1:]),
    }


def _kernel_shape(layer):
    kind, inputs, outputs = layer[:3]
    return (3, 3, inputs, outputs) if kind == "conv" else (inputs, outputs)


def _symmetric(seed, name, limit, shape):
    uniform = RandomStream(seed, f"initial/{name}").uniform(1, math.prod(shape), 0)
    return _rounded(limit * (2 * uniform - 1)).reshape(shape)


def _normal(seed, name, shape):
    return RandomStream(seed, f"initial/{name}").normal(1, math.prod(shape), 0).reshape(shape)


def _rounded(values):
    return values.astype(np.float32).astype(np.float64)
