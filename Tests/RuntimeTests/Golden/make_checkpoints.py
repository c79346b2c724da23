#!/usr/bin/env python3
"""Writes the files of Checkpoints: what PyTorch of the version at hand saves, in the ways that people save networks.

    python3 make_checkpoints.py    (needs torch and numpy; dill for those files that are written with it)

Of version 1.2, from before the archives, only some files are kept.

The network is the smallest residual one; its weights come from the hash of the tests, so that these know them.
"""
import argparse
import collections
import os

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

try:
    import dill
except ImportError:
    dill = None

HERE = os.path.dirname(os.path.abspath(__file__))
VERSION = ".".join(torch.__version__.split("+")[0].split(".")[:2])
FOLDER = os.path.join(HERE, "Checkpoints", VERSION)
IS_NEW = tuple(map(int, VERSION.split("."))) >= (1, 6)


def words(name, count):
    """SplitMix64 (Steele, Lea, Flood 2014) from a start that FNV-1a makes of the name."""
    start = 0xCBF29CE484222325
    for byte in name.encode():
        start = ((start ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    with np.errstate(over="ignore"):
        z = np.uint64(start) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def weight(name, shape):
    u = ((words(name, int(np.prod(shape))) >> np.uint64(40)).astype(np.float64) * 2.0**-24).reshape(shape)
    if len(shape) > 1:
        value = (2 * u - 1) * (6.0 / np.prod(shape[1:])) ** 0.5
    elif name.endswith("running_var") or name.endswith(".weight"):
        value = 0.5 + 0.5 * u
    else:
        value = 0.2 * (u - 0.5)
    return torch.from_numpy(value.astype(np.float32))


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)

    def forward(self, x):
        return F.relu(x + self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))))


class Net(nn.Module):
    def __init__(self, width=4, classes=3):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)
        self.layer1 = nn.Sequential(Block(width))
        self.fc = nn.Linear(width, classes)
        for name, tensor in self.state_dict().items():
            if not name.endswith("num_batches_tracked"):
                tensor.copy_(weight(name, tuple(tensor.shape)))

    def forward(self, x):
        x = self.layer1(F.relu(self.bn1(self.conv1(x))))
        return self.fc(F.adaptive_avg_pool2d(x, 1).flatten(1))


MEAN, STD = [0.25, 0.5, 0.75], [0.125, 0.25, 0.5]


class Normalisation(nn.Module):
    """Under any pair of names."""

    def __init__(self, mean, std):
        super().__init__()
        self.register_buffer(mean, torch.tensor(MEAN).view(1, 3, 1, 1))
        self.register_buffer(std, torch.tensor(STD).view(1, 3, 1, 1))


class Attacker(nn.Module):
    """Holds the model and its normaliser once more, as that of the library `robustness` does."""

    def __init__(self, model):
        super().__init__()
        self.normalize, self.model = Normalisation("new_mean", "new_std"), model


class AttackerModel(nn.Module):
    def __init__(self, model):
        super().__init__()
        self.normalizer, self.model = Normalisation("new_mean", "new_std"), model
        self.attacker = Attacker(model)


