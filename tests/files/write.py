"""Writes the files of weights beside it, with PyTorch and h5py: pip install torch==2.9.0 h5py==3.16.0

The value number i of the t-th tensor is ((7 i + 3 t) mod 23 - 11) / 8, which every floating-point type holds exactly.
"""

import argparse
import collections
import os
import pathlib

import h5py
import numpy as np
import torch

HERE = pathlib.Path(__file__).parent


def values(t, shape):
    return (((7 * np.arange(np.prod(shape)) + 3 * t) % 23 - 11) / 8).astype(np.float32).reshape(shape)


def tensor(t, *shape):
    return torch.from_numpy(values(t, shape))


def checkpoint():
    """A checkpoint of a training: the network two dictionaries deep, beside an optimizer and an object of a class."""
    network = collections.OrderedDict()
    network["stem.weight"] = tensor(0, 4, 3, 2, 2)
    network["stem.bias"] = tensor(1, 4)
    network["body.10.weight"] = tensor(2, 5, 6).half()
    network["body.9.weight"] = tensor(3, 3, 7).bfloat16()
    network["a.weight"] = tensor(4, 2, 4).double()
    network["steps"] = torch.arange(6).reshape(2, 3)
    optimizer = {"state": {0: {"exp_avg": tensor(5, 4, 12)}}, "param_groups": [{"lr": 1e-3, "params": [0]}]}
    arguments = argparse.Namespace(lr=1e-3)
    return {"epoch": 3, "model": {"state_dict": network}, "optimizer": optimizer, "arguments": arguments}


def views():
    """Views of one storage, with different strides."""
    base = tensor(0, 4, 6)
    return {"base": base, "transposed": base.t(), "every_second": base[:, ::2], "from_second": base[1:]}


class Hostile:
    """Unpickling this in Python runs a command."""

    def __reduce__(self):
        return os.system, ("touch was-run",)


def write_torch():
    torch.save(checkpoint(), HERE / "checkpoint.pt")
    torch.save(checkpoint(), HERE / "checkpoint-legacy.pt", _use_new_zipfile_serialization=False)
    torch.save(views(), HERE / "views.pt")
    torch.save(views(), HERE / "views-legacy.pt", _use_new_zipfile_serialization=False)
    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    with torch.no_grad():
        model[0].weight.copy_(tensor(0, 2, 3))
    torch.save(model, HERE / "model.pt")
    torch.save({"dense.weight": tensor(0, 2, 3), "extra": Hostile()}, HERE / "hostile.pt")
    torch.save(Hostile(), HERE / "hostile-root.pt")
    torch.save({"wide": tensor(0, 1, 2).expand(1 << 20, 2)}, HERE / "repeated.pt")


def names(*texts):
    return np.array([text.encode() for text in texts])


def layers(group):
    """What Keras 2 writes for a convolution, a depthwise one and two dense layers, out of alphabetical order."""
    kinds = {
        "stem": {"kernel:0": values(0, (2, 2, 3, 4)), "bias:0": values(1, (4,))},
        "depthwise": {"depthwise_kernel:0": values(2, (2, 2, 3, 1))},
        "dense_10": {"kernel:0": values(3, (6, 5))},
        "dense_9": {"kernel:0": values(4, (7, 3))},
        "flatten": {},
    }
    group.attrs["layer_names"] = names(*kinds)
    for layer, weights in kinds.items():
        outer = group.create_group(layer)
        outer.attrs["weight_names"] = names(*(f"{layer}/{weight}" for weight in weights))
        if weights:
            inner = outer.create_group(layer)
            for name, array in weights.items():
                yield inner, name, array


def write_h5():
    with h5py.File(HERE / "weights.h5", "w") as file:
        for group, name, array in layers(file):
            group[name] = array
    options = [
        dict(compression="gzip", shuffle=True),
        dict(),
        dict(compression="lzf", chunks=(2, 1, 3, 1)),
        dict(compression="gzip", fletcher32=True, chunks=(4, 2)),
        dict(chunks=(3, 3)),
    ]
    kinds = ["<f4", "<f4", "<f8", "<f2", ">f4"]
    for version in ["earliest", "v114"]:
        with h5py.File(HERE / f"model-{version}.h5", "w", libver=(version, "v114")) as file:
            file.attrs["model_config"] = "{}"
            group = file.create_group("model_weights")
            for (group, name, array), option, kind in zip(layers(group), options, kinds):
                group.create_dataset(name, data=array.astype(kind), **option)
            file["optimizer_weights/Adam/m:0"] = values(5, (6, 5))
    with h5py.File(HERE / "missing.h5", "w") as file:
        file.attrs["layer_names"] = names("dense", "gone")
        file["dense/kernel:0"] = values(0, (2, 3))
    with h5py.File(HERE / "cyclic.h5", "w") as file:
        file["dense/kernel:0"] = values(0, (2, 3))
        file["dense/itself"] = file["dense"]


write_torch()
write_h5()
