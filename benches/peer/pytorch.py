"""Baseline in plain PyTorch: the paper's networks, a training step, and LaPerm's synchronization.

usage: pytorch.py NETWORK [--batch N] [--threads N] [--seconds S]

Measures as `laperm bench` does, on random data, and prints one JSON object with fields of the same names: medians after
a warm-up, the sync of weights that are unrelated to those of the previous sync, and the peak memory of the process up to
the end of the steps. Written for PyTorch 2.9, eager, on the CPU.
"""

import argparse
import json
import platform
import resource
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

LEAST = 3  # repetitions, regardless of their duration
WARM_UP = 2  # steps before the first measured one
EVALUATION_BATCH = 250


# The networks of table 1 and sections 3 and 5.5 of the paper, with batch norm as in Keras.


class Pad(nn.Module):
    """Keras's 'same' padding for a stride of 2, with the extra zero after the image."""

    def __init__(self, before, after):
        super().__init__()
        self.around = (before, after, before, after)

    def forward(self, images):
        return F.pad(images, self.around)


def norm(channels):
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


def norm_of_units(units):
    return nn.BatchNorm1d(units, eps=1e-3, momentum=0.01)


def conv(inputs, filters):
    return [nn.Conv2d(inputs, filters, 3, padding=1), nn.ReLU(), norm(filters)]


def stage(inputs, filters, rate):
    return [*conv(inputs, filters), nn.Dropout(rate), *conv(filters, filters), nn.MaxPool2d(2)]


def dense_head(inputs):
    return [
        *[nn.Flatten(), nn.Linear(inputs, 256), nn.ReLU(), nn.Dropout(0.5), norm_of_units(256)],
        *[nn.Linear(256, 256), nn.ReLU(), norm_of_units(256), nn.Dropout(0.5), nn.Linear(256, 10)],
    ]


def mlp():
    hidden = [nn.Linear(784, 100), nn.ReLU(), nn.Linear(100, 100), nn.ReLU()]
    return nn.Sequential(nn.Flatten(), *hidden, nn.Linear(100, 10))


def conv2():
    return nn.Sequential(*stage(3, 64, 0.3), *dense_head(64 * 16 * 16))


def conv4():
    return nn.Sequential(*stage(3, 64, 0.3), *stage(64, 128, 0.4), *dense_head(128 * 8 * 8))


def conv7():
    layers, channels = [], 1
    for filters in (32, 64):
        layers += [nn.Conv2d(channels, filters, 3), nn.ReLU(), nn.Conv2d(filters, filters, 3), nn.ReLU()]
        layers += [Pad(1, 2), nn.Conv2d(filters, filters, 5, stride=2), nn.ReLU(), nn.Dropout(0.4)]
        channels = filters
    layers += [nn.Conv2d(64, 128, 4), nn.ReLU(), nn.Flatten(), nn.Dropout(0.4), nn.Linear(128, 10)]
    return nn.Sequential(*layers)


def conv13():
    layers, channels = [*stage(3, 64, 0.3), *stage(64, 128, 0.4)], 128
    for filters in (256, 512, 512):
        layers += [*conv(channels, filters), nn.Dropout(0.4), *conv(filters, filters), nn.Dropout(0.4)]
        layers += [*conv(filters, filters), nn.MaxPool2d(2)]
        channels = filters
    layers += [nn.Dropout(0.5), nn.Flatten(), nn.Linear(512, 512), nn.ReLU(), norm_of_units(512)]
    return nn.Sequential(*layers, nn.Dropout(0.5), nn.Linear(512, 10))


class Block(nn.Module):
    def __init__(self, inputs, filters, stride):
        super().__init__()
        if stride == 2:
            first = [Pad(0, 1), nn.Conv2d(inputs, filters, 3, stride=2)]
        else:
            first = [nn.Conv2d(inputs, filters, 3, padding=1)]
        second = [nn.Conv2d(filters, filters, 3, padding=1), norm(filters)]
        self.body = nn.Sequential(*first, norm(filters), nn.ReLU(), *second)
        self.shortcut = nn.Conv2d(inputs, filters, 1, stride=2) if stride == 2 else nn.Identity()

    def forward(self, images):
        return F.relu(self.body(images) + self.shortcut(images))


def resnet50():
    layers, channels = [nn.Conv2d(3, 16, 3, padding=1), norm(16), nn.ReLU()], 16
    for filters in (16, 32, 64):
        for _ in range(8):
            layers.append(Block(channels, filters, 1 if channels == filters else 2))
            channels = filters
    return nn.Sequential(*layers, nn.AvgPool2d(8), nn.Flatten(), nn.Linear(64, 10))


def f1():
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 10, bias=False))


def f2():
    hidden = [nn.Linear(784, 128, bias=False), nn.ReLU(), nn.Linear(128, 64, bias=False), nn.ReLU()]
    return nn.Sequential(nn.Flatten(), *hidden, nn.Linear(64, 10, bias=False))


@dataclass
class Recipe:
    """How the paper trains a network."""

    build: Callable[[], nn.Module]
    shape: tuple[int, int, int]
    batch: int = 50
    penalty: bool = False  # an L2 penalty on the weights of all layers but the last
    biases: bool = False  # whether LaPerm permutes them, too