class Normalised(Net):
    """Keeps the normalisation in itself, as many of RobustBench's networks do."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mu", torch.tensor(MEAN).view(1, 3, 1, 1))
        self.register_buffer("sigma", torch.tensor(STD).view(1, 3, 1, 1))


def trained(state, **others):
    """What a training script saves."""
    velocity = {0: {"momentum_buffer": torch.zeros(4, 3, 3, 3)}}
    return dict(epoch=90, arch="resnet18", best_acc1=torch.tensor(76.5), state_dict=state,
                optimizer={"state": velocity, "param_groups": [{"lr": 0.1, "params": [0]}]}, **others)


def dtypes():
    numbers = [0.0, 1.0, -2.0, 0.5, -1.5, 3.0]
    tensors = collections.OrderedDict()
    for name in ["float64", "float32", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz",
                 "float8_e5m2fnuz"]:
        if hasattr(torch, name):
            tensors[name] = torch.tensor(numbers).to(getattr(torch, name)).reshape(2, 3)
    for name in ["int64", "int32", "int16", "int8"]:
        tensors[name] = torch.tensor([0, 1, -2, 100, -128, 3], dtype=getattr(torch, name)).reshape(2, 3)
    for name in ["uint8", "uint16", "uint32", "uint64"]:
        if hasattr(torch, name):
            tensors[name] = torch.tensor([0, 1, 2, 100, 200, 3]).to(getattr(torch, name)).reshape(2, 3)
    tensors["bool"] = torch.tensor([False, True, True, False, False, True]).reshape(2, 3)
    return tensors


def views():
    base = torch.arange(24, dtype=torch.float32)
    grid = base.view(2, 3, 4)
    tensors = collections.OrderedDict(
        base=base, grid=grid, tail=base[20:], transposed=grid.transpose(0, 2), part=grid[:, 1:, ::2],
        expanded=base[5:6].expand(2, 3), one=base[7], empty=base[:0].view(0, 4),
        parameter=nn.Parameter(grid.permute(1, 0, 2)), diagonal=torch.diagonal(grid[0, :, :3]),
        reshaped=torch.arange(24, dtype=torch.float32).view(1, 2, 3, 4).contiguous(memory_format=torch.channels_last)
        if hasattr(torch, "channels_last") else base.view(1, 2, 3, 4))
    return tensors


def save(name, what, **options):
    torch.save(what, os.path.join(FOLDER, name), **options)


def main():
    os.makedirs(FOLDER, exist_ok=True)
    net = Net()
    state = net.state_dict()
    save("state.pt", state)
    save("protocol4.pth", state, pickle_protocol=4)
    if IS_NEW:
        save("protocol5.bin", state, pickle_protocol=5)
        save("legacy.pt", state, _use_new_zipfile_serialization=False)
        save("legacy-views.pt", views(), _use_new_zipfile_serialization=False)
    save("module.pt", net)
    save("parallel.pth.tar", trained(nn.DataParallel(net).state_dict(), args=argparse.Namespace(arch="resnet", eps=8)))
    save("nested.ckpt", {"model": {"ema": Net().state_dict(), "state_dict": state}, "epoch": 3})
    save("lightning.ckpt", dict(trained({"model." + k: v for k, v in state.items()}),
                                hyper_parameters={"lr": 0.1, "name": "small"}, loops=None))
    save("sequence.pt", nn.Sequential(collections.OrderedDict([("normalize", Normalisation("mean", "std")), ("model", net)])).state_dict())
    save("numbered.pt", nn.DataParallel(nn.Sequential(Normalisation("mean", "std"), net)).state_dict())
    save("within.pt", {"model_state_dict": Normalised().state_dict(), "unaveraged_model_state_dict": {}})
    robust = nn.DataParallel(AttackerModel(Net())).state_dict()
    robust = {"model": robust, "optimizer": {}, "schedule": None, "epoch": 150, "amp": None}
    save("robustness.pt", robust)
    save("dtypes.pt", dtypes())
    save("views.pt", views())
    save("arrays.pt", {"model": {"a": np.arange(6.0).reshape(2, 3), "b": np.asfortranarray(np.arange(6).reshape(2, 3)),
                                 "c": torch.ones(2), "d": np.float32(0.5)}, "best": np.float64(0.5)})
    if IS_NEW:
        save("sparse.pt", {"a": torch.eye(2).to_sparse(), "b": torch.ones(2)})
        torch.jit.script(net).save(os.path.join(FOLDER, "script.pt"))
    if dill:
        save("dill-robustness.pt", robust, pickle_module=dill)
        save("dill-module.pt", net, pickle_module=dill)


if __name__ == "__main__":
    main()
