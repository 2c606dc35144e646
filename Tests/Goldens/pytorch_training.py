"""SelfGAN's PyTorch layout, and the classic GAN, trained by PyTorch in float64."""

import numpy as np
import torch
from torch import nn

from networks import SLOPE, image_shape, initial_values, named_layers, networks
from objectives import Passes, coefficients, self_objective
from records import Step, norm, replica_columns

VERSION = f"torch {torch.__version__}"

torch.set_default_dtype(torch.float64)
torch.use_deterministic_algorithms(True)

_loss = nn.BCELoss(reduction="none")


class Dropout(nn.Module):
    """Multiplies by what the training sets before each pass."""

    def forward(self, images):
        return images * self.multipliers


class Reshape(nn.Module):
    """Rows of height × width × channels, this project's order, to PyTorch's images."""

    def __init__(self, shape):
        super().__init__()
        self.shape = shape

    def forward(self, rows):
        return _channels_first(rows.reshape(-1, *self.shape))


class Flatten(nn.Module):
    """PyTorch's images to rows of height × width × channels."""

    def forward(self, images):
        return _channels_last(images).flatten(1)


class PyTorchTraining:
    """One module for all shards: their gradients add up in it, and each updates its moving
    statistics in turn, so that the shards' order is the order of the updates."""

    def __init__(self, configuration):
        self.configuration = configuration
        self.parameters, self.moving, self.dropouts = {}, {}, {}
        self.generator = self._network("generator")
        self.discriminator = self._network("discriminator")
        initial = initial_values(configuration["model"], configuration["seed"])
        with torch.no_grad():
            for name, tensor in (self.parameters | self.moving).items():
                tensor.copy_(torch.from_numpy(_pytorch_order(initial[name])))
        self.last = np.zeros((configuration["batchSize"], *image_shape(configuration["model"])))
        self.classic = configuration["objective"]["kind"] == "classic"
        both = [list(n.parameters()) for n in (self.generator, self.discriminator)]
        self.optimizers = [self._adam(p) for p in (both if self.classic else [sum(both, [])])]

    def step(self, batch):
        count = self.configuration["replicas"]
        shards = zip(batch.shards(count), np.split(self.last, count))
        replica = self._classic_replica if self.classic else self._replica
        results = [replica(*shard) for shard in shards]
        gradient = {
            name: sum(gradients[name] for _, _, gradients in results) for name in self.parameters
        }
        for name, parameter in self.parameters.items():
            parameter.grad = gradient[name]
        for optimizer in self.optimizers:
            optimizer.step()
        self.last = np.concatenate([generated for _, generated, _ in results])
        return Step(
            replicas=[columns for columns, _, _ in results],
            generated=self.last,
            gradient=_arrays(gradient),
            parameter=_arrays(self.parameters | self.moving),
        )

    def _replica(self, batch, last):
        objective = self.configuration["objective"]
        generated = self.generator(torch.from_numpy(batch.noise))
        validities = self._validities(batch, generated, fake=_images(last))
        losses = _losses(validities)
        weights = coefficients(objective, losses, validities, torch.mean)
        total = self_objective(objective, losses, weights, torch.mean)
        gradients = torch.autograd.grad(total, list(self.parameters.values()))
        return self._result(total, losses, validities, weights, generated, gradients)

    def _classic_replica(self, batch, _):
        """G's gradient of mean l_gen with D fixed; D's of mean (l_real + l_fake) / 2 with the same
        images, detached, as the fakes. Both come from the parameters before the step."""
        generated = self.generator(torch.from_numpy(batch.noise))
        validities = self._validities(batch, generated, fake=generated.detach())
        losses = _losses(validities)
        for_generator = losses.generated.mean()
        for_discriminator = ((losses.real + losses.fake) / 2).mean()
        gradients = [
            *torch.autograd.grad(
                for_generator, list(self.generator.parameters()), retain_graph=True
            ),
            *torch.autograd.grad(for_discriminator, list(self.discriminator.parameters())),
        ]
        total = for_generator + for_discriminator
        return self._result(total, losses, validities, None, generated, gradients)

    def _validities(self, batch, generated, fake):
        images = Passes(generated, _images(batch.real), fake)
        return Passes(*map(self._validity, images, batch.dropout))

    def _validity(self, images, multipliers):
        for path, dropout in self.dropouts.items():
            dropout.multipliers = _images(multipliers[path])
        return self.discriminator(images)

    def _result(self, total, losses, validities, weights, generated, gradients):
        gradients = dict(zip(self.parameters, gradients))
        columns = replica_columns(
            total.detach(),
            losses.map(_array),
            validities.map(_array),
            weights and [torch.as_tensor(weight).item() for weight in weights],
            norm(_arrays(gradients).values()),
        )
        return columns, _array(_channels_last(generated)), gradients

    def _network(self, network):
        model = self.configuration["model"]
        batch_norm = nn.BatchNorm2d if model["kind"] == "dcgan" else nn.BatchNorm1d
        modules = nn.Sequential()
        for path, layer in named_layers(network, networks(model)[network]):
            module = _module(layer, batch_norm)
            modules.append(module)
            if layer[0] in ("dense", "conv"):
                self.parameters[f"{path}/kernel"] = module.weight
                self.parameters[f"{path}/bias"] = module.bias
            elif layer[0] == "batch_norm":
                self.parameters[f"{path}/gamma"] = module.weight
                self.parameters[f"{path}/beta"] = module.bias
                self.moving[f"{path}/moving_mean"] = module.running_mean
                self.moving[f"{path}/moving_variance"] = module.running_var
            elif layer[0] == "dropout":
                self.dropouts[path] = module
        return modules

    def _adam(self, parameters):
        settings = self.configuration["optimizer"]
        return torch.optim.Adam(
            parameters,
            lr=settings["learningRate"],
            betas=(settings["beta1"], settings["beta2"]),
            eps=settings["epsilon"],
        )