MNIST, CIFAR10 = (1, 28, 28), (3, 32, 32)
NETWORKS = {
    "mlp": Recipe(mlp, MNIST),
    "conv7": Recipe(conv7, MNIST, biases=True),
    "conv2": Recipe(conv2, CIFAR10, penalty=True),
    "conv4": Recipe(conv4, CIFAR10, penalty=True),
    "conv13": Recipe(conv13, CIFAR10, penalty=True),
    "resnet50": Recipe(resnet50, CIFAR10, penalty=True),
    "f1": Recipe(f1, MNIST, batch=128),
    "f2": Recipe(f2, MNIST, batch=128, penalty=True),
}


class LaPerm:
    """The sorted initial weights, and the synchronization that rearranges them in the order of the trained weights."""

    def __init__(self, network, biases):
        parameters = list(network.parameters())
        weights = [p for p in parameters if p.dim() > 1]
        # Scales and shifts of batch norms are not permuted; the network with permuted biases has none.
        self.permuted = parameters if biases else weights
        self.draw()
        self.sorted = [self.vectors(p).sort(dim=1)[0].clone() for p in self.permuted]

    @staticmethod
    def vectors(parameter):
        """One row per weight vector; a bias is one vector."""
        data = parameter.data
        return data.view(data.shape[0], -1) if data.dim() > 1 else data.view(1, -1)

    def draw(self):
        """He's uniform initial weights."""
        for parameter in self.permuted:
            bound = (6 / self.vectors(parameter).shape[1]) ** 0.5
            parameter.data.uniform_(-bound, bound)

    def sync(self):
        for parameter, values in zip(self.permuted, self.sorted):
            weights = self.vectors(parameter)
            weights.scatter_(1, weights.argsort(dim=1, stable=True), values)


def adam(network, penalty):
    """Adam. The L2 penalty, if any, applies to the weights of all layers but the last."""
    weights = [p for p in network.parameters() if p.dim() > 1]
    penalized = weights[:-1] if penalty else []
    known = {id(p) for p in penalized}
    rest = [p for p in network.parameters() if id(p) not in known]
    groups = [{"params": group, "weight_decay": decay} for group, decay in ((penalized, 2e-4), (rest, 0.0)) if group]
    return torch.optim.Adam(groups, lr=1e-3, eps=1e-7)


def repeat(seconds, act):
    """The results of `act`, repeated for the given number of seconds but at least LEAST times."""
    begun, results = time.perf_counter(), []
    while len(results) < LEAST or time.perf_counter() - begun < seconds:
        results.append(act())
    return results


def milliseconds(act):
    begun = time.perf_counter()
    act()
    return (time.perf_counter() - begun) * 1e3


def peak_memory():
    """Peak memory of this process, in units of 10^6 bytes."""
    unit = 1 if platform.system() == "Darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def measure(name, batch, seconds):
    recipe = NETWORKS[name]
    network = recipe.build()
    laperm = LaPerm(network, recipe.biases)
    optimizer = adam(network, recipe.penalty)
    images, labels = torch.randn(batch, *recipe.shape), torch.arange(batch) % 10

    def step():
        clock = [time.perf_counter()]
        optimizer.zero_grad()
        loss = F.cross_entropy(network(images), labels)
        clock.append(time.perf_counter())
        loss.backward()
        clock.append(time.perf_counter())
        optimizer.step()
        loss.item()
        clock.append(time.perf_counter())
        return [1e3 * (b - a) for a, b in zip(clock, clock[1:])]

    for _ in range(WARM_UP):
        step()
    steps = repeat(seconds, step)
    memory = peak_memory()

    def sync():
        laperm.draw()
        return milliseconds(laperm.sync)

    syncs = repeat(seconds, sync)

    shown = torch.randn(EVALUATION_BATCH, *recipe.shape)
    network.eval()

    def evaluate():
        with torch.no_grad():
            (network(shown).argmax(1) == 0).sum().item()

    evaluate()
    evaluations = repeat(seconds, lambda: milliseconds(evaluate))
    forward, backward, update = (statistics.median(part) for part in zip(*steps))
    return {
        "network": name,
        "batch": batch,
        "parameters": sum(p.numel() for p in network.parameters()),
        "steps": len(steps),
        "step_ms": statistics.median(map(sum, steps)),
        "forward_ms": forward,
        "backward_ms": backward,
        "optimizer_ms": update,
        "sync_ms": statistics.median(syncs),
        "evaluate_images_per_second": EVALUATION_BATCH / statistics.median(evaluations) * 1e3,
        "peak_memory_mb": memory,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("network", choices=NETWORKS)
    parser.add_argument("--batch", type=int, help="default: the paper's")
    parser.add_argument("--threads", type=int, help="default: PyTorch's choice")
    parser.add_argument("--seconds", type=float, default=2.0, help="duration of each measurement")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    torch.manual_seed(1)
    batch = arguments.batch or NETWORKS[arguments.network].batch
    measured = measure(arguments.network, batch, arguments.seconds)
    print(json.dumps({"torch": torch.__version__, "threads": torch.get_num_threads(), **measured}))


main()
