"""What a training step is given: noise, real images and the dropout layers' multipliers."""

import math
from typing import NamedTuple

import numpy as np

from draws import RandomStream
from networks import DROPOUT_RATE, image_shape, named_layers, networks
from objectives import Passes


class Batch(NamedTuple):
    """The global batch, or a replica's part of it."""

    noise: np.ndarray  # [examples, latent]
    real: np.ndarray  # [examples, height, width, channels]
    dropout: Passes  # of {layer: multipliers [examples, height or 1, width or 1, channels]}

    def shards(self, count):
        """Equal parts of consecutive examples, one a replica."""
        examples = len(self.real) // count
        parts = [slice(i * examples, (i + 1) * examples) for i in range(count)]
        return [
            Batch(self.noise[part], self.real[part], self.dropout.map(lambda m: _rows(m, part)))
            for part in parts
        ]


def batch(configuration, step):
    """The global batch of a step, in replica order."""
    model, seed = configuration["model"], configuration["seed"]
    examples = configuration["batchSize"]
    image = image_shape(model)
    uniform = RandomStream(seed, "golden/real").uniform(examples, math.prod(image), step)
    return Batch(
        noise=RandomStream(seed, "noise").normal(examples, model["latentSize"], step),
        real=(2 * uniform - 1).reshape(examples, *image),
        dropout=Passes(*Passes._fields).map(
            lambda name: _multipliers(model, seed, name, examples, step)
        ),
    )


def _multipliers(model, seed, pass_name, examples, step):
    return {
        path: RandomStream(seed, f"{path}/{pass_name}")
        .dropout(examples, math.prod(layer[1]), step, DROPOUT_RATE)
        .reshape(examples, *layer[1])
        for path, layer in named_layers("discriminator", networks(model)["discriminator"])
        if layer[0] == "dropout"
    }


def _rows(multipliers, part):
    return {path: values[part] for path, values in multipliers.items()}