def _losses(validities):
    return Passes(
        generated=_loss(validities.generated, torch.ones_like(validities.generated)),
        real=_loss(validities.real, torch.ones_like(validities.real)),
        fake=_loss(validities.fake, torch.zeros_like(validities.fake)),
    )


def _module(layer, batch_norm):
    match layer:
        case ("dense", inputs, outputs):
            return nn.Linear(inputs, outputs)
        case ("conv", inputs, outputs, stride):
            return nn.Conv2d(inputs, outputs, 3, stride, padding=1)
        case ("batch_norm", channels, epsilon):
            return batch_norm(channels, epsilon)
        case ("dropout", _):
            return Dropout()
        case ("reshape", shape):
            return Reshape(shape)
        case ("flatten",):
            return Flatten()
        case ("upsample",):
            return nn.Upsample(scale_factor=2)
        case ("leaky_relu",):
            return nn.LeakyReLU(SLOPE)
        case ("tanh",):
            return nn.Tanh()
        case ("sigmoid",):
            return nn.Sigmoid()


def _channels_first(images):
    return images.permute(0, 3, 1, 2)


def _channels_last(images):
    return images.permute(0, 2, 3, 1)


def _images(array):
    return _channels_first(torch.from_numpy(array))


def _pytorch_order(value):
    """This project's [in, out] and [height, width, in, out] to PyTorch's [out, in, …]."""
    return _transposed(value, {1: (0,), 2: (1, 0), 4: (3, 2, 0, 1)})


def _own_order(value):
    return _transposed(value, {1: (0,), 2: (1, 0), 4: (2, 3, 1, 0)})


def _transposed(value, axes):
    return np.ascontiguousarray(value.transpose(axes[value.ndim]))


def _array(tensor):
    return tensor.detach().numpy()


def _arrays(tensors):
    # Copies: the parameters themselves change in place.
    return {name: _own_order(_array(tensor).copy()) for name, tensor in tensors.items()}
