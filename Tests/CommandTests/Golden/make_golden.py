#!/usr/bin/env python3
"""Writes the golden files of the paper presets: a small random network, and what PyTorch makes of the published loops.

    python3 make_golden.py    (needs torch and numpy; writes tiny.safetensors and *.f32 beside itself)

Each loop is that of Santurkar et al., arXiv 1906.09453, with the settings of their notebooks, and goes as in the library
that these call (robustness 1.2.1): the outcome is the iterate of least loss, the first and the last one included. L2
lengths, published for 224 pixels, are scaled to the 32 or so of the images here. Images are [row][column][channel] in
single precision.
"""
import json
import os
import struct

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

HERE = os.path.dirname(os.path.abspath(__file__))
SIDE, CLASSES, STEPS = 32, 5, 20


class PassReLU(torch.autograd.Function):
    """A ReLU whose gradient is that of the identity."""

    @staticmethod
    def forward(ctx, x):
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, gradient):
        return gradient


class Block(nn.Module):
    def __init__(self, channels, out, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(channels, out, 3, stride, 1, bias=False), nn.BatchNorm2d(out)
        self.conv2, self.bn2 = nn.Conv2d(out, out, 3, 1, 1, bias=False), nn.BatchNorm2d(out)
        self.downsample = None
        if stride != 1 or channels != out:
            self.downsample = nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return y + (x if self.downsample is None else self.downsample(x))


class Tiny(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.48, 0.46, 0.41]))
        self.register_buffer("std", torch.tensor([0.23, 0.22, 0.23]))
        self.conv1, self.bn1 = nn.Conv2d(3, 8, 3, 1, 1, bias=False), nn.BatchNorm2d(8)
        self.layer1, self.layer2 = nn.Sequential(Block(8, 8, 1)), nn.Sequential(Block(8, 24, 2))
        self.fc = nn.Linear(24, CLASSES)

    def representation(self, x, pass_relu=False):
        y = F.relu(self.bn1(self.conv1((x - self.mean.view(1, 3, 1, 1)) / self.std.view(1, 3, 1, 1))))
        y = self.layer2(F.relu(self.layer1(y)))
        return (PassReLU.apply(y) if pass_relu else F.relu(y)).mean((2, 3))

    def forward(self, x, pass_relu=False):
        return self.fc(self.representation(x, pass_relu))


def tiny():
    torch.manual_seed(7)
    model = Tiny()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.7, 1.3)
            nn.init.normal_(module.bias, 0, 0.2)
            nn.init.normal_(module.running_mean, 0, 0.2)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
    nn.init.normal_(model.fc.weight, 0, 1)
    return model.eval()


