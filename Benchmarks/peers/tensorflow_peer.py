"""One training step of configs/gan.yaml in TensorFlow with Keras layers, the replicas one after
another in one function: tensorflow_peer.py [--steps N] [--warmup N]"""

import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import tensorflow as tf

from measurement import (
    ADAM, BATCH, BATCH_NORM_EPSILON, BATCH_NORM_MOMENTUM, DISCRIMINATOR_WIDTHS, GENERATOR_WIDTHS,
    IMAGE, LATENT, PROBABILITY_EPSILON, REPLICAS, SHARD, SLOPE, measure,
)

layers = tf.keras.layers


def generator_network():
    stack = [layers.Input((LATENT,))]
    for width in GENERATOR_WIDTHS:
        stack += [
            layers.Dense(width),
            layers.LeakyReLU(negative_slope=SLOPE),
            layers.BatchNormalization(momentum=BATCH_NORM_MOMENTUM, epsilon=BATCH_NORM_EPSILON),
        ]
    stack += [layers.Dense(IMAGE[0] * IMAGE[1] * IMAGE[2], activation="tanh")]
    return tf.keras.Sequential(stack + [layers.Reshape(IMAGE)])


def discriminator_network():
    stack = [layers.Input(IMAGE), layers.Flatten()]
    for width in DISCRIMINATOR_WIDTHS:
        stack += [layers.Dense(width), layers.LeakyReLU(negative_slope=SLOPE)]
    return tf.keras.Sequential(stack + [layers.Dense(1, activation="sigmoid")])


generator, discriminator = generator_network(), discriminator_network()
parameters = generator.trainable_variables + discriminator.trainable_variables
optimizer = tf.keras.optimizers.Adam(
    ADAM["learning_rate"], beta_1=ADAM["beta1"], beta_2=ADAM["beta2"], epsilon=ADAM["epsilon"])
optimizer.build(parameters)


def cross_entropy(validity, is_real):
    p = tf.clip_by_value(validity, PROBABILITY_EPSILON, 1 - PROBABILITY_EPSILON)
    return -tf.math.log(p if is_real else 1 - p)


def replica_gradients(noise, real, last):
    """The gradients of one replica's objective, whose weights are its mean losses."""
    with tf.GradientTape() as tape:
        generated = generator(noise, training=True)
        losses = [
            cross_entropy(discriminator(generated, training=True), True),
            cross_entropy(discriminator(real, training=True), True),
            cross_entropy(discriminator(last, training=True), False),
        ]
        weights = [tf.reduce_mean(loss) for loss in losses]
        total = tf.reduce_mean(
            tf.add_n([w * loss for w, loss in zip(weights, losses)]) / tf.add_n(weights))
    return tape.gradient(total, parameters), generated, total


@tf.function
def update(real, last):
    noise = tf.random.normal((BATCH, LATENT))
    replicas = []
    for index in range(REPLICAS):
        rows = slice(index * SHARD, (index + 1) * SHARD)
        replicas.append(replica_gradients(noise[rows], real[rows], last[rows]))
    gradients, generated, totals = zip(*replicas)
    averaged = [tf.add_n(own) / REPLICAS for own in zip(*gradients)]
    optimizer.apply_gradients(zip(averaged, parameters))
    return tf.concat(generated, 0), tf.add_n(totals) / REPLICAS


last = tf.zeros((BATCH, *IMAGE))


def step(real):
    global last
    last, loss = update(tf.constant(real), last)
    return float(loss)


measure("TensorFlow loop", tf.__version__, step)
