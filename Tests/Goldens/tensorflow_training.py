"""SelfGAN's Keras layout trained by TensorFlow in float64, one gradient tape a replica."""

import keras
import numpy as np
import tensorflow as tf

from networks import SLOPE, image_shape, initial_values, is_moving_statistic, named_layers
from networks import networks
from objectives import Passes, coefficients, published_logits, self_objective
from records import Step, norm, replica_columns

VERSION = f"tensorflow {tf.__version__}, keras {keras.__version__}"

keras.backend.set_floatx("float64")
tf.config.experimental.enable_op_determinism()


class LeakyReLU(keras.layers.Layer):
    """x where x > 0, else 0.2·x.

    TensorFlow's own LeakyRelu keeps its slope as a float32 attribute, so that float64 tensors are
    multiplied by 0.20000000298. Its gradient at 0 is the slope, as here.
    """

    def call(self, inputs):
        return tf.where(inputs > 0, inputs, tf.constant(SLOPE, tf.float64) * inputs)


class Dropout(keras.layers.Layer):
    """Multiplies by what the training sets before each pass."""

    multipliers = 1

    def call(self, inputs):
        return inputs * self.multipliers


class TensorFlowTraining:
    """Replicas share trainable variables and the optimizer; each has its own moving statistics."""

    def __init__(self, configuration):
        self.configuration = configuration
        self.variables, self.dropouts = {}, {}
        model = configuration["model"]
        image = image_shape(model)
        self.generator = self._network("generator", (model["latentSize"],))
        self.discriminator = self._network("discriminator", image)
        initial = initial_values(model, configuration["seed"])
        for name, variable in self.variables.items():
            variable.assign(initial[name])
        self.trainable = {n: v for n, v in self.variables.items() if not is_moving_statistic(n)}
        moving = {n: v for n, v in initial.items() if is_moving_statistic(n)}
        self.moving = [dict(moving) for _ in range(configuration["replicas"])]
        self.last = np.zeros((configuration["batchSize"], *image))
        self.optimizer = self._adam()

    def step(self, batch):
        count = self.configuration["replicas"]
        shards = zip(batch.shards(count), np.split(self.last, count))
        results = [self._replica(index, *shard) for index, shard in enumerate(shards)]
        gradient = {
            name: sum(gradients[name] for _, _, gradients in results) / count
            for name in self.trainable
        }
        self.optimizer.apply(
            [tf.constant(gradient[name]) for name in self.trainable], list(self.trainable.values())
        )
        self.last = np.concatenate([generated for _, generated, _ in results])
        parameter = {name: variable.numpy() for name, variable in self.trainable.items()}
        return Step(
            replicas=[columns for columns, _, _ in results],
            generated=self.last,
            gradient=gradient,
            parameter=parameter | self.moving[0],
        )

    def _replica(self, index, batch, last):
        for name, value in self.moving[index].items():
            self.variables[name].assign(value)
        objective = self.configuration["objective"]
        with tf.GradientTape() as tape:
            generated = self.generator(tf.constant(batch.noise), training=True)
            images = Passes(generated, tf.constant(batch.real), tf.constant(last))
            validities = Passes(*map(self._validity, images, batch.dropout))
            losses = Passes(
                generated=self._loss(validities.generated, 1),
                real=self._loss(validities.real, 1),
                fake=self._loss(validities.fake, 0),
            )
            weights = coefficients(objective, losses, validities, tf.reduce_mean)
            total = self_objective(objective, losses, weights, tf.reduce_mean)
        gradients = tape.gradient(total, list(self.trainable.values()))
        gradients = {name: value.numpy() for name, value in zip(self.trainable, gradients)}
        self.moving[index] = {name: self.variables[name].numpy() for name in self.moving[index]}
        columns = replica_columns(total, losses, validities, weights, norm(gradients.values()))
        return columns, generated.numpy(), gradients

    def _validity(self, images, multipliers):
        for path, dropout in self.dropouts.items():
            dropout.multipliers = tf.constant(multipliers[path])
        return self.discriminator(images, training=True)

    def _loss(self, validity, label):
        if self.configuration["objective"]["loss"] == "binaryCrossEntropy":
            # Keras 3 would take the logits that it remembers of a sigmoid and clip nothing.
            clipped = tf.clip_by_value(validity, 1e-7, 1 - 1e-7)
            return -tf.math.log(clipped if label == 1 else 1 - clipped)
        logit = published_logits()["labelOne" if label == 1 else "labelZero"]
        return tf.nn.sigmoid_cross_entropy_with_logits(
            labels=validity, logits=tf.fill(validity.shape, tf.constant(logit, tf.float64))
        )

    def _network(self, network, input_shape):
        model = keras.Sequential([keras.Input(input_shape)])
        layers = networks(self.configuration["model"])[network]
        for path, layer in named_layers(network, layers):
            model.add(_layer(layer))
            built = model.layers[-1]
            if layer[0] in ("dense", "conv"):
                self.variables[f"{path}/kernel"] = built.kernel.value
                self.variables[f"{path}/bias"] = built.bias.value
            elif layer[0] == "batch_norm":
                for part in ("gamma", "beta", "moving_mean", "moving_variance"):
                    self.variables[f"{path}/{part}"] = getattr(built, part).value
            elif layer[0] == "dropout":
                self.dropouts[path] = built
        return model

    def _adam(self):
        settings = self.configuration["optimizer"]
        optimizer = keras.optimizers.Adam(
            settings["learningRate"], settings["beta1"], settings["beta2"], settings["epsilon"]
        )
        # Keras sends a Python number through float32 before it raises it to the power of the step;
        # 1 − 0.999 is then wrong by 1.3e-5 of its value.
        optimizer.beta_1 = tf.constant(settings["beta1"], tf.float64)
        optimizer.beta_2 = tf.constant(settings["beta2"], tf.float64)
        return optimizer


def _layer(layer):
    match layer:
        case ("dense", _, outputs):
            return keras.layers.Dense(outputs)
        case ("conv", _, outputs, stride):
            return keras.layers.Conv2D(outputs, 3, stride, padding="same")
        case ("batch_norm", _, epsilon):
            return keras.layers.BatchNormalization(momentum=0.8, epsilon=epsilon)
        case ("dropout", _):
            return Dropout()
        case ("reshape", shape):
            return keras.layers.Reshape(shape)
        case ("flatten",):
            return keras.layers.Flatten()
        case ("upsample",):
            return keras.layers.UpSampling2D()
        case ("pad",):
            return keras.layers.ZeroPadding2D(((0, 1), (0, 1)))
        case ("leaky_relu",):
            return LeakyReLU()
        case (activation,):
            return keras.layers.Activation(activation)