def write_model(model):
    tensors = {k: v for k, v in model.state_dict().items() if not k.endswith("num_batches_tracked")}
    torch.manual_seed(8)
    tensors["seeds.mean"] = 0.3 + 0.4 * torch.rand(CLASSES, 3, 8, 8)
    tensors["seeds.factor"] = 0.05 * torch.randn(CLASSES, 3, 3, 8, 8)
    metadata = {"size": str(SIDE), "classes": json.dumps(["ash", "birch", "cedar", "elm", "fir"]), "eps": "0.5",
                "constraint": "l2", "stem_stride": "1"}
    header, data = {"__metadata__": metadata}, b""
    for key, value in tensors.items():
        value = np.ascontiguousarray(value.numpy().astype(np.float32))
        header[key] = {"dtype": "F32", "shape": list(value.shape), "data_offsets": [len(data), len(data) + value.nbytes]}
        data += value.tobytes()
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(os.path.join(HERE, "tiny.safetensors"), "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)


def photo(side, phase=0):
    """What PaperTests writes as a file of 16 bits."""
    y, x, c = np.meshgrid(np.arange(side), np.arange(side), np.arange(3), indexing="ij")
    value = 0.5 + 0.3 * np.sin(0.4 * x + c + phase) * np.cos(0.3 * y) + 0.1 * (((x * 7 + y * 13 + c * 5) % 11) / 11 - 0.5)
    return torch.from_numpy(np.round(value * 65535) / 65535).permute(2, 0, 1)[None]


def ascend(start, objective, radius, step, scale=None):
    """Minimises the objective in an L2 ball around the start, by normalised steps; returns the best iterate."""
    scale = start.shape[-1] / 224 if scale is None else scale
    z, best, least = start.clone(), start, float("inf")
    for left in reversed(range(STEPS + 1)):
        z.requires_grad_()
        loss = objective(z)
        if loss.item() < least:
            best, least = z.detach().clone(), loss.item()
        if left == 0:
            return best
        gradient, = torch.autograd.grad(loss, z)
        with torch.no_grad():
            z = z - step * scale * gradient / (gradient.norm() + 1e-10)
            z = (start + (z - start).renorm(p=2, dim=0, maxnorm=radius * scale)).clamp(0, 1)


def cross_entropy(model, index, pass_relu=False):
    return lambda z: F.cross_entropy(model(z, pass_relu), torch.tensor([index]))


def store(name, image):
    image[0].permute(1, 2, 0).contiguous().numpy().astype(np.float32).tofile(os.path.join(HERE, name + ".f32"))


def inpaint(model, x):
    """CE + 10 mean[((z - x)(1 - m))^2] from the mean colour of the whole photo; known pixels are pasted back."""
    m = torch.zeros(1, 1, SIDE, SIDE, dtype=torch.float64)
    m[..., 12:21, 11:20] = 1
    start = x * (1 - m) + x.mean((2, 3), keepdim=True) * m
    ce = cross_entropy(model, 3, pass_relu=True)
    z = ascend(start, lambda z: ce(z) + 10 * (((z - start) * (1 - m)) ** 2).mean(), 21.6, 0.1)
    return x * (1 - m) + z * m


def paint(model, x):
    """-0.1 R_f + 90 mean[((z - x)(1 - m))^2]; the rest is pasted back."""
    m = torch.zeros(1, 1, SIDE, SIDE, dtype=torch.float64)
    m[..., 8:24, 6:20] = 1
    z = ascend(
        x, lambda z: -0.1 * model.representation(z, True)[0, 5] + 90 * (((z - x) * (1 - m)) ** 2).mean(), 70, 1)
    return x * (1 - m) + z * m


def philox_normal(seed, stream, count):
    """Philox4x32-10 (Salmon et al. 2011), then Box and Muller, as the program draws normal numbers."""
    index = np.arange((count + 3) // 4, dtype=np.uint64)
    mask, shift = np.uint64(0xFFFFFFFF), np.uint64(32)
    c = [index & mask, index >> shift, np.full_like(index, stream & 0xFFFFFFFF), np.full_like(index, stream >> 32)]
    k = [seed & 0xFFFFFFFF, seed >> 32]
    for _ in range(10):
        a, b = np.uint64(0xD2511F53) * c[0], np.uint64(0xCD9E8D57) * c[2]
        c = [(b >> shift) ^ c[1] ^ np.uint64(k[0]), b & mask, (a >> shift) ^ c[3] ^ np.uint64(k[1]), a & mask]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    w = np.stack(c, 1).astype(np.float64)
    radius, angle = np.sqrt(-2 * np.log((w[:, ::2] + 1) * 2.0**-32)), 2 * np.pi * w[:, 1::2] * 2.0**-32
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], 2).reshape(-1)[:count]


def attack(model, x):
    """The cross-entropy of what the photo is taken for, raised within 0.5: lengths are those for the model's side."""
    ce = cross_entropy(model, model(x).argmax().item())
    return ascend(x, lambda z: -ce(z), 0.5, 0.1, scale=1)


def enlarged(factor, radius, model):
    """From blocks; the loop never learns that the last ReLU is to be passed."""
    small = photo(-(-SIDE // factor))
    blocks = small.repeat_interleave(factor, 2).repeat_interleave(factor, 3)
    return ascend(blocks, cross_entropy(model, 1), radius, 1)


def invert(model, x):
    """||R(z) - R*|| / ||R*|| from 0.5 + N/20, through the last ReLU."""
    noise = torch.from_numpy(philox_normal(0, 1, 3 * SIDE * SIDE)).reshape(1, SIDE, SIDE, 3).permute(0, 3, 1, 2)
    goal = model.representation(x).detach()
    start = (0.5 + noise / 20).clamp(0, 1)
    return ascend(start, lambda z: (model.representation(z, True) - goal).norm() / goal.norm(), 1000, 1)


def main():
    model = tiny()
    write_model(model)
    model = model.double()
    x = photo(SIDE)
    store("inpaint", inpaint(model, x))
    store("generate", ascend(x, cross_entropy(model, 1), 40, 1))
    store("superres", enlarged(8, 8, model))
    store("superres-7x", enlarged(7, 15, model))
    store("attack", attack(model, x))
    store("translate", ascend(x, cross_entropy(model, 3), 80, 0.5))
    store("sketch", ascend(photo(SIDE, 0.7), cross_entropy(model, 0), 40, 1))
    store("paint", paint(model, x))
    store("invert", invert(model, x))


if __name__ == "__main__":
    main()
