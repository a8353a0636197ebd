"""Checks that accuracy and loss survive the way from laperm to PyTorch, and from PyTorch and h5py to laperm.

pip install torch==2.9.0 safetensors==0.8.0 h5py==3.16.0; then python tests/interop/torch_snapshot.py [path of laperm]
"""

import json
import pathlib
import struct
import subprocess
import sys
import tempfile

import h5py
import numpy as np
import safetensors
import safetensors.torch
import torch
import torch.nn.functional as F
from torch import nn

LAPERM = str(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "target/release/laperm").resolve())

EXPERIMENT = """
[data]
dataset = "mnist"
folder = "data"
[network]
name = "{network}"
[initial]
weights = {initial}
[prune]
ratio = {p}
[wrapper]
k = 4
biases = true
[train]
batch = 20
steps = {steps}
[evaluate]
train_examples = 0
"""


def laperm(*arguments):
    done = subprocess.run([LAPERM, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, f"laperm {arguments}: {done.stderr}"
    return json.loads(done.stdout)


def write_data(folder):
    """Writes noisy copies of ten images in MNIST's format. Returns pixels and labels of the test set."""
    folder.mkdir()
    random = np.random.default_rng(1)
    patterns = random.integers(0, 256, (10, 28, 28))
    for prefix, count in [("train", 400), ("t10k", 200)]:
        labels = random.integers(0, 10, count).astype(np.uint8)
        noise = random.integers(0, 256, (count, 28, 28))
        images = ((patterns[labels] + 3 * noise) // 4).astype(np.uint8)
        header = struct.pack(">IIII", 2051, count, 28, 28)
        (folder / f"{prefix}-images-idx3-ubyte").write_bytes(header + images.tobytes())
        header = struct.pack(">II", 2049, count)
        (folder / f"{prefix}-labels-idx1-ubyte").write_bytes(header + labels.tobytes())
    pixels = torch.from_numpy(images.astype(np.float32) / 255).unsqueeze(1)
    return pixels, torch.from_numpy(labels.astype(np.int64))


class Conv7(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 32, 3), nn.Conv2d(32, 32, 3)
        self.conv3 = nn.Conv2d(32, 32, 5, stride=2)
        self.conv4, self.conv5 = nn.Conv2d(32, 64, 3), nn.Conv2d(64, 64, 3)
        self.conv6 = nn.Conv2d(64, 64, 5, stride=2)
        self.conv7 = nn.Conv2d(64, 128, 4)
        self.dense1 = nn.Linear(128, 10)

    def forward(self, x):
        for name in ["conv1", "conv2", "conv3", "conv4", "conv5", "conv6", "conv7"]:
            if name in ["conv3", "conv6"]:
                x = F.pad(x, (1, 2, 1, 2))
            x = F.relu(getattr(self, name)(x))
        return self.dense1(x.flatten(1))


class Conv4(nn.Module):
    def __init__(self):
        super().__init__()
        norm = {"eps": 1e-3, "momentum": 0.01}
        channels = [(1, 64), (64, 64), (64, 128), (128, 128)]
        for i, (inputs, outputs) in enumerate(channels, 1):
            setattr(self, f"conv{i}", nn.Conv2d(inputs, outputs, 3, padding=1))
            setattr(self, f"bn{i}", nn.BatchNorm2d(outputs, **norm))
        self.dense1, self.bn5 = nn.Linear(7 * 7 * 128, 256), nn.BatchNorm1d(256, **norm)
        self.dense2, self.bn6 = nn.Linear(256, 256), nn.BatchNorm1d(256, **norm)
        self.dense3 = nn.Linear(256, 10)

    def forward(self, x):
        x = self.bn1(F.relu(self.conv1(x)))
        x = F.max_pool2d(self.bn2(F.relu(self.conv2(x))), 2)
        x = self.bn3(F.relu(self.conv3(x)))
        x = F.max_pool2d(self.bn4(F.relu(self.conv4(x))), 2)
        x = self.bn5(F.relu(self.dense1(x.flatten(1))))
        return self.dense3(self.bn6(F.relu(self.dense2(x))))


class F1(nn.Module):
    def __init__(self):
        super().__init__()
        self.dense1 = nn.Linear(784, 10, bias=False)

    def forward(self, x):
        return self.dense1(x.flatten(1))


def score(model, pixels, labels):
    model.eval()
    with torch.no_grad():
        logits = model(pixels)
    return (logits.argmax(1) == labels).float().mean().item(), F.cross_entropy(logits, labels).item()


def assert_same(what, found, expected):
    accuracy, loss = found
    assert abs(accuracy - expected[0]) < 1e-6, f"{what}: accuracy {accuracy}, not {expected[0]}"
    assert abs(loss - expected[1]) < 1e-4 * max(1, expected[1]), f"{what}: loss {loss}, not {expected[1]}"
    print(f"{what}: accuracy {accuracy:.4f}, loss {loss:.5f}")


def train(folder, network, steps, initial, p):
    """Trains a few steps. Returns the path of the snapshot, and the accuracy and loss of the run."""
    text = EXPERIMENT.format(network=network, steps=steps, initial=initial, p=p)
    (folder / f"{network}.toml").write_text(text)
    run = laperm("run", folder / f"{network}.toml", "--json", "--runs", folder / "runs", "--data", folder / "data")
    (snapshot,) = (pathlib.Path(run["run"]) / "snapshots").iterdir()
    return snapshot, (run["test_accuracy"], run["test_loss"])


def evaluate(weights, *more):
    evaluation = laperm("eval", "--json", "--train-examples", 0, "--weights", weights, *more)
    return (evaluation["test_accuracy"], evaluation["test_loss"]), evaluation


def write_keras(path, tensors):
    """Writes weights in Keras's layout. Only `layer_names` has the order of the layers, not their names."""
    parts = {"weight": "kernel:0", "bias": "bias:0", "running_mean": "moving_mean:0", "running_var": "moving_variance:0"}
    layers = list(dict.fromkeys(name.rsplit(".", 1)[0] for name in tensors))
    names = {layer: f"layer_{len(layers) - i}" for i, layer in enumerate(layers)}
    image = {"dense1": (128, 7, 7) if "bn1" in layers else None}
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [names[layer].encode() for layer in layers]
        for name, tensor in tensors.items():
            layer, part = name.rsplit(".", 1)
            array = tensor.numpy()
            if array.ndim == 4:
                array = array.transpose(2, 3, 1, 0)
            if array.ndim == 2:
                if image.get(layer):
                    array = array.reshape(-1, *image[layer]).transpose(0, 2, 3, 1).reshape(array.shape)
                array = array.T
            part = parts[part]
            if layer.startswith("bn"):
                part = {"kernel:0": "gamma:0", "bias:0": "beta:0"}.get(part, part)
            file[f"{names[layer]}/{names[layer]}/{part}"] = np.ascontiguousarray(array)


def check(folder, model, network, pixels, labels, **training):
    snapshot, run = train(folder, network, **training)
    with safetensors.safe_open(snapshot, "pt") as file:
        metadata = file.metadata()
    assert {"experiment", "seed", "step", "k", "p", "accuracy"} <= metadata.keys(), metadata.keys()
    assert f'name = "{network}"' in metadata["experiment"]
    assert abs(float(metadata["accuracy"]) - run[0]) < 1e-6
    tensors = safetensors.torch.load_file(snapshot)
    model.load_state_dict(tensors, strict=True)
    assert_same(f"{network}, in PyTorch", score(model, pixels, labels), run)
    assert_same(f"{network}, its snapshot", evaluate(snapshot)[0], run)

    subprocess.run([LAPERM, "snapshot", "encode", str(snapshot), "-o", str(folder / f"{network}.lperm")], check=True)
    assert evaluate(folder / f"{network}.lperm")[0] == run
    toml = ["--network", folder / f"{network}.toml", "--data", folder / "data"]
    own_order = {name: tensors[name] for name in model.state_dict() if name in tensors}
    write_keras(folder / f"{network}.h5", own_order)
    assert_same(f"{network}, .h5", evaluate(folder / f"{network}.h5", *toml)[0], run)

    torch.save(model.state_dict(), folder / f"{network}.pth")
    found, evaluation = evaluate(folder / f"{network}.pth", *toml)
    assert evaluation["matching"] == "by-name"
    assert_same(f"{network}, .pth", found, run)
    # The same modules, named by their positions in a Sequential.
    nested = {"epoch": 3, "model": nn.Sequential(*model.children()).state_dict()}
    torch.save(nested, folder / f"{network}-nested.pt")
    found, evaluation = evaluate(folder / f"{network}-nested.pt", *toml)
    assert evaluation["matching"] == "by-order"
    assert_same(f"{network}, a nested Sequential", found, run)


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        pixels, labels = write_data(folder / "data")
        he, shared = '"he-uniform"', "{ shared = 0.08 }"
        check(folder, F1(), "f1", pixels, labels, steps=60, initial=shared, p=0.5)
        check(folder, Conv7(), "conv7", pixels, labels, steps=12, initial=he, p=0.3)
        check(folder, Conv4(), "conv4", pixels, labels, steps=8, initial=he, p=0.0)


if __name__ == "__main__":
    main()
