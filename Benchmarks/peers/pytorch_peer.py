"""One training step in PyTorch, a process for each replica, with gradients averaged by
DistributedDataParallel over gloo: pytorch_peer.py MODEL [--steps N] [--warmup N]"""

import itertools
import os
import tempfile
from datetime import timedelta
from pathlib import Path

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from measurement import (
    ADAM, BATCH_NORM_EPSILON, BATCH_NORM_MOMENTUM, DISCRIMINATOR_FILTERS, DISCRIMINATOR_WIDTHS,
    DROPOUT, GENERATOR_FILTERS, GENERATOR_WIDTHS, LATENT, PROBABILITY_EPSILON, REPLICAS,
    SEED_CHANNELS, SHARD, SLOPE, Batches, measured, parsed_arguments, show,
)

# How long a process waits for the others.
PATIENCE = timedelta(seconds=60)


def leaky_relu():
    return nn.LeakyReLU(SLOPE)


def batch_norm(kind, channels):
    return kind(channels, BATCH_NORM_EPSILON, 1 - BATCH_NORM_MOMENTUM)


def convolution(inputs, filters, size, stride=1):
    """A 3×3 convolution with the padding that TensorFlow calls "same", whose odd row and column
    come last, and the size of what it puts out."""
    outputs = -(-size // stride)
    total = max((outputs - 1) * stride + 3 - size, 0)
    before, after = total // 2, total - total // 2
    layers = [nn.Conv2d(inputs, filters, 3, stride, padding=before)]
    if after > before:
        layers = [nn.ZeroPad2d((0, 1, 0, 1)), *layers]
    return layers, outputs


def dense_networks(image):
    generator, discriminator = [], [nn.Flatten()]
    for inputs, outputs in itertools.pairwise((LATENT, *GENERATOR_WIDTHS)):
        generator += [
            nn.Linear(inputs, outputs), leaky_relu(), batch_norm(nn.BatchNorm1d, outputs)]
    pixels = image.numel()
    generator += [nn.Linear(GENERATOR_WIDTHS[-1], pixels), nn.Tanh(), nn.Unflatten(1, image)]
    for inputs, outputs in itertools.pairwise((pixels, *DISCRIMINATOR_WIDTHS)):
        discriminator += [nn.Linear(inputs, outputs), leaky_relu()]
    return generator, [*discriminator, nn.Linear(DISCRIMINATOR_WIDTHS[-1], 1)]


def convolutional_networks(image):
    channels, size, _ = image
    inputs, extent = SEED_CHANNELS, size // 4
    seed = torch.Size((inputs, extent, extent))
    generator = [nn.Linear(LATENT, seed.numel()), nn.ReLU(), nn.Unflatten(1, seed)]
    for filters in GENERATOR_FILTERS:
        layers, extent = convolution(inputs, filters, 2 * extent)
        generator += [
            nn.Upsample(scale_factor=2), *layers, batch_norm(nn.BatchNorm2d, filters), nn.ReLU()]
        inputs = filters
    layers, _ = convolution(inputs, channels, extent)
    generator += [*layers, nn.Tanh()]

    discriminator, inputs, extent = [], channels, size
    for index, (filters, stride) in enumerate(DISCRIMINATOR_FILTERS):
        layers, extent = convolution(inputs, filters, extent, stride)
        discriminator += layers
        if index == 1:
            discriminator += [nn.ZeroPad2d((0, 1, 0, 1))]
            extent += 1
        if index > 0:
            discriminator += [batch_norm(nn.BatchNorm2d, filters)]
        discriminator += [leaky_relu(), nn.Dropout(DROPOUT)]
        inputs = filters
    return generator, [*discriminator, nn.Flatten(), nn.Linear(inputs * extent * extent, 1)]


def glorot_uniform(layer):
    if isinstance(layer, (nn.Linear, nn.Conv2d)):
        nn.init.xavier_uniform_(layer.weight)
        nn.init.zeros_(layer.bias)


class Passes(nn.Module):
    """The generator and three passes through the discriminator: one module, since one pass back
    through all of it gives all gradients."""

    def __init__(self, model, image):
        super().__init__()
        networks = dense_networks if model == "gan" else convolutional_networks
        generator, discriminator = networks(image)
        self.generator = nn.Sequential(*generator)
        self.discriminator = nn.Sequential(*discriminator, nn.Sigmoid())
        self.apply(glorot_uniform)

    def forward(self, noise, real, last):
        generated = self.generator(noise)
        return generated, [self.discriminator(images) for images in (generated, real, last)]


def cross_entropy(validity, is_real):
    p = validity.clamp(PROBABILITY_EPSILON, 1 - PROBABILITY_EPSILON)
    return -torch.log(p if is_real else 1 - p)


def objective(validities):
    """The objective of one replica, whose weights are its mean losses."""
    losses = [cross_entropy(*each) for each in zip(validities, (True, True, False))]
    weights = [loss.mean() for loss in losses]
    return (sum(w * loss for w, loss in zip(weights, losses)) / sum(weights)).mean()


def train(replica, arguments, rendezvous):
    """What the process of one replica does. The loss and the times are those of the first."""
    torch.set_num_threads(1)
    torch.manual_seed(replica)
    distributed.init_process_group(
        "gloo", init_method=rendezvous, rank=replica, world_size=REPLICAS, timeout=PATIENCE)
    height, width, channels = arguments.image
    image = torch.Size((channels, height, width))
    # Buffers are the moving statistics, which each replica keeps for itself.
    model = DistributedDataParallel(
        Passes(arguments.model, image), forward_sync_buffers=False, gradient_as_bucket_view=True)
    optimizer = torch.optim.Adam(
        model.parameters(), ADAM["learning_rate"], (ADAM["beta1"], ADAM["beta2"]),
        ADAM["epsilon"], fused=True)
    last = torch.zeros(SHARD, *image)

    def step(real):
        nonlocal last
        optimizer.zero_grad()
        generated, validities = model(torch.randn(SHARD, LATENT), torch.from_numpy(real), last)
        loss = objective(validities)
        loss.backward()
        optimizer.step()
        last = generated.detach()
        return loss.item()

    batches = Batches(image, examples=SHARD, seed=replica)
    figures = measured(arguments, "PyTorch DDP", torch.__version__, step, batches)
    if replica == 0:
        show(figures)
    distributed.destroy_process_group()


if __name__ == "__main__":
    arguments = parsed_arguments(__doc__)
    # All processes are on this machine, whatever its name resolves to.
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    with tempfile.TemporaryDirectory() as directory:
        rendezvous = (Path(directory) / "rendezvous").as_uri()
        # The processes are forked from one that has imported what takes seconds: torch, and what
        # DistributedDataParallel imports as it is made.
        torch.multiprocessing.set_forkserver_preload(["torch", "torch._dynamo"])
        torch.multiprocessing.start_processes(
            train, (arguments, rendezvous), REPLICAS, start_method="forkserver")
