"""Holds every step's update of every parameter to the optimizer's published formula.

    python check_updates.py tensorflow|pytorch

    Keras:   p -= lr·√(1 − β2^t) / (1 − β1^t) · m / (√v + ε)
    PyTorch: p -= lr / (1 − β1^t) · m / (√(v / (1 − β2^t)) + ε)
"""

import sys

import numpy as np

from batches import batch
from networks import initial_values
from trajectories import CASES, STEPS, backend


def updated(value, m, v, t, settings):
    first = 1 - settings["beta1"] ** t
    second = 1 - settings["beta2"] ** t
    rate, epsilon = settings["learningRate"], settings["epsilon"]
    if settings["variant"] == "keras":
        return value - rate * np.sqrt(second) / first * m / (np.sqrt(v) + epsilon)
    return value - rate / first * m / (np.sqrt(v / second) + epsilon)


def check(case, configuration, training):
    settings = configuration["optimizer"]
    beta1, beta2 = settings["beta1"], settings["beta2"]
    values = initial_values(configuration["model"], configuration["seed"])
    moments, worst = {}, 0
    for k in range(STEPS):
        step = training.step(batch(configuration, k))
        for name, gradient in step.gradient.items():
            m, v = moments.get(name, (0, 0))
            m = beta1 * m + (1 - beta1) * gradient
            v = beta2 * v + (1 - beta2) * gradient**2
            moments[name] = m, v
            values[name] = updated(values[name], m, v, k + 1, settings)
            error = np.max(np.abs(values[name] - step.parameter[name])) / settings["learningRate"]
            worst = max(worst, error)
            if not error <= 1e-10:
                raise SystemExit(f"{case}: step {k}: {name} is {error:.2e} learning rates away")
    print(f"{case}: updates agree to {worst:.1e} of the learning rate")


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in CASES:
        sys.exit("usage: python check_updates.py tensorflow|pytorch")
    start_training, _ = backend(sys.argv[1])
    for name, configuration in CASES[sys.argv[1]].items():
        check(name, configuration, start_training(configuration))
