"""One training step in TensorFlow with Keras layers, the replicas one after another in one
function: tensorflow_peer.py MODEL [--steps N] [--warmup N]"""

import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import tensorflow as tf

from measurement import (
    ADAM, BATCH, BATCH_NORM_EPSILON, BATCH_NORM_MOMENTUM, DISCRIMINATOR_FILTERS,
    DISCRIMINATOR_WIDTHS, DROPOUT, GENERATOR_FILTERS, GENERATOR_WIDTHS, LATENT,
    PROBABILITY_EPSILON, REPLICAS, SEED_CHANNELS, SHARD, SLOPE, measure, parsed_arguments,
)

arguments = parsed_arguments(__doc__)
image = arguments.image
height, width, channels = image
layers = tf.keras.layers


def leaky_relu():
    return layers.LeakyReLU(negative_slope=SLOPE)


def batch_norm():
    return layers.BatchNormalization(momentum=BATCH_NORM_MOMENTUM, epsilon=BATCH_NORM_EPSILON)


def convolution(filters, stride=1, activation=None):
    return layers.Conv2D(filters, 3, stride, padding="same", activation=activation)


def dense_networks():
    generator, discriminator = [], [layers.Flatten()]
    for outputs in GENERATOR_WIDTHS:
        generator += [layers.Dense(outputs), leaky_relu(), batch_norm()]
    generator += [layers.Dense(height * width * channels, activation="tanh")]
    for outputs in DISCRIMINATOR_WIDTHS:
        discriminator += [layers.Dense(outputs), leaky_relu()]
    return [*generator, layers.Reshape(image)], discriminator


def convolutional_networks():
    seed = (height // 4, width // 4, SEED_CHANNELS)
    generator = [layers.Dense(seed[0] * seed[1] * seed[2], activation="relu"), layers.Reshape(seed)]
    for filters in GENERATOR_FILTERS:
        generator += [layers.UpSampling2D(), convolution(filters), batch_norm(), layers.ReLU()]
    generator += [convolution(channels, activation="tanh")]

    discriminator = []
    for index, (filters, stride) in enumerate(DISCRIMINATOR_FILTERS):
        discriminator += [convolution(filters, stride)]
        if index == 1:
            discriminator += [layers.ZeroPadding2D(((0, 1), (0, 1)))]
        if index > 0:
            discriminator += [batch_norm()]
        discriminator += [leaky_relu(), layers.Dropout(DROPOUT)]
    return generator, [*discriminator, layers.Flatten()]


networks = dense_networks if arguments.model == "gan" else convolutional_networks
generator_layers, discriminator_layers = networks()
generator = tf.keras.Sequential([layers.Input((LATENT,)), *generator_layers])
discriminator = tf.keras.Sequential(
    [layers.Input(image), *discriminator_layers, layers.Dense(1, activation="sigmoid")])
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


last = tf.zeros((BATCH, *image))


def step(real):
    global last
    last, loss = update(tf.constant(real), last)
    return float(loss)


measure(arguments, "TensorFlow loop", tf.__version__, step)
