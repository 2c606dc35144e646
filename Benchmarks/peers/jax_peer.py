"""One training step in JAX: jax_peer.py MODEL vmap|shard_map [--steps N] [--warmup N]

vmap runs the eight replicas batched on one device, shard_map on eight virtual devices.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import optax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from measurement import (
    ADAM, BATCH_NORM_EPSILON, BATCH_NORM_MOMENTUM, DISCRIMINATOR_FILTERS, DISCRIMINATOR_WIDTHS,
    DROPOUT, GENERATOR_FILTERS, GENERATOR_WIDTHS, LATENT, PROBABILITY_EPSILON, REPLICAS,
    SEED_CHANNELS, SHARD, SLOPE, measure, parsed_arguments,
)

arguments = parsed_arguments(__doc__.splitlines()[0], modes=("vmap", "shard_map"))
if arguments.mode == "shard_map":
    jax.config.update("jax_num_cpu_devices", REPLICAS)
image = arguments.image
height, width, channels = image


# A network is a list of layers: one of these, or a function of the activations alone.
@dataclass
class Dense:
    outputs: int


@dataclass
class Convolution:
    filters: int
    stride: int = 1


class BatchNorm:
    pass


class Dropout:
    pass


def leaky_relu(x):
    return jnp.where(x > 0, x, SLOPE * x)


def flatten(x):
    return x.reshape(x.shape[0], -1)


def reshape(*shape):
    return lambda x: x.reshape(-1, *shape)


def upsample(x):
    return x.repeat(2, axis=1).repeat(2, axis=2)


def pad_bottom_right(x):
    return jnp.pad(x, ((0, 0), (0, 1), (0, 1), (0, 0)))


def dense_networks():
    generator, discriminator = [], [flatten]
    for outputs in GENERATOR_WIDTHS:
        generator += [Dense(outputs), leaky_relu, BatchNorm()]
    generator += [Dense(height * width * channels), jnp.tanh, reshape(*image)]
    for outputs in DISCRIMINATOR_WIDTHS:
        discriminator += [Dense(outputs), leaky_relu]
    return generator, discriminator


def convolutional_networks():
    seed = (height // 4, width // 4, SEED_CHANNELS)
    generator = [Dense(seed[0] * seed[1] * seed[2]), jax.nn.relu, reshape(*seed)]
    for filters in GENERATOR_FILTERS:
        generator += [upsample, Convolution(filters), BatchNorm(), jax.nn.relu]
    generator += [Convolution(channels), jnp.tanh]

    discriminator = []
    for index, (filters, stride) in enumerate(DISCRIMINATOR_FILTERS):
        discriminator += [Convolution(filters, stride)]
        if index == 1:
            discriminator += [pad_bottom_right]
        if index > 0:
            discriminator += [BatchNorm()]
        discriminator += [leaky_relu, Dropout()]
    return generator, [*discriminator, flatten]


networks = dense_networks if arguments.model == "gan" else convolutional_networks
GENERATOR, discriminator_layers = networks()
DISCRIMINATOR = [*discriminator_layers, Dense(1), jax.nn.sigmoid]


def glorot_uniform(key, *shape):
    return {
        "kernel": jax.nn.initializers.glorot_uniform()(key, shape),
        "bias": jnp.zeros(shape[-1]),
    }


def initial_values(layer, inputs, key):
    """A layer's parameters and its moving statistics; `inputs` is its number of channels."""
    match layer:
        case Dense(outputs):
            return glorot_uniform(key, inputs, outputs), {}
        case Convolution(filters):
            return glorot_uniform(key, 3, 3, inputs, filters), {}
        case BatchNorm():
            return (
                {"gamma": jnp.ones(inputs), "beta": jnp.zeros(inputs)},
                {"mean": jnp.zeros(inputs), "variance": jnp.ones(inputs)},
            )
        case _:
            return {}, {}


