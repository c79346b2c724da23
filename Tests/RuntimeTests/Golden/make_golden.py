#!/usr/bin/env python3
"""Writes the golden files of RuntimeTests: what PyTorch computes, in double precision.

    python3 make_golden.py    (needs torch and numpy; writes *.safetensors beside itself)

Weights and images come from a hash of (name, index) that the tests compute as well, so that none are stored. Of long
gradients, 1,000 values at hashed positions are stored, and the norm.
"""
import json
import os
import struct

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

HERE = os.path.dirname(os.path.abspath(__file__))
MODEL = os.path.join(HERE, "..", "..", "..", "Models", "photos.safetensors")
SAMPLES = 1000


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


def uniform(name, shape):
    """Multiples of 2**-24 in [0, 1)."""
    return ((words(name, int(np.prod(shape))) >> np.uint64(40)).astype(np.float64) * 2.0**-24).reshape(shape)


def image(name, count, height, width):
    return torch.from_numpy(uniform(name, (count, 3, height, width)))


def weight(name, shape):
    u = uniform(name, shape)
    if len(shape) > 1:
        value = (2 * u - 1) * (6.0 / np.prod(shape[1:])) ** 0.5
    elif name.endswith("running_var") or name.endswith(".weight"):
        value = 0.5 + 0.5 * u
    else:
        value = 0.2 * (u - 0.5)
    return torch.from_numpy(value.astype(np.float32))


class Block(nn.Module):
    def __init__(self, channels, width, stride, bottleneck, shortcut, groups):
        super().__init__()
        out = width * 4 if bottleneck else width
        self.bottleneck, self.shortcut_name = bottleneck, shortcut
        if bottleneck:
            self.conv1, self.bn1 = nn.Conv2d(channels, width, 1, bias=False), nn.BatchNorm2d(width)
            self.conv2 = nn.Conv2d(width, width, 3, stride, 1, groups=groups, bias=False)
            self.bn2 = nn.BatchNorm2d(width)
            self.conv3, self.bn3 = nn.Conv2d(width, out, 1, bias=False), nn.BatchNorm2d(out)
        else:
            self.conv1, self.bn1 = nn.Conv2d(channels, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width)
            self.conv2, self.bn2 = nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width)
        self.projects = stride != 1 or channels != out
        if self.projects:
            side = nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))
            setattr(self, shortcut, side)

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        if self.bottleneck:
            y = self.bn3(self.conv3(F.relu(y)))
        return y + (getattr(self, self.shortcut_name)(x) if self.projects else x)


class PassReLU(torch.autograd.Function):
    """A ReLU whose gradient is that of the identity."""

    @staticmethod
    def forward(ctx, x):
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, gradient):
        return gradient


