"""Draws the losses and the dynamic weights of a run over time: python plot.py RUN_DIRECTORY OUTPUT.png

Lines are running means over 20 logged steps; bands are the smallest and largest replica, smoothed alike.
Needs matplotlib and numpy."""

import csv
import sys

import matplotlib
import numpy as np

matplotlib.use("Agg")
from matplotlib import pyplot

COLORS = {"self": "black", "generated": "tab:blue", "real": "tab:green", "fake": "tab:red"}


def load(run):
    """Each column of shards.csv as [logged steps, replicas]; empty fields are NaN."""
    with open(f"{run}/shards.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    steps = sorted({int(row["step"]) for row in rows})
    columns = [name for name in rows[0] if name not in ("step", "replica")]
    table = {
        name: np.array([float(row[name] or "nan") for row in rows]).reshape(len(steps), -1)
        for name in columns
    }
    return np.array(steps), table


def smooth(values, width=20):
    width = min(width, len(values))
    kernel = np.ones(width) / width
    return np.convolve(values, kernel, mode="valid")


def draw(axes, steps, table, prefix, names):
    for name in names:
        values = table.get(f"{prefix}_{name}")
        if values is None or np.isnan(values).all():
            continue
        mean = smooth(values.mean(axis=1))
        x = steps[-len(mean):]
        axes.plot(x, mean, color=COLORS[name], label=name, linewidth=1)
        low, high = smooth(values.min(axis=1)), smooth(values.max(axis=1))
        axes.fill_between(x, low, high, color=COLORS[name], alpha=0.15, linewidth=0)
    axes.set_ylabel(prefix)
    axes.grid(alpha=0.3)
    axes.legend(loc="upper right", fontsize=7, ncols=4)


def main(run, output):
    steps, table = load(run)
    figure, (top, bottom) = pyplot.subplots(2, 1, figsize=(7, 4.5), sharex=True, dpi=90)
    draw(top, steps, table, "loss", ["self", "generated", "real", "fake"])
    draw(bottom, steps, table, "weight", ["generated", "real", "fake"])
    bottom.set_xlabel("step")
    figure.tight_layout()
    figure.savefig(output)


if __name__ == "__main__":
    main(*sys.argv[1:])
