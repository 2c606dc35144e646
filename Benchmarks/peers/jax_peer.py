"""One training step of configs/gan.yaml in JAX: jax_peer.py vmap|shard_map [--steps N] [--warmup N]

vmap runs the eight replicas batched on one device, shard_map on eight virtual devices.
"""

import sys

import jax
import jax.numpy as jnp
import optax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from measurement import (
    ADAM, BATCH_NORM_EPSILON, BATCH_NORM_MOMENTUM, DISCRIMINATOR_WIDTHS, GENERATOR_WIDTHS, IMAGE,
    LATENT, PROBABILITY_EPSILON, REPLICAS, SHARD, SLOPE, measure,
)

mode = sys.argv[1]
if mode == "shard_map":
    jax.config.update("jax_num_cpu_devices", REPLICAS)
elif mode != "vmap":
    raise SystemExit("the first argument must be vmap or shard_map")

PIXELS = IMAGE[0] * IMAGE[1] * IMAGE[2]


def dense_stack(key, widths):
    """Glorot-uniform kernels and zero biases."""
    layers = []
    for index, (inputs, outputs) in enumerate(zip(widths, widths[1:])):
        bound = (6 / (inputs + outputs)) ** 0.5
        kernel = jax.random.uniform(
            jax.random.fold_in(key, index), (inputs, outputs), minval=-bound, maxval=bound)
        layers.append({"kernel": kernel, "bias": jnp.zeros(outputs)})
    return layers


def initial_parameters(key):
    generator, discriminator = jax.random.split(key)
    return {
        "generator": dense_stack(generator, (LATENT, *GENERATOR_WIDTHS, PIXELS)),
        "norms": [{"gamma": jnp.ones(n), "beta": jnp.zeros(n)} for n in GENERATOR_WIDTHS],
        "discriminator": dense_stack(discriminator, (PIXELS, *DISCRIMINATOR_WIDTHS, 1)),
    }


def initial_states():
    """What each replica keeps for itself: moving statistics and its previous images."""
    return {
        "moving": [
            {"mean": jnp.zeros((REPLICAS, n)), "variance": jnp.ones((REPLICAS, n))}
            for n in GENERATOR_WIDTHS
        ],
        "last": jnp.zeros((REPLICAS, SHARD, *IMAGE)),
    }


def dense(layer, x):
    return x @ layer["kernel"] + layer["bias"]


def leaky_relu(x):
    return jnp.where(x > 0, x, SLOPE * x)


def generate(parameters, moving, noise):
    x, followed = noise, []
    for layer, norm, old in zip(parameters["generator"], parameters["norms"], moving):
        x = leaky_relu(dense(layer, x))
        mean, variance = x.mean(0), x.var(0)
        x = (x - mean) * jax.lax.rsqrt(variance + BATCH_NORM_EPSILON) * norm["gamma"] + norm["beta"]
        follow = lambda a, b: BATCH_NORM_MOMENTUM * a + (1 - BATCH_NORM_MOMENTUM) * b
        followed.append(
            {"mean": follow(old["mean"], mean), "variance": follow(old["variance"], variance)})
    images = jnp.tanh(dense(parameters["generator"][-1], x))
    return images.reshape(-1, *IMAGE), followed


def discriminate(parameters, images):
    x = images.reshape(images.shape[0], PIXELS)
    for layer in parameters["discriminator"][:-1]:
        x = leaky_relu(dense(layer, x))
    return jax.nn.sigmoid(dense(parameters["discriminator"][-1], x))[:, 0]


def cross_entropy(validity, is_real):
    p = jnp.clip(validity, PROBABILITY_EPSILON, 1 - PROBABILITY_EPSILON)
    return -jnp.log(p if is_real else 1 - p)


def replica_objective(parameters, state, real, key):
    """The objective of one replica, whose weights are its mean losses, and its next state."""
    noise = jax.random.normal(key, (SHARD, LATENT))
    generated, moving = generate(parameters, state["moving"], noise)
    losses = [
        cross_entropy(discriminate(parameters, generated), True),
        cross_entropy(discriminate(parameters, real), True),
        cross_entropy(discriminate(parameters, state["last"]), False),
    ]
    weights = [loss.mean() for loss in losses]
    total = sum(w * loss for w, loss in zip(weights, losses)) / sum(weights)
    return total.mean(), {"moving": moving, "last": generated}


def gradients_vmap(parameters, states, real, keys):
    def objective(parameters):
        totals, following = jax.vmap(replica_objective, (None, 0, 0, 0))(
            parameters, states, real, keys)
        return totals.mean(), following

    (loss, states), gradients = jax.value_and_grad(objective, has_aux=True)(parameters)
    return loss, states, gradients


def gradients_shard_map(parameters, states, real, keys):
    def replica(parameters, states, real, keys):
        own = lambda tree: jax.tree.map(lambda x: x[0], tree)
        (loss, state), gradients = jax.value_and_grad(replica_objective, has_aux=True)(
            parameters, own(states), real[0], keys[0])
        loss, gradients = jax.lax.pmean((loss, gradients), "replica")
        return loss, jax.tree.map(lambda x: x[None], state), gradients

    each, same = PartitionSpec("replica"), PartitionSpec()
    return jax.shard_map(
        replica, mesh=mesh, in_specs=(same, each, each, each), out_specs=(same, each, same),
        check_vma=False,
    )(parameters, states, real, keys)


optimizer = optax.adam(ADAM["learning_rate"], ADAM["beta1"], ADAM["beta2"], ADAM["epsilon"])
parameters = initial_parameters(jax.random.key(1))
moments = optimizer.init(parameters)
states = initial_states()
gradients_of = gradients_vmap
if mode == "shard_map":
    mesh = Mesh(jax.devices(), ("replica",))
    parameters, moments = jax.device_put(
        (parameters, moments), NamedSharding(mesh, PartitionSpec()))
    states = jax.device_put(states, NamedSharding(mesh, PartitionSpec("replica")))
    gradients_of = gradients_shard_map


def update(parameters, moments, states, real, step):
    keys = jax.random.split(jax.random.fold_in(jax.random.key(2), step), REPLICAS)
    loss, states, gradients = gradients_of(
        parameters, states, real.reshape(REPLICAS, SHARD, *IMAGE), keys)
    changes, moments = optimizer.update(gradients, moments, parameters)
    return optax.apply_updates(parameters, changes), moments, states, loss


update = jax.jit(update, donate_argnums=(0, 1, 2))
completed = 0


def step(real):
    global parameters, moments, states, completed
    parameters, moments, states, loss = update(parameters, moments, states, real, completed)
    completed += 1
    return float(loss)


measure(f"JAX {mode}", jax.__version__, step)