class ResNet(nn.Module):
    def __init__(self, blocks, widths, classes, bottleneck=False, stem=7, stem_stride=2, shortcut="downsample",
                 head="fc", groups=1):
        super().__init__()
        self.pools, self.head_name, self.depth = stem == 7, head, len(blocks)
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1))
        channels = widths[0] if not bottleneck or stem == 3 else 64
        self.conv1 = nn.Conv2d(3, channels, stem, stem_stride, stem // 2, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        for s, (count, width) in enumerate(zip(blocks, widths)):
            stage = nn.Sequential()
            for b in range(count):
                stage.append(Block(channels, width, 2 if s > 0 and b == 0 else 1, bottleneck, shortcut, groups))
                channels = width * 4 if bottleneck else width
            setattr(self, f"layer{s + 1}", stage)
        setattr(self, head, nn.Linear(channels, classes))

    def forward(self, x, pass_relu=False):
        """Returns the features of all layers, by name, and the logits."""
        features = {}
        y = F.relu(self.bn1(self.conv1((x - self.mean) / self.std)))
        if self.pools:
            y = F.max_pool2d(y, 3, 2, 1)
        features["stem"] = y
        for s in range(self.depth):
            stage = getattr(self, f"layer{s + 1}")
            for b, block in enumerate(stage):
                y = block(y)
                last = s + 1 == self.depth and b + 1 == len(stage)
                y = PassReLU.apply(y) if pass_relu and last else F.relu(y)
                features[f"layer{s + 1}.{b}"] = y
        features["representation"] = y.mean((2, 3))
        return features, getattr(self, self.head_name)(features["representation"])


def write(name, tensors):
    header, data = {}, b""
    for key, value in tensors.items():
        value = np.ascontiguousarray(np.asarray(value, dtype=np.float32))
        header[key] = {"dtype": "F32", "shape": list(value.shape), "data_offsets": [len(data), len(data) + value.nbytes]}
        data += value.tobytes()
    text = json.dumps(header, separators=(",", ":")).encode()
    with open(os.path.join(HERE, name + ".safetensors"), "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)


def sampled(tensors, key, value):
    """Stores some values of a long tensor, and its norm."""
    flat = value.detach().reshape(-1).numpy()
    where = (words("samples", SAMPLES) % np.uint64(flat.size)).astype(np.int64)
    tensors[key], tensors[key + ".norm"] = flat[where], [np.linalg.norm(flat)]


def network(name, model, count, height, width, images="image"):
    """Logits, features and the input gradient of cross-entropy to class 1, for weights from the hash."""
    state = model.state_dict()
    for key in state:
        if key not in ("mean", "std") and not key.endswith("num_batches_tracked"):
            state[key] = weight(key, tuple(state[key].shape))
    model.load_state_dict(state)
    model = model.double().eval()
    x = image(images, count, height, width).requires_grad_()
    features, logits = model(x)
    loss = F.cross_entropy(logits, torch.ones(count, dtype=torch.long), reduction="none")
    gradient, = torch.autograd.grad(loss.sum(), x)
    tensors = {"logits": logits.detach(), "losses": loss.detach()}
    sampled(tensors, "gradient", gradient)
    for layer, value in features.items():
        sampled(tensors, layer, value)
    write(name, tensors)


def load_default():
    with open(MODEL, "rb") as f:
        header = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
        data = f.read()
    model = ResNet([2, 2, 2, 2], [32, 64, 128, 256], header["fc.bias"]["shape"][0], stem=3)
    state = model.state_dict()
    types = {"F16": np.float16, "F32": np.float32}
    for key, entry in header.items():
        if key in state:
            begin, end = entry["data_offsets"]
            values = np.frombuffer(data[begin:end], types[entry["dtype"]]).astype(np.float32)
            state[key] = torch.from_numpy(values.reshape(tuple(state[key].shape)).copy())
    model.load_state_dict(state)
    return model.double().eval()


def statistics(features, weights):
    """Mean, deviation, Gram matrix and covariance of one image's features over weighted positions."""
    f = features.flatten(1)
    w = weights.flatten() / weights.sum()
    mean = (f * w).sum(1)
    deviation = (((f - mean[:, None]) ** 2 * w).sum(1) + 1e-8).sqrt()
    about_mean = f - mean[:, None]
    return mean, deviation, (f * w) @ f.T, (about_mean * w) @ about_mean.T


def mirrored(x, edge):
    """Borders mirrored with the first pixel repeated."""
    for dimension in (2, 3):
        first, last = x.narrow(dimension, 0, edge), x.narrow(dimension, x.shape[dimension] - edge, edge)
        x = torch.cat([first.flip(dimension), x, last.flip(dimension)], dimension)
    return x


def terms(model):
    """One objective for each kind of term: from (images, features, logits) to the loss of each image."""
    side = 64
    target, region = image("target", 2, side, side), torch.from_numpy(uniform("region", (2, 1, side, side)))
    reference, reference_region = image("reference", 1, 48, 80), torch.from_numpy(uniform("reference", (1, 1, 48, 80)))
    with torch.no_grad():
        target_features, _ = model(target)
        reference_features, _ = model(reference)

    def distance(layer, relative):
        goal = target_features[layer].flatten(1)
        scale = goal.norm(dim=1) if relative else 1
        return lambda x, f, z: (f[layer].flatten(1) - goal).norm(dim=1) / scale

    def weighted_features(x, f, z):
        goal, w = torch.from_numpy(uniform("goal", (2, 128, 8, 8))), torch.from_numpy(uniform("weights", (1, 128, 1, 1)))
        difference = (w * (f["layer3.0"] - goal)).flatten(1).norm(dim=1)
        return difference / (w * goal).flatten(1).norm(dim=1)

    def measurement(x, f, z):
        small, mask = torch.from_numpy(uniform("small", (1, 3, 16, 16))), uniform("small mask", (2, 1, 16, 16))
        return ((torch.from_numpy(mask) * (F.avg_pool2d(x, 4) - small)) ** 2).mean((1, 2, 3))

    def cubic_measurement(x, f, z):
        """A Gaussian of 1.2 pixels, then half the size; borders mirrored."""
        small, edge, sigma = torch.from_numpy(uniform("half", (2, 3, 32, 32))), 16, 1.2
        taps = torch.exp(-0.5 * (torch.arange(-4, 5, dtype=torch.float64) / sigma) ** 2)
        kernel = (taps / taps.sum())[None, None, None].repeat(3, 1, 1, 1)
        y = F.conv2d(F.conv2d(mirrored(x, edge), kernel, groups=3), kernel.transpose(2, 3), groups=3)
        edge -= 4
        y = F.interpolate(y, scale_factor=0.5, mode="bicubic", antialias=True)[..., edge // 2:-edge // 2, edge // 2:-edge // 2]
        return ((y - small) ** 2).mean((1, 2, 3))

    def smoothness(x, f, z):
        dx, dy = F.pad(x[..., 1:] - x[..., :-1], (0, 1)), F.pad(x[..., 1:, :] - x[..., :-1, :], (0, 0, 0, 1))
        return (region * ((dx**2 + dy**2).sum(1, keepdim=True) + 1e-6).sqrt()).mean((1, 2, 3))

    def feature(x, f, z):
        w = F.avg_pool2d(region, 4)
        return -(f["layer2.1"][:, 3:4] * w).sum((1, 2, 3)) / w.sum((1, 2, 3))

    def statistic(x, f, z, chosen=slice(0, 3)):
        goal = statistics(reference_features["layer1.1"][0], F.avg_pool2d(reference_region, 2)[0])
        losses = []
        for n in range(len(x)):
            own = statistics(f["layer1.1"][n], F.avg_pool2d(region, 2)[n])
            losses.append(sum(((a - b) ** 2).sum() / ((b**2).sum() + 1e-12) for a, b in zip(own[chosen], goal[chosen])))
        return torch.stack(losses)

    mixture = torch.zeros(model.fc.out_features, dtype=torch.float64)
    mixture[3], mixture[5] = 0.75, 0.25
    return {
        "class": lambda x, f, z: -(mixture * z.log_softmax(1)).sum(1),
        "logit": lambda x, f, z: -(mixture * z).sum(1),
        "feature": feature,
        "representation": distance("representation", False),
        "relative": distance("layer3.0", True),
        "features": weighted_features,
        "measurement": measurement,
        "cubic measurement": cubic_measurement,
        "pixels": lambda x, f, z: ((region * (x - target)) ** 2).mean((1, 2, 3)),
        "smoothness": smoothness,
        "entropy": lambda x, f, z: -(z.softmax(1) * z.log_softmax(1)).sum(1),
        "statistics": statistic,
        "covariance": lambda x, f, z: statistic(x, f, z, slice(3, 4)),
    }


def default_model():
    model = load_default()
    x = image("image", 2, 64, 64).requires_grad_()
    tensors = {"logits": model(x)[1].detach()}
    for pass_relu in (False, True):
        for name, loss in terms(model).items():
            if pass_relu and name != "class":
                continue
            losses = loss(x, *model(x, pass_relu))
            key = name + (".pass" if pass_relu else "")
            tensors[key + ".losses"] = losses.detach()
            sampled(tensors, key, torch.autograd.grad(losses.sum(), x)[0])

    # Ten steps to class 3 in an L2 ball, at the size the model was trained for.
    start = 0.25 + 0.5 * image("image", 1, 128, 128)
    z = start.clone()
    for _ in range(10):
        z.requires_grad_()
        loss = F.cross_entropy(model(z)[1], torch.tensor([3]))
        gradient, = torch.autograd.grad(loss, z)
        with torch.no_grad():
            z = z - 0.5 * gradient / (gradient.norm() + 1e-10)
            difference = z - start
            z = (start + difference * min(1.0, 2.0 / difference.norm().item())).clamp(0, 1)
    sampled(tensors, "ascent", z - start)
    tensors["ascent.losses"] = F.cross_entropy(model(z)[1], torch.tensor([3])).detach().reshape(1)

    # Ten steps of Adam to the same class.
    z = start.clone()
    optimizer = torch.optim.Adam([z.requires_grad_()], lr=0.01)
    for _ in range(10):
        z.grad, = torch.autograd.grad(F.cross_entropy(model(z)[1], torch.tensor([3])), z)
        optimizer.step()
        with torch.no_grad():
            z.clamp_(0, 1)
    sampled(tensors, "adam", z - start)
    write("photos", tensors)


if __name__ == "__main__":
    network("resnet18", ResNet([2, 2, 2, 2], [64, 128, 256, 512], 10), 2, 97, 131)
    network("resnet50", ResNet([3, 4, 6, 3], [64, 128, 256, 512], 10, bottleneck=True), 1, 224, 224)
    # The first image of this size where noise of 5e-7 after each batch normalisation switches no ReLU.
    network("resnet50-small", ResNet([3, 4, 6, 3], [64, 128, 256, 512], 10, bottleneck=True), 1, 96, 80, "image 1")
    network(
        "cifar",
        ResNet([1, 2], [16, 32], 10, bottleneck=True, stem=3, stem_stride=1, shortcut="shortcut", head="linear",
               groups=4), 3, 21, 16)
    default_model()
