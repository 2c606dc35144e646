"""What is recorded of a step, and how a tensor is condensed."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

MASKS = (0x1, 0x6, 0x5A, 0x3C3)


@dataclass
class Step:
    """A step's results in float64 arrays, in this project's layout and the global batch's order."""

    replicas: list  # of {column: value}
    generated: np.ndarray
    gradient: dict
    parameter: dict


def replica_columns(objective, losses, validities, weights, gradient_norm):
    """One replica's columns of shards.csv; weights are normalised shares, None for None."""
    shares = [None] * 3 if weights is None else [float(w) / float(sum(weights)) for w in weights]
    columns = {"loss_self": float(objective)}
    columns |= {f"loss_{p}": float(np.mean(losses[i])) for i, p in enumerate(losses._fields)}
    columns |= {f"weight_{p}": shares[i] for i, p in enumerate(losses._fields)}
    columns |= {f"validity_{p}": float(np.mean(v)) for p, v in zip(losses._fields, validities)}
    columns["gradient_norm"] = gradient_norm
    return columns


def norm(tensors):
    """The L2 norm of several tensors taken as one vector."""
    return float(np.sqrt(sum(np.sum(np.square(tensor)) for tensor in tensors)))


def digest(tensor):
    """{norm, sums}: sum j is Σ_i s_j(i)·x_i over the flat row-major index i.

    s_j(i) = +1 where popcount(i & MASKS[j]) is even, else −1.
    """
    flat = np.asarray(tensor, dtype=np.float64).reshape(-1)
    return {"norm": norm([flat]), "sums": [float(np.sum(s * flat)) for s in signs(flat.size)]}


@lru_cache(maxsize=None)
def signs(count):
    """The four sign vectors of `digest` for a tensor of `count` elements."""
    index = np.arange(count)
    return [1 - 2.0 * (np.bitwise_count(index & mask) & 1) for mask in MASKS]


def summary(step):
    """A step as it is written to JSON."""
    return {
        "replicas": step.replicas,
        "generated": digest(step.generated),
        "gradient": {name: digest(value) for name, value in step.gradient.items()},
        "parameter": {name: digest(value) for name, value in step.parameter.items()},
    }
