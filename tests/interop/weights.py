"""Writes files of weights with PyTorch, safetensors and h5py, and checks that laperm and numpy compute the same profiles.

pip install torch==2.9.0 safetensors==0.8.0 h5py==3.16.0; then python tests/interop/weights.py [path of laperm]
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import h5py
import numpy as np
import safetensors.numpy
import torch

LAPERM = sys.argv[1] if len(sys.argv) > 1 else "target/release/laperm"
SHAPES = {"conv1.weight": (16, 3, 3, 3), "conv10.weight": (32, 16, 3, 3), "dense.weight": (10, 288)}


def draw(seed):
    """Draws the weights of a small network, about 30 % of the dense ones zero."""
    random = np.random.default_rng(seed)
    weights = {name: random.normal(0, 0.05, shape).astype(np.float32) for name, shape in SHAPES.items()}
    weights["dense.weight"][random.random((10, 288)) < 0.3] = 0
    return weights


def to_keras(array):
    """From [out, in, height, width] to [height, width, in, out], and from [out, in] to [in, out]."""
    return array.transpose(2, 3, 1, 0) if array.ndim == 4 else array.T


def write(folder, weights):
    tensors = {name: torch.from_numpy(array.copy()) for name, array in weights.items()}
    safetensors.numpy.save_file(weights, folder / "a.safetensors")
    torch.save(tensors, folder / "a.pt")
    torch.save({"model": tensors, "epoch": 1}, folder / "a-legacy.pth", _use_new_zipfile_serialization=False)
    torch.save({name: tensor.double() for name, tensor in tensors.items()}, folder / "a-double.pt")
    for name, options in {"a.h5": {}, "a-gzip.h5": dict(compression="gzip", shuffle=True), "a-lzf.h5": dict(compression="lzf")}.items():
        with h5py.File(folder / name, "w") as file:
            file.attrs["layer_names"] = np.array([layer.split(".")[0].encode() for layer in weights])
            for layer, array in weights.items():
                layer = layer.split(".")[0]
                file.create_dataset(f"{layer}/{layer}/kernel:0", data=to_keras(array), **options)


def similarity(vectors):
    """SoWP: the mean distance of sorted vectors from their average, over the standard deviation of that average."""
    profiles = np.sort(vectors.astype(np.float64), axis=1)
    average = profiles.mean(axis=0)
    return np.abs(profiles - average).mean() / average.std()


def check(folder, name, weights):
    report = json.loads(subprocess.check_output([LAPERM, "profile", folder / name, "--json"]))
    assert len(report["layers"]) == len(weights), (name, report["layers"])
    for layer, (expected, array) in zip(report["layers"], weights.items()):
        at = (name, expected)
        shape = to_keras(array).shape if name.endswith(".h5") else array.shape
        assert tuple(layer["shape"]) == shape, at
        assert layer["name"].split("/")[-2:] == [expected.split(".")[0], "kernel:0"] or layer["name"].endswith(expected), at
        vectors = array.reshape(len(array), -1)
        assert (layer["vectors"], layer["length"]) == vectors.shape, at
        assert layer["zeros"] == (array == 0).sum(), at
        assert np.isclose(layer["mean"], array.astype(np.float64).mean(), rtol=1e-5, atol=1e-9), at
        assert np.isclose(layer["sd"], array.astype(np.float64).std(), rtol=1e-5), at
        percentiles = np.percentile(array.astype(np.float64), report["percentile_levels"])
        assert np.allclose(layer["percentiles"], percentiles, rtol=1e-5, atol=1e-9), at
        assert np.isclose(layer["similarity"], similarity(vectors), rtol=1e-4), at


def check_permutation(folder, weights):
    random = np.random.default_rng(7)
    permuted = {}
    for name, array in weights.items():
        vectors = array.reshape(len(array), -1)
        permuted[name] = random.permuted(vectors, axis=1).reshape(array.shape)
    torch.save({name: torch.from_numpy(array) for name, array in permuted.items()}, folder / "b.pt")
    for first, expected in [("a.safetensors", True), ("a-gzip.h5", True), ("b.pt", True), ("other.safetensors", False)]:
        report = json.loads(subprocess.check_output([LAPERM, "profile", folder / first, folder / "b.pt", "--json"]))
        assert report["permutation"] == expected, report
        assert all((layer["moved"] == 0) == (first == "b.pt") for layer in report["layers"]), report


with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    weights = draw(1)
    write(folder, weights)
    safetensors.numpy.save_file(draw(2), folder / "other.safetensors")
    names = ["a.safetensors", "a.pt", "a-legacy.pth", "a-double.pt", "a.h5", "a-gzip.h5", "a-lzf.h5"]
    for name in names:
        check(folder, name, weights)
    check_permutation(folder, weights)
    print(f"{len(names)} files of weights: the same numbers as numpy")
