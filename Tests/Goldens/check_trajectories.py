"""Checks recorded trajectories by an independent computation in NumPy.

    python check_trajectories.py DIRECTORY

Philox is held against Random123's known answers, and dropout's bit fields against its definition.
Then, for each file, at the first step: losses, weights, validities and images are computed again,
convolutions as sums of shifted images; each gradient's signed sums are directional derivatives, so
they are held against central differences of the objective; and the moving statistics are computed
again. The updates of all steps are held to Adam's formula by `check_updates.py`, which has the
whole gradients.
"""

import json
import sys
from pathlib import Path

import numpy as np

from batches import batch
from draws import RandomStream, philox
from networks import initial_values, is_moving_statistic, named_layers, networks
from objectives import Passes
from records import digest, signs

DIFFERENCE = 1e-4  # the length of a step to either side

KNOWN_ANSWERS = [
    ([0] * 4, [0] * 2, "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ([0xFFFFFFFF] * 4, [0xFFFFFFFF] * 2, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    (
        [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
        [0xA4093822, 0x299F31D0],
        "d16cfe09 94fdcceb 5001e420 24126ea1",
    ),
]


class Replica:
    """One replica's networks, losses and objective at the first step.

    Each activation's side of its kink is kept from the first run that passes it, so that a
    difference quotient is exactly that of the slopes in force: at 0, where D's biases and `last`
    start, the negative side's.
    """

    def __init__(self, trajectory, shard, values):
        configuration = trajectory["configuration"]
        self.layout = configuration["model"]["layout"]
        self.networks = networks(configuration["model"])
        self.objective = configuration["objective"]
        self.classic = self.objective["kind"] == "classic"
        self.logits = trajectory.get("publishedLogits")
        self.batch = shard
        self.sides = {}
        self.statistics = []
        self.generated = self.generate(values, self.statistics)
        self.columns = self.evaluate(values, self.generated, self.statistics)

    def generate(self, values, statistics=None):
        return self.apply("generator", self.batch.noise, values, "generator", {}, statistics)

    def evaluate(self, values, generated, statistics=None):
        """The columns that these images give."""
        last = np.zeros_like(generated)
        images = Passes(generated, self.batch.real, generated if self.classic else last)
        p_g, p_r, p_f = (
            self.apply("discriminator", x, values, name, multipliers, statistics)
            for name, x, multipliers in zip(Passes._fields, images, self.batch.dropout)
        )
        g, r, f = self.loss(p_g, 1).mean(), self.loss(p_r, 1).mean(), self.loss(p_f, 0).mean()
        if self.classic:
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
        return [total, g, r, f, *shares, p_g.mean(), p_r.mean(), p_f.mean()]

    def differentiated(self, network, values):
        """The scalar whose gradient the parameters of `network` receive."""
        generated = self.generate(values) if network == "generator" else self.generated
        total, g, r, f, *_ = self.evaluate(values, generated)
        if self.classic:
            return g if network == "generator" else (r + f) / 2
        return total

    def apply(self, network, x, values, name, multipliers, statistics):
        """Runs a network; appends each batch norm's statistics to `statistics`."""
        for index, (path, layer) in enumerate(named_layers(network, self.networks[network])):
            match layer:
                case ("dense", _, _):
                    x = x @ values[f"{path}/kernel"] + values[f"{path}/bias"]
                case ("conv", _, _, stride):
                    x = self.convolved(x, values[f"{path}/kernel"], stride)
                    x = x + values[f"{path}/bias"]
                case ("batch_norm", _, epsilon):
                    rows = x.reshape(-1, x.shape[-1])
                    mean = rows.mean(axis=0)
                    variance = ((rows - mean) ** 2).mean(axis=0)
                    if statistics is not None:
                        statistics.append((path, mean, variance, len(rows)))
                    x = (x - mean) / np.sqrt(variance + epsilon)
                    x = values[f"{path}/gamma"] * x + values[f"{path}/beta"]
                case ("dropout", _):
                    x = x * multipliers[path]
                case ("reshape", shape):
                    x = x.reshape(-1, *shape)
                case ("flatten",):
                    x = x.reshape(len(x), -1)
                case ("upsample",):
                    x = np.kron(x, np.ones((1, 2, 2, 1)))
                case ("pad",):
                    x = np.pad(x, ((0, 0), (0, 1), (0, 1), (0, 0)))
                case ("leaky_relu" | "relu" as activation,):
                    side = self.sides.setdefault((name, index), x > 0)
                    x = np.where(side, x, (0.2 if activation == "leaky_relu" else 0) * x)
                case ("tanh",):
                    x = np.tanh(x)
                case ("sigmoid",):
                    x = 1 / (1 + np.exp(-x))
        return x

    def convolved(self, x, kernel, stride):
        """The sum over the kernel's window of shifted, strided images times [in, out]."""
        padding = [(1, 1)] * 2
        if self.layout == "keras":
            padding = [_same_padding(size, stride) for size in x.shape[1:3]]
        x = np.pad(x, ((0, 0), *padding, (0, 0)))
        height, width = ((size - 3) // stride + 1 for size in x.shape[1:3])
        down, across = stride * (height - 1) + 1, stride * (width - 1) + 1
        result = 0
        for row, column in np.ndindex(3, 3):
            shifted = x[:, row : row + down : stride, column : column + across : stride]
            result = result + shifted.reshape(-1, x.shape[-1]) @ kernel[row, column]
        return result.reshape(len(x), height, width, -1)

    def loss(self, p, label):
        if self.logits is None:
            return -np.log(p) if label else -np.log1p(-p)
        logit = self.logits["labelOne" if label else "labelZero"]
        return np.log1p(np.exp(logit)) - logit * p


def _same_padding(size, stride):
    """TensorFlow's "same" for a window of 3: what is needed, the larger half after."""
    total = max((-(-size // stride) - 1) * stride + 3 - size, 0)
    return total // 2, total - total // 2


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
    configuration = trajectory["configuration"]
    values = initial_values(configuration["model"], configuration["seed"])
    shards = batch(configuration, 0).shards(configuration["replicas"])
    replicas = [Replica(trajectory, shard, values) for shard in shards]
    first = trajectory["steps"][0]

    for replica, recorded in zip(replicas, first["replicas"], strict=True):
        for (name, actual), expected in zip(recorded.items(), replica.columns):
            if expected is None:
                assert actual is None, name
            else:
                close(name, actual, expected, 1e-12)
    images = np.concatenate([replica.generated for replica in replicas])
    close_digest("generated", first["generated"], images, 1e-12)
    check_moving_statistics(configuration["model"], first, replicas)
    if len(replicas) == 1:
        norm = first["replicas"][0]["gradient_norm"]
        close("gradient_norm", norm, gradient_norm(first["gradient"]), 1e-12)
    error = check_gradient(configuration, values, replicas, first["gradient"])
    print(f"{trajectory['case']}: agrees; gradient to {error:.1e} of its norm")


def gradient_norm(gradient):
    return np.sqrt(sum(entry["norm"] ** 2 for entry in gradient.values()))


def check_moving_statistics(model, step, replicas):
    """Keras: replica 0's, momentum 0.8, biased. PyTorch: every replica's in turn, 0.9, unbiased."""
    keras = model["layout"] == "keras"
    momentum = 0.8 if keras else 0.9
    moving = {}
    for replica in replicas[:1] if keras else replicas:
        for path, mean, variance, count in replica.statistics:
            bessel = 1 if keras else count / (count - 1)
            old_mean, old_variance = moving.get(path, (0, 1))
            moving[path] = (
                momentum * old_mean + (1 - momentum) * mean,
                momentum * old_variance + (1 - momentum) * bessel * variance,
            )
    for path, (mean, variance) in moving.items():
        close_digest(path, step["parameter"][f"{path}/moving_mean"], mean, 1e-12)
        close_digest(path, step["parameter"][f"{path}/moving_variance"], variance, 1e-12)


def check_gradient(configuration, values, replicas, gradient):
    """Central differences of fourth order along the four sign vectors of each tensor."""
    divisor = len(replicas) if configuration["gradients"] == "mean" else 1
    whole = gradient_norm(gradient)
    assert gradient.keys() == {name for name in values if not is_moving_statistic(name)}
    worst = 0
    for name, recorded in gradient.items():
        network = name.split("/")[0]
        for sign, actual in zip(signs(values[name].size), recorded["sums"]):
            # A direction of n signs has length √n.
            difference = DIFFERENCE / np.sqrt(sign.size)
            direction = difference * sign.reshape(values[name].shape)

            def objective(steps):
                moved = values | {name: values[name] + steps * direction}
                return sum(replica.differentiated(network, moved) for replica in replicas)

            near, far = objective(1) - objective(-1), objective(2) - objective(-2)
            slope = (8 * near - far) / (12 * difference) / divisor
            scale = whole * np.sqrt(sign.size)
            worst = max(worst, close(name, actual, slope, 3e-10, scale=scale))
    return worst


def check_dropout():
    """Multipliers again, one element at a time."""
    stream, step = RandomStream(7, "discriminator/dropout_0/generated"), 5
    for rate, bits in ((0.25, 2), (0.5, 2), (0.3, 16)):
        multipliers = stream.dropout(3, 200, step, rate)
        for example, element in np.ndindex(*multipliers.shape):
            word, bit = divmod(element * bits, 32)
            counter = (word // 4, example, step, stream.identifier)
            answer = philox([np.uint64(value) for value in counter], stream.key)[word % 4]
            dropped = (int(answer) >> bit) % 2**bits < round(rate * 2**bits)
            assert multipliers[example, element] == (0 if dropped else 1 / (1 - rate))


def main(directory):
    for counter, key, answer in KNOWN_ANSWERS:
        words = philox([np.array(word, dtype=np.uint64) for word in counter], key)
        assert " ".join(f"{int(word):08x}" for word in words) == answer
    check_dropout()
    for path in sorted(Path(directory).glob("*.json")):
        check(json.loads(path.read_text()))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python check_trajectories.py DIRECTORY")
    main(sys.argv[1])
