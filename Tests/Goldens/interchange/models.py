"""The modules and models that take converted weights: PyTorch's SelfGAN and Keras' generator and discriminator.

`model` is the section of that name of a configuration: kind, layout, latentSize and image. PyTorch's images are
[N, channels, height, width], Keras' [N, height, width, channels]. With layout `pytorch` the PyTorch modules are those
of the published notebooks, with layout `keras` the Keras models are; the other two compute the same.
"""

import math


def _same(size, stride, kernel=3):
    """TensorFlow's "same": zeros (before, after) one axis."""
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def _shape(model):
    image = model["image"]
    return image["height"], image["width"], image["channels"]


# --- PyTorch


def pytorch(model):
    """A module with `generator` and `discriminator`, for the whole state_dict."""
    from torch import nn

    class Network(nn.Module):
        """A name for each part of the network, as the published modules have them."""

        def __init__(self, view, **parts):
            super().__init__()
            for name, layers in parts.items():
                setattr(self, name, nn.Sequential(*layers))
            self.parts, self.view = list(parts), view

        def forward(self, x):
            for index, part in enumerate(self.parts):
                x = getattr(self, part)(self.view(x) if index == len(self.parts) - 1 else x)
            return x

    class SelfGAN(nn.Module):
        def __init__(self, generator, discriminator):
            super().__init__()
            self.generator = generator
            self.discriminator = discriminator

    return SelfGAN(*_PYTORCH[model["kind"]](nn, Network, model))


def _pytorch_gan(nn, network, model):
    height, width, channels = _shape(model)
    pixels = height * width * channels

    def keras_block(inputs, outputs):
        norm = nn.BatchNorm1d(outputs, eps=1e-3, momentum=0.2)
        return [nn.Linear(inputs, outputs), nn.LeakyReLU(0.2), norm]

    def published_block(inputs, outputs):
        # 0.8 is ε: the published call.
        return [nn.Linear(inputs, outputs), nn.BatchNorm1d(outputs, 0.8), nn.LeakyReLU(0.2)]

    if model["layout"] == "keras":
        widths, block, first = [model["latentSize"], 256, 512, 1024], keras_block, []
    else:
        widths, block = [128, 256, 512, 1024], published_block
        first = [nn.Linear(model["latentSize"], 128), nn.LeakyReLU(0.2)]
    blocks = [layer for sizes in zip(widths, widths[1:]) for layer in block(*sizes)]
    generator = network(
        lambda z: z,
        model=first
        + blocks
        + [nn.Linear(1024, pixels), nn.Tanh(), nn.Unflatten(1, (channels, height, width))],
    )
    discriminator = network(
        lambda images: images.flatten(1),
        model=[
            nn.Linear(pixels, 512), nn.LeakyReLU(0.2),
            nn.Linear(512, 256), nn.LeakyReLU(0.2),
            nn.Linear(256, 1), nn.Sigmoid(),
        ],
    )  # fmt: skip
    return generator, discriminator


