"""SelfGAN's objectives over any framework's tensors: only operators and a `mean` are used."""

from typing import Any, NamedTuple

import numpy as np


class Passes(NamedTuple):
    """One value for each of the discriminator's three passes."""

    generated: Any
    real: Any
    fake: Any

    def map(self, function):
        return Passes(*(function(value) for value in self))


def coefficients(objective, losses, validities, mean):
    """The weight of each loss in the objective, before its common divisor.

    selfTPU: v of each pass; selfGPU: 0.1·v_generated, 1, 0.9·v_fake. `weights: loss` takes
    v = mean loss, `weights: validity` 1 − mean validity (fake: mean validity). Gradient flows
    through them.
    """
    if objective["weights"] == "loss":
        v = losses.map(mean)
    else:
        v = Passes(
            generated=1 - mean(validities.generated),
            real=1 - mean(validities.real),
            fake=mean(validities.fake),
        )
    if objective["kind"] == "selfTPU":
        return v
    return Passes(generated=0.1 * v.generated, real=1.0, fake=0.9 * v.fake)


def self_objective(objective, losses, weights, mean):
    """selfTPU: mean of Σ w·l / Σ w; selfGPU: mean of Σ w·l / 2."""
    divisor = sum(weights) if objective["kind"] == "selfTPU" else 2
    weighted = sum(weight * loss for weight, loss in zip(weights, losses))
    return mean(weighted / divisor)


def published_logits():
    """The logits of labels 1 and 0 as TensorFlow 1.13.1 computed them when Keras was given the
    label as the prediction: clipped to [1e-7, 1 − 1e-7] and log(y / (1 − y)), all in float32."""
    one, epsilon = np.float32(1), np.float32(1e-7)
    return {
        "labelOne": float(np.log((one - epsilon) / (one - (one - epsilon)))),
        "labelZero": float(np.log(epsilon / (one - epsilon))),
    }