def apply(layer, own, moving, x, key):
    """A layer's output, and the moving statistics that follow."""
    match layer:
        case Dense():
            return x @ own["kernel"] + own["bias"], moving
        case Convolution(stride=stride):
            x = jax.lax.conv_general_dilated(
                x, own["kernel"], (stride, stride), "SAME",
                dimension_numbers=("NHWC", "HWIO", "NHWC"))
            return x + own["bias"], moving
        case BatchNorm():
            axes = tuple(range(x.ndim - 1))
            batch = {"mean": x.mean(axes), "variance": x.var(axes)}
            x = (x - batch["mean"]) * jax.lax.rsqrt(batch["variance"] + BATCH_NORM_EPSILON)
            follow = lambda a, b: BATCH_NORM_MOMENTUM * a + (1 - BATCH_NORM_MOMENTUM) * b
            return x * own["gamma"] + own["beta"], jax.tree.map(follow, moving, batch)
        case Dropout():
            keep = 1 - DROPOUT
            return jnp.where(jax.random.bernoulli(key, keep, x.shape), x / keep, 0), moving
        case _:
            return layer(x), moving


def initial_network(layers, shape, key):
    """The parameters and the moving statistics of every layer, for examples of `shape`."""
    x, parameters, moving = jnp.zeros((1, *shape)), [], []
    for index, layer in enumerate(layers):
        own, statistics = initial_values(layer, x.shape[-1], jax.random.fold_in(key, index))
        x, _ = apply(layer, own, statistics, x, key)
        parameters.append(own)
        moving.append(statistics)
    return parameters, moving


def run(layers, parameters, moving, x, key):
    followed = []
    for index, (layer, own, old) in enumerate(zip(layers, parameters, moving)):
        x, new = apply(layer, own, old, x, jax.random.fold_in(key, index))
        followed.append(new)
    return x, followed


def cross_entropy(validity, is_real):
    p = jnp.clip(validity, PROBABILITY_EPSILON, 1 - PROBABILITY_EPSILON)
    return -jnp.log(p if is_real else 1 - p)


def replica_objective(parameters, state, real, key):
    """The objective of one replica, whose weights are its mean losses, and its next state."""
    noise_key, generator_key, *pass_keys = jax.random.split(key, 5)
    noise = jax.random.normal(noise_key, (SHARD, LATENT))
    generated, generator_moving = run(
        GENERATOR, parameters["generator"], state["generator"], noise, generator_key)

    losses, moving = [], state["discriminator"]
    passes = [(generated, True), (real, True), (state["last"], False)]
    for (images, is_real), pass_key in zip(passes, pass_keys):
        validity, moving = run(
            DISCRIMINATOR, parameters["discriminator"], moving, images, pass_key)
        losses.append(cross_entropy(validity[:, 0], is_real))
    weights = [loss.mean() for loss in losses]
    total = sum(w * loss for w, loss in zip(weights, losses)) / sum(weights)
    following = {"generator": generator_moving, "discriminator": moving, "last": generated}
    return total.mean(), following


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
keys = jax.random.split(jax.random.key(1))
generator_values, generator_moving = initial_network(GENERATOR, (LATENT,), keys[0])
discriminator_values, discriminator_moving = initial_network(DISCRIMINATOR, image, keys[1])
parameters = {"generator": generator_values, "discriminator": discriminator_values}
moments = optimizer.init(parameters)
# What each replica keeps for itself: moving statistics and its previous images.
states = jax.tree.map(
    lambda x: jnp.tile(x, (REPLICAS, *[1] * x.ndim)),
    {
        "generator": generator_moving,
        "discriminator": discriminator_moving,
        "last": jnp.zeros((SHARD, *image)),
    })
gradients_of = gradients_vmap
if arguments.mode == "shard_map":
    mesh = Mesh(jax.devices(), ("replica",))
    parameters, moments = jax.device_put(
        (parameters, moments), NamedSharding(mesh, PartitionSpec()))
    states = jax.device_put(states, NamedSharding(mesh, PartitionSpec("replica")))
    gradients_of = gradients_shard_map


def update(parameters, moments, states, real, step):
    keys = jax.random.split(jax.random.fold_in(jax.random.key(2), step), REPLICAS)
    loss, states, gradients = gradients_of(
        parameters, states, real.reshape(REPLICAS, SHARD, *image), keys)
    changes, moments = optimizer.update(gradients, moments, parameters)
    return optax.apply_updates(parameters, changes), moments, states, loss


update = jax.jit(update, donate_argnums=(0, 1, 2))
completed = 0


def step(real):
    global parameters, moments, states, completed
    parameters, moments, states, loss = update(parameters, moments, states, real, completed)
    completed += 1
    return float(loss)


measure(arguments, f"JAX {arguments.mode}", jax.__version__, step)
