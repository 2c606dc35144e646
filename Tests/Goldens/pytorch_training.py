"""SelfGAN's PyTorch layout, and the classic GAN, trained by PyTorch in float64."""

import numpy as np
import torch
from torch import nn

from networks import NETWORKS, PIXELS, SLOPE, initial_values, named_layers
from objectives import Passes, coefficients, self_objective
from records import Step, norm, replica_columns

VERSION = f"torch {torch.__version__}"

torch.set_default_dtype(torch.float64)
torch.use_deterministic_algorithms(True)

_loss = nn.BCELoss(reduction="none")


class PyTorchTraining:
    """One module for all shards: their gradients add up in it, and each updates its moving
    statistics in turn, so that the shards' order is the order of the updates."""

    def __init__(self, configuration):
        self.configuration = configuration
        self.parameters, self.moving = {}, {}
        self.generator = self._network("generator")
        self.discriminator = self._network("discriminator")
        initial = initial_values("pytorch", configuration["seed"])
        with torch.no_grad():
            for name, tensor in (self.parameters | self.moving).items():
                tensor.copy_(torch.from_numpy(_transposed_kernel(name, initial[name])))
        self.last = np.zeros((configuration["batchSize"], PIXELS))
        self.classic = configuration["objective"]["kind"] == "classic"
        networks = [self.generator, self.discriminator]
        if self.classic:
            self.optimizers = [self._adam(list(network.parameters())) for network in networks]
        else:
            self.optimizers = [self._adam([p for n in networks for p in n.parameters()])]

    def step(self, noise, real):
        count = self.configuration["replicas"]
        shards = zip(*(np.split(rows, count) for rows in (noise, real, self.last)))
        replica = self._classic_replica if self.classic else self._replica
        results = [replica(*map(torch.from_numpy, shard)) for shard in shards]
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

    def _replica(self, noise, real, last):
        objective = self.configuration["objective"]
        generated = self.generator(noise)
        validities = Passes(generated, real, last).map(self.discriminator)
        losses = _losses(validities)
        weights = coefficients(objective, losses, validities, torch.mean)
        total = self_objective(objective, losses, weights, torch.mean)
        gradients = torch.autograd.grad(total, list(self.parameters.values()))
        return self._result(total, losses, validities, weights, generated, gradients)

    def _classic_replica(self, noise, real, _):
        """G's gradient of mean l_gen with D fixed; D's of mean (l_real + l_fake) / 2 with the same
        images, detached, as the fakes. Both come from the parameters before the step."""
        generated = self.generator(noise)
        validities = Passes(generated, real, generated.detach()).map(self.discriminator)
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

    def _result(self, total, losses, validities, weights, generated, gradients):
        gradients = dict(zip(self.parameters, gradients))
        columns = replica_columns(
            total.detach(),
            losses.map(_array),
            validities.map(_array),
            weights and [torch.as_tensor(weight).item() for weight in weights],
            norm(_arrays(gradients).values()),
        )
        return columns, _array(generated), gradients

    def _network(self, network):
        model = nn.Sequential()
        for path, layer in named_layers(network, NETWORKS["pytorch"][network]):
            module = _module(layer)
            model.append(module)
            if layer[0] == "dense":
                self.parameters[f"{path}/kernel"] = module.weight
                self.parameters[f"{path}/bias"] = module.bias
            elif layer[0] == "batch_norm":
                self.parameters[f"{path}/gamma"] = module.weight
                self.parameters[f"{path}/beta"] = module.bias
                self.moving[f"{path}/moving_mean"] = module.running_mean
                self.moving[f"{path}/moving_variance"] = module.running_var
        return model

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


def _module(layer):
    match layer:
        case ("dense", inputs, outputs):
            return nn.Linear(inputs, outputs)
        case ("batch_norm", channels):
            return nn.BatchNorm1d(channels, 0.8)  # 0.8 is eps: the published networks' own call
        case ("leaky_relu",):
            return nn.LeakyReLU(SLOPE)
        case ("tanh",):
            return nn.Tanh()
        case ("sigmoid",):
            return nn.Sigmoid()


def _transposed_kernel(name, value):
    """PyTorch keeps [out, in] where this project keeps [in, out]."""
    return np.ascontiguousarray(value.T) if name.endswith("/kernel") else value


def _array(tensor):
    return tensor.detach().numpy()


def _arrays(tensors):
    # Copies: the parameters themselves change in place.
    return {
        name: _transposed_kernel(name, _array(tensor).copy()) for name, tensor in tensors.items()
    }
