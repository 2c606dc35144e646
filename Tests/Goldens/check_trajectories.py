"""Checks recorded trajectories by an independent computation in NumPy.

    python check_trajectories.py DIRECTORY

Philox is held against Random123's known answers. Then, for each file, at the first step: losses,
weights, validities and images are computed again; each gradient's signed sums are directional
derivatives, so they are held against central differences of the objective; and the moving
statistics are computed again. The updates of all steps are held to Adam's formula by
`check_updates.py`, which has the whole gradients.
"""

import json
import sys
from pathlib import Path

import numpy as np

from draws import philox
from networks import NETWORKS, initial_values, is_moving_statistic, named_layers
from records import digest, signs
from trajectories import inputs

KNOWN_ANSWERS = [
    ([0] * 4, [0] * 2, "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ([0xFFFFFFFF] * 4, [0xFFFFFFFF] * 2, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    (
        [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
        [0xA4093822, 0x299F31D0],
        "d16cfe09 94fdcceb 5001e420 24126ea1",
    ),
]


class Model:
    """One case's networks, losses and objective."""

    def __init__(self, trajectory):
        configuration = trajectory["configuration"]
        self.layout = configuration["model"]["layout"]
        self.objective = configuration["objective"]
        self.logits = trajectory.get("publishedLogits")
        self.epsilon = 1e-3 if self.layout == "keras" else 0.8

    def apply(self, network, x, values, statistics=None):
        """Runs a network; appends each batch norm's (mean, biased variance) to `statistics`."""
        for path, layer in named_layers(network, NETWORKS[self.layout][network]):
            match layer[0]:
                case "dense":
                    x = x @ values[f"{path}/kernel"] + values[f"{path}/bias"]
                case "batch_norm":
                    mean = x.mean(axis=0)
                    variance = ((x - mean) ** 2).mean(axis=0)
                    if statistics is not None:
                        statistics.append((path, mean, variance))
                    x = (x - mean) / np.sqrt(variance + self.epsilon)
                    x = values[f"{path}/gamma"] * x + values[f"{path}/beta"]
                case "leaky_relu":
                    x = np.maximum(x, 0) + 0.2 * np.minimum(x, 0)
                case "tanh":
                    x = np.tanh(x)
                case "sigmoid":
                    x = 1 / (1 + np.exp(-x))
        return x

    def loss(self, p, label):
        if self.logits is None:
            return -np.log(p) if label else -np.log1p(-p)
        logit = self.logits["labelOne" if label else "labelZero"]
        return np.log1p(np.exp(logit)) - logit * p

    def columns(self, values, noise, real, last, statistics=None):
        """A replica's columns and its images."""
        generated = self.apply("generator", noise, values, statistics)
        classic = self.objective["kind"] == "classic"
        p_g, p_r, p_f = (
            self.apply("discriminator", images, values)
            for images in (generated, real, generated if classic else last)
        )
        g, r, f = self.loss(p_g, 1).mean(), self.loss(p_r, 1).mean(), self.loss(p_f, 0).mean()
        if classic:
            shares, total = [None] * 3, g + (r + f) / 2
        else:
            if self.objective["weights"] == "loss":
                v_g, v_r, v_f = g, r, f
            else:
                v_g, v_r, v_f = 1 - p_g.mean(), 1 - p_r.mean(), p_f.mean()
            if self.objective["kind"] == "selfTPU":
                v, divisor = (v_g, v_r, v_f), v_g + v_r + v_f
            else:
                v, divisor = (0.1 * v_g, 1.0, 0.9 * v_f), 2
            shares = [weight / sum(v) for weight in v]
            total = (v[0] * g + v[1] * r + v[2] * f) / divisor
        values = [total, g, r, f, *shares, p_g.mean(), p_r.mean(), p_f.mean()]
        return values, generated

    def differentiated(self, network, values, fixed_images, noise, real, last):
        """The scalar whose gradient the parameters of `network` receive."""
        if self.objective["kind"] != "classic":
            return self.columns(values, noise, real, last)[0][0]
        if network == "generator":
            return self.columns(values, noise, real, last)[0][1]
        p_r = self.apply("discriminator", real, values)
        p_f = self.apply("discriminator", fixed_images, values)
        return (self.loss(p_r, 1).mean() + self.loss(p_f, 0).mean()) / 2


def close(name, actual, expected, tolerance, scale=None):
    """Raises unless |actual − expected| ≤ tolerance · scale; scale is |expected| unless given."""
    error = abs(actual - expected) / (abs(expected) if scale is None else scale)
    if not error <= tolerance:
        raise SystemExit(f"{name}: {actual!r}, expected {expected!r} (error {error:.2e})")
    return error


def close_digest(name, actual, tensor, tolerance):
    expected = digest(tensor)
    close(f"{name} norm", actual["norm"], expected["norm"], tolerance)
    for one, other in zip(actual["sums"], expected["sums"]):
        close(f"{name} sum", one, other, tolerance, scale=np.abs(tensor).sum())


def check(trajectory):
    model = Model(trajectory)
    configuration = trajectory["configuration"]
    count = configuration["replicas"]
    values = initial_values(model.layout, configuration["seed"])
    noise, real = inputs(0)
    batch = (noise, real, np.zeros_like(real))
    shards = list(zip(*(np.split(rows, count) for rows in batch)))
    first = trajectory["steps"][0]

    images, statistics = [], []
    for shard, recorded in zip(shards, first["replicas"], strict=True):
        replica_statistics = []
        columns, generated = model.columns(values, *shard, replica_statistics)
        images.append(generated)
        statistics.append(replica_statistics)
        for (name, actual), expected in zip(recorded.items(), columns):
            if expected is None:
                assert actual is None, name
            else:
                close(name, actual, expected, 1e-12)
    close_digest("generated", first["generated"], np.concatenate(images), 1e-12)
    check_moving_statistics(model, first, statistics, len(shards[0][0]))
    if count == 1:
        norm = first["replicas"][0]["gradient_norm"]
        close("gradient_norm", norm, gradient_norm(first["gradient"]), 1e-12)
    error = check_gradient(model, configuration, values, shards, images, first["gradient"])
    print(f"{trajectory['case']}: agrees; gradient to {error:.1e} of its norm")


def gradient_norm(gradient):
    return np.sqrt(sum(entry["norm"] ** 2 for entry in gradient.values()))


def check_moving_statistics(model, step, statistics, examples):
    """Keras: replica 0's, momentum 0.8, biased. PyTorch: every replica's in turn, 0.9, unbiased."""
    keras = model.layout == "keras"
    momentum = 0.8 if keras else 0.9
    bessel = 1 if keras else examples / (examples - 1)
    moving = {}
    for replica in statistics[:1] if keras else statistics:
        for path, mean, variance in replica:
            old_mean, old_variance = moving.get(path, (0, 1))
            moving[path] = (
                momentum * old_mean + (1 - momentum) * mean,
                momentum * old_variance + (1 - momentum) * bessel * variance,
            )
    for path, (mean, variance) in moving.items():
        close_digest(path, step["parameter"][f"{path}/moving_mean"], mean, 1e-12)
        close_digest(path, step["parameter"][f"{path}/moving_variance"], variance, 1e-12)


def check_gradient(model, configuration, values, shards, images, gradient):
    """Central differences along the four sign vectors of each tensor."""
    divisor = len(shards) if configuration["gradients"] == "mean" else 1
    whole = gradient_norm(gradient)
    assert gradient.keys() == {name for name in values if not is_moving_statistic(name)}
    worst = 0
    for name, recorded in gradient.items():
        network = name.split("/")[0]
        # With zero biases and zero `last`, D's biases start on LeakyReLU's kink: no difference
        # quotient from both sides holds there.
        if model.layout == "keras" and network == "discriminator" and name.endswith("bias"):
            continue
        for sign, actual in zip(signs(values[name].size), recorded["sums"]):
            difference = 3e-6 / np.sqrt(sign.size)
            both_sides = []
            for side in (difference, -difference):
                moved = values | {name: values[name] + side * sign.reshape(values[name].shape)}
                both_sides.append(
                    sum(
                        model.differentiated(network, moved, fixed, *shard)
                        for shard, fixed in zip(shards, images)
                    )
                )
            slope = (both_sides[0] - both_sides[1]) / (2 * difference) / divisor
            # A direction of n signs has length √n.
            scale = whole * np.sqrt(sign.size)
            worst = max(worst, close(name, actual, slope, 1e-9, scale=scale))
    return worst


def main(directory):
    for counter, key, answer in KNOWN_ANSWERS:
        words = philox([np.array(word, dtype=np.uint64) for word in counter], key)
        assert " ".join(f"{int(word):08x}" for word in words) == answer
    for path in sorted(Path(directory).glob("*.json")):
        check(json.loads(path.read_text()))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python check_trajectories.py DIRECTORY")
    main(sys.argv[1])