def _pytorch_dcgan(nn, network, model):
    height, width, channels = _shape(model)
    start = (128, height // 4, width // 4)
    keras = model["layout"] == "keras"

    def norm(filters):
        return (
            nn.BatchNorm2d(filters, eps=1e-3, momentum=0.2)
            if keras
            else nn.BatchNorm2d(filters, 0.8)
        )

    def activation():
        return nn.ReLU() if keras else nn.LeakyReLU(0.2)

    blocks = [] if keras else [nn.BatchNorm2d(128)]
    for inputs, outputs in [(128, 128), (128, 64)]:
        blocks += [
            nn.Upsample(scale_factor=2),
            nn.Conv2d(inputs, outputs, 3, padding=1),
            norm(outputs),
            activation(),
        ]
    blocks += [nn.Conv2d(64, channels, 3, padding=1), nn.Tanh()]
    first = [nn.Linear(model["latentSize"], math.prod(start))] + ([nn.ReLU()] if keras else [])
    generator = network(lambda rows: rows.view(-1, *start), l1=first, conv_blocks=blocks)

    layers, size, inputs = [], (height, width), channels
    if keras:
        for index, filters in enumerate([32, 64, 128, 256]):
            stride = 1 if index == 3 else 2
            (top, bottom), (left, right) = (_same(extent, stride) for extent in size)
            layers += [
                nn.ZeroPad2d((left, right, top, bottom)),
                nn.Conv2d(inputs, filters, 3, stride),
            ]
            size = [-(-extent // stride) for extent in size]
            if index == 1:
                layers.append(nn.ZeroPad2d((0, 1, 0, 1)))
                size = [extent + 1 for extent in size]
            layers += ([norm(filters)] if index > 0 else []) + [nn.LeakyReLU(0.2), nn.Dropout(0.25)]
            inputs = filters
    else:
        for index, filters in enumerate([16, 32, 64, 128]):
            layers += [nn.Conv2d(inputs, filters, 3, 2, 1), nn.LeakyReLU(0.2), nn.Dropout2d(0.25)]
            layers += [norm(filters)] if index > 0 else []
            size = [-(-extent // 2) for extent in size]
            inputs = filters
    discriminator = network(
        lambda images: images.flatten(1),
        model=layers,
        adv_layer=[nn.Linear(inputs * math.prod(size), 1), nn.Sigmoid()],
    )
    return generator, discriminator


_PYTORCH = {"gan": _pytorch_gan, "dcgan": _pytorch_dcgan}


# --- Keras


def keras(model):
    """(generator, discriminator), sequential models whose variables' paths are the tensors' names."""
    from keras import Input, Sequential, layers

    counts = {}

    def named(network, kind, name, *arguments, **options):
        """A layer that is numbered among those of its kind within its network."""
        index = counts.get((network, name), 0)
        counts[network, name] = index + 1
        return kind(*arguments, name=f"{name}_{index}" if index else name, **options)

    class Layers:
        def __init__(self, network):
            self.network, self.layers = network, []

        def add(self, *others):
            self.layers += others

        def dense(self, outputs):
            self.add(named(self.network, layers.Dense, "dense", outputs))

        def conv(self, filters, stride=1, padding="same"):
            self.add(
                named(
                    self.network, layers.Conv2D, "conv2d", filters, 3, strides=stride,
                    padding=padding,
                )
            )  # fmt: skip

        def norm(self, epsilon=None):
            keras_layout = model["layout"] == "keras"
            self.add(
                named(
                    self.network, layers.BatchNormalization, "batch_normalization",
                    momentum=0.8 if keras_layout else 0.9,
                    epsilon=epsilon or (1e-3 if keras_layout else 0.8),
                )
            )  # fmt: skip

    def leaky():
        return layers.LeakyReLU(negative_slope=0.2)

    generator, discriminator = Layers("generator"), Layers("discriminator")
    _KERAS[model["kind"]](layers, leaky, model, generator, discriminator)
    return (
        Sequential([Input((model["latentSize"],)), *generator.layers], name="generator"),
        Sequential([Input(_shape(model)), *discriminator.layers], name="discriminator"),
    )


def _keras_gan(layers, leaky, model, generator, discriminator):
    if model["layout"] == "keras":
        for width in (256, 512, 1024):
            generator.dense(width)
            generator.add(leaky())
            generator.norm()
    else:
        generator.dense(128)
        generator.add(leaky())
        for width in (256, 512, 1024):
            generator.dense(width)
            generator.norm()
            generator.add(leaky())
    generator.dense(math.prod(_shape(model)))
    generator.add(layers.Activation("tanh"), layers.Reshape(_shape(model)))

    discriminator.add(layers.Flatten())
    for width in (512, 256):
        discriminator.dense(width)
        discriminator.add(leaky())
    discriminator.dense(1)
    discriminator.add(layers.Activation("sigmoid"))


def _keras_dcgan(layers, leaky, model, generator, discriminator):
    height, width, channels = _shape(model)
    keras_layout = model["layout"] == "keras"
    start = (height // 4, width // 4, 128)
    generator.dense(math.prod(start))
    if keras_layout:
        generator.add(layers.ReLU())
    generator.add(layers.Reshape(start))
    if not keras_layout:
        generator.norm(epsilon=1e-5)
    for filters in (128, 64):
        generator.add(layers.UpSampling2D())
        generator.conv(filters)
        generator.norm()
        generator.add(layers.ReLU() if keras_layout else leaky())
    generator.conv(channels)
    generator.add(layers.Activation("tanh"))

    if keras_layout:
        for index, filters in enumerate((32, 64, 128, 256)):
            discriminator.conv(filters, stride=1 if index == 3 else 2)
            if index == 1:
                discriminator.add(layers.ZeroPadding2D(((0, 1), (0, 1))))
            if index > 0:
                discriminator.norm()
            discriminator.add(leaky(), layers.Dropout(0.25))
    else:
        for index, filters in enumerate((16, 32, 64, 128)):
            discriminator.add(layers.ZeroPadding2D(1))
            discriminator.conv(filters, stride=2, padding="valid")
            discriminator.add(leaky(), layers.SpatialDropout2D(0.25))
            if index > 0:
                discriminator.norm()
    discriminator.add(layers.Flatten())
    discriminator.dense(1)
    discriminator.add(layers.Activation("sigmoid"))


_KERAS = {"gan": _keras_gan, "dcgan": _keras_dcgan}
