#!/usr/bin/env python3
"""Writes architectures.safetensors and networks.safetensors: logits and input gradients of networks of the real libraries,
in double precision.

    python3 make_architectures.py [NAME ...]    (needs torch, torchvision, timm, transformers, numpy)

Weights and images come from a hash of (name, index) that the tests compute as well, so that none are stored: for each
network the file has the names and shapes of its tensors as its library saves them, in the metadata, and what make_golden.py
stores of logits and gradients. Networks in architectures.safetensors are slim; those in networks.safetensors are full.
"""
import json
import os
import struct
import sys
import tempfile
from functools import partial

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
import timm
import torch
import torch.nn.functional as F
import torchvision.models as tv
from safetensors.torch import load_file
from torch import nn
from transformers import (ConvNextConfig, ConvNextForImageClassification, DeiTConfig,
                          DeiTForImageClassificationWithTeacher, ResNetConfig, ResNetForImageClassification, ViTConfig,
                          ViTForImageClassification)

from make_golden import HERE, SAMPLES, uniform, words

IMAGENET = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
CIFAR10 = ([0.4914, 0.4822, 0.4465], [0.2471, 0.2435, 0.2616])
CENTRED = ([0.5, 0.5, 0.5], [0.5, 0.5, 0.5])
NONE = ([0, 0, 0], [1, 1, 1])


def weight(name, shape):
    u = uniform(name, shape)
    if len(shape) in (2, 4):
        value = (2 * u - 1) * (6.0 / np.prod(shape[1:])) ** 0.5
    elif len(shape) == 3 or name.endswith("gamma") or "layer_scale" in name:
        value = u - 0.5
    elif name.endswith("running_var") or name.endswith(".weight"):
        value = 0.5 + 0.5 * u
    else:
        value = 0.2 * (u - 0.5)
    return torch.from_numpy(value.astype(np.float32))


# The networks of CIFAR's robust classifiers, which are in no package, by the descriptions of their papers and with the names
# that their checkpoints have.


class PreActivationBlock(nn.Module):
    """norm, activation, convolution, twice."""

    def __init__(self, ins, outs, stride, names, activation, style):
        super().__init__()
        norms, convolutions, shortcut = names
        self.names, self.activation, self.style, self.stride = names, activation, style, stride
        setattr(self, norms[0], nn.BatchNorm2d(ins))
        setattr(self, convolutions[0], nn.Conv2d(ins, outs, 3, stride, 0 if "same" in style else 1, bias=False))
        setattr(self, norms[1], nn.BatchNorm2d(outs))
        setattr(self, convolutions[1], nn.Conv2d(outs, outs, 3, 1, 1, bias=False))
        self.projects = ins != outs or ("narrow" in style and stride != 1)
        if self.projects:
            size = 3 if style == "narrow same" else 1
            side = nn.Conv2d(ins, outs, size, stride, bias=False)
            setattr(self, shortcut, nn.Sequential(side) if style in ("narrow", "narrow norm") else side)

    def same(self, x):
        if "same" not in self.style:
            return x
        return F.pad(x, (1, 1, 1, 1) if self.stride == 1 else (0, 1, 0, 1))

    def forward(self, x):
        norms, convolutions, shortcut = self.names
        first = self.activation(getattr(self, norms[0])(x))
        y = getattr(self, convolutions[0])(self.same(first))
        y = getattr(self, convolutions[1])(self.activation(getattr(self, norms[1])(y)))
        if not self.projects:
            return y + x
        side = x if self.style in ("narrow", "narrow same") else first
        if self.style == "narrow same":
            side = self.same(side)
        return y + getattr(self, shortcut)(side)


class Stage(nn.Module):
    def __init__(self, name, blocks):
        super().__init__()
        setattr(self, name, nn.Sequential(*blocks))
        self.name = name

    def forward(self, x):
        return getattr(self, self.name)(x)


class PreActivationResNet(nn.Module):
    STYLES = {
        # stem, stages, blocks of a stage, norms, convolutions, shortcut, last norm, head
        "wide": ("conv1", "block{1}", "layer", ("bn1", "bn2"), ("conv1", "conv2"), "convShortcut", "bn1", "fc"),
        "wide same": ("init_conv", "layer.{0}", "block", ("batchnorm_0", "batchnorm_1"), ("conv_0", "conv_1"),
                      "shortcut", "batchnorm", "logits"),
        "narrow": ("conv1", "layer{1}", None, ("bn1", "bn2"), ("conv1", "conv2"), "shortcut", None, "linear"),
        "narrow norm": ("conv1", "layer{1}", None, ("bn1", "bn2"), ("conv1", "conv2"), "shortcut", "bn", "linear"),
        "narrow same": ("conv_2d", "layer_{0}", None, ("batchnorm_0", "batchnorm_1"), ("conv_2d_1", "conv_2d_2"),
                        "shortcut", "batchnorm", "logits"),
    }

    def __init__(self, style, stem, widths, blocks, activation=F.relu, unused=False):
        super().__init__()
        first, stage, inner, norms, convolutions, shortcut, norm, head = self.STYLES[style]
        self.stem, self.norm, self.head, self.activation = first, norm, head, activation
        setattr(self, first, nn.Conv2d(3, stem, 3, 1, 1, bias=False))
        self.stages, channels = [], stem

        def group(channels, width, stride):
            made = []
            for b in range(blocks):
                made.append(PreActivationBlock(channels if b == 0 else width, width, stride if b == 0 else 1,
                                               (norms, convolutions, shortcut), activation, style))
            return Stage(inner, made) if inner else nn.Sequential(*made)

        made = [group(([stem] + widths)[s], width, 1 if s == 0 else 2) for s, width in enumerate(widths)]
        if style == "wide same":
            self.layer = nn.Sequential(*made)
            self.stages = ["layer"]
        else:
            for s, one in enumerate(made):
                self.stages.append(stage.format(s, s + 1))
                setattr(self, self.stages[-1], one)
        if unused:
            self.sub_block1 = group(stem, widths[0], 1)
        if norm:
            setattr(self, norm, nn.BatchNorm2d(widths[-1]))
        setattr(self, head, nn.Linear(widths[-1], 10))

    def forward(self, x):
        x = getattr(self, self.stem)(x)
        for stage in self.stages:
            x = getattr(self, stage)(x)
        if self.norm:
            x = self.activation(getattr(self, self.norm)(x))
        return getattr(self, self.head)(x.mean((2, 3)))


class SmallVGG(nn.Module):
    """For small images: one linear layer behind the convolutions."""

    def __init__(self, widths):
        super().__init__()
        layers, channels = [], 3
        for width in widths:
            layers += [nn.MaxPool2d(2)] if width == "M" else [
                nn.Conv2d(channels, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU()]
            channels = channels if width == "M" else width
        self.features, self.classifier = nn.Sequential(*layers), nn.Linear(channels, 10)

    def forward(self, x):
        return self.classifier(self.features(x).mean((2, 3)))


class ConvolutionalStem(nn.Module):
    """Singh et al., arXiv 2303.01870: convolutions of 3x3, each with norm and GELU."""

    class Norm(nn.Module):
        def __init__(self, channels):
            super().__init__()
            self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

        def forward(self, x):
            return F.layer_norm(x.permute(0, 2, 3, 1), self.weight.shape, self.weight, self.bias, 1e-6).permute(0, 3, 1, 2)

    def __init__(self, widths, strides, last=None):
        super().__init__()
        layers, channels = [], 3
        for width, stride in zip(widths, strides):
            layers += [nn.Conv2d(channels, width, 3, stride, 1), self.Norm(width), nn.GELU()]
            channels = width
        self.stem = nn.Sequential(*layers, *([nn.Conv2d(channels, last, 1)] if last else []))

    def forward(self, x):
        return self.stem(x)


def with_stem(model, stem):
    if hasattr(model, "patch_embed"):
        model.patch_embed.proj = stem
    else:
        model.stem = stem
    return model


def old_densenet(model):
    """The names of DenseNet's first files: a module that torchvision renames when it reads them."""
    rename = {}
    for key in model.state_dict():
        new = key
        if "denselayer" in key:
            for part in ("norm1", "norm2", "conv1", "conv2"):
                new = new.replace("." + part + ".", "." + part[:4] + "." + part[4] + ".")
        rename[key] = new
    return model, rename


def resnet(block, layers, **options):
    return tv.resnet.ResNet(block, layers, num_classes=10, **options)


def timm_vit(**options):
    return timm.models.vision_transformer.VisionTransformer(
        img_size=32, patch_size=8, embed_dim=128, depth=2, num_heads=2, num_classes=10, **options)


def slim():
    Basic, Bottleneck = tv.resnet.BasicBlock, tv.resnet.Bottleneck
    yield "resnet-basic", resnet(Basic, [1, 2, 1, 1]), IMAGENET, 48, {}
    yield "resnet-bottleneck", resnet(
        Bottleneck, [2, 1, 1, 1], width_per_group=16), IMAGENET, 48, {}
    yield "resnext", resnet(Bottleneck, [1, 1, 1, 1], groups=8, width_per_group=4), IMAGENET, 48, {}
    yield "timm-resnet50d", timm.models.resnet.ResNet(
        timm.models.resnet.Bottleneck, [2, 1, 1, 1], num_classes=10, stem_type="deep", stem_width=8, avg_down=True,
        base_width=16), IMAGENET, 50, {}
    small = dict(layers=[1, 2], channels=[64, 128], num_classes=10)
    batch = dict(conv_layer=timm.layers.create_conv2d, norm_layer=timm.layers.BatchNormAct2d)
    yield "timm-resnetv2", timm.models.resnetv2.ResNetV2(**small, **batch), IMAGENET, 48, {}
    yield "timm-bit", timm.models.resnetv2.ResNetV2(
        layers=[1, 1], channels=[128, 256], num_classes=10, stem_type="fixed",
        conv_layer=partial(timm.layers.StdConv2d, eps=1e-8)), CENTRED, 48, {}
    for kind in ("basic", "bottleneck"):
        yield f"transformers-resnet-{kind}", ResNetForImageClassification(ResNetConfig(
            embedding_size=16, hidden_sizes=[16, 32, 48], depths=[2, 1, 1], layer_type=kind,
            num_labels=10)), IMAGENET, 48, {}
    for style, depth in (("wide", 2), ("narrow", 1), ("narrow norm", 2)):
        yield f"cifar-{style}", PreActivationResNet(style, 16, [24, 32, 48], depth, unused=style == "wide"), NONE, 32, {}
    for style in ("wide same", "narrow same"):
        yield f"cifar-{style}", PreActivationResNet(style, 16, [24, 32, 48], 2, F.silu), CIFAR10, 32, {}
    yield "cifar-wide same relu", PreActivationResNet("wide same", 16, [24, 32], 2), CIFAR10, 32, {"activation": "relu"}
    for norm in (False, True):
        layers = tv.vgg.make_layers([8, "M", 16, 16, "M", 24, "M"], batch_norm=norm)
        model = tv.vgg.VGG(layers, num_classes=10)
        model.classifier = nn.Sequential(nn.Linear(24 * 49, 32), nn.ReLU(), nn.Dropout(), nn.Linear(32, 48), nn.ReLU(),
                                         nn.Dropout(), nn.Linear(48, 10))
        yield f"vgg{'-bn' if norm else ''}", model, IMAGENET, 75, {}
    yield "cifar-vgg", SmallVGG([8, "M", 16, 16, "M"]), NONE, 32, {}
    dense = dict(growth_rate=8, block_config=(2, 3, 2), num_init_features=16, num_classes=10)
    yield "densenet", tv.densenet.DenseNet(**dense), IMAGENET, 50, {}
    yield "densenet-old", tv.densenet.DenseNet(**dense), IMAGENET, 48, {}
    yield "timm-densenet", timm.models.densenet.DenseNet(
        growth_rate=8, block_config=(2, 2), num_classes=10), IMAGENET, 48, {}
    yield "mobilenetv2", tv.mobilenet_v2(width_mult=0.25, num_classes=10), IMAGENET, 64, {}
    yield "mnasnet", tv.mnasnet.MNASNet(0.35, num_classes=10), IMAGENET, 64, {}
    yield "shufflenetv2", tv.shufflenetv2.ShuffleNetV2(
        [2, 2, 1], [8, 16, 32, 64, 96], num_classes=10), IMAGENET, 64, {}
    setting = [tv.convnext.CNBlockConfig(16, 24, 2), tv.convnext.CNBlockConfig(24, None, 1)]
    yield "convnext", tv.convnext.ConvNeXt(setting, layer_scale=1.0, num_classes=10), IMAGENET, 48, {}
    next_ = dict(depths=(1, 2, 1, 1), dims=(16, 24, 24, 32), num_classes=10)
    yield "timm-convnext", timm.models.convnext.ConvNeXt(**next_), IMAGENET, 64, {}
    yield "convnext-stem", with_stem(timm.models.convnext.ConvNeXt(**next_), ConvolutionalStem([8, 16], [2, 2])), \
        IMAGENET, 64, {}
    yield "convnext-stem-3", with_stem(
        timm.models.convnext.ConvNeXt(**next_), ConvolutionalStem([8, 12, 16], [2, 2, 1])), IMAGENET, 64, {}
    yield "transformers-convnext", ConvNextForImageClassification(ConvNextConfig(
        depths=[1, 2], hidden_sizes=[16, 24], num_stages=2, num_labels=10)), IMAGENET, 48, {}
    yield "vit", tv.vision_transformer.VisionTransformer(32, 8, 2, 2, 128, 96, num_classes=10), IMAGENET, 32, {}
    yield "timm-vit", timm_vit(), IMAGENET, 32, {}
    yield "timm-vit-heads", timm_vit(qkv_bias=False, init_values=1.0), IMAGENET, 32, {"heads": "2"}
    yield "timm-vit-mean", timm_vit(global_pool="avg"), IMAGENET, 32, {}
    yield "timm-vit-noembed", timm_vit(no_embed_class=True, class_token=True), IMAGENET, 32, {}
    yield "timm-deit", timm.models.deit.VisionTransformerDistilled(
        img_size=32, patch_size=8, embed_dim=128, depth=1, num_heads=2, num_classes=10), IMAGENET, 32, {}
    yield "vit-stem", with_stem(timm.models.vision_transformer.VisionTransformer(
        img_size=48, patch_size=16, embed_dim=64, depth=1, num_heads=1, num_classes=10),
        ConvolutionalStem([8, 12, 16, 24], [2, 2, 2, 2], 64)), IMAGENET, 48, {}
    config = dict(image_size=32, patch_size=8, hidden_size=128, num_hidden_layers=1, num_attention_heads=2,
                  intermediate_size=96, num_labels=10)
    yield "transformers-vit", ViTForImageClassification(ViTConfig(**config)), CENTRED, 32, {}
    yield "transformers-deit", DeiTForImageClassificationWithTeacher(DeiTConfig(**config)), CENTRED, 32, {}


def full():
    for name in ("resnet18", "resnet50", "resnet152", "wide_resnet50_2", "resnext50_32x4d"):
        yield name, getattr(tv, name)(), IMAGENET, 224, {}
    for name in ("resnet50d", "resnetv2_50"):
        yield "timm-" + name, timm.create_model(name), IMAGENET, 224, {}
    yield "timm-bit", timm.create_model("resnetv2_50x1_bit", num_classes=1000), CENTRED, 224, {}
    yield "transformers-resnet-50", ResNetForImageClassification(ResNetConfig(num_labels=1000)), IMAGENET, 224, {}
    yield "wide-28-10", PreActivationResNet("wide", 16, [160, 320, 640], 4), NONE, 32, {}
    yield "wide-28-10-silu", PreActivationResNet("wide same", 16, [160, 320, 640], 4, F.silu), CIFAR10, 32, {}
    yield "preact-18", PreActivationResNet("narrow norm", 64, [64, 128, 256, 512], 2), NONE, 32, {}
    for name in ("vgg11", "vgg16", "vgg16_bn", "densenet121", "densenet161", "mobilenet_v2", "mnasnet1_0",
                 "shufflenet_v2_x1_0", "convnext_tiny", "vit_b_16"):
        yield name, getattr(tv, name)(), IMAGENET, 224, {}
    for name in ("convnext_tiny", "deit_small_patch16_224", "deit_small_distilled_patch16_224"):
        yield "timm-" + name, timm.create_model(name), IMAGENET, 224, {}


def saved_names(name, model):
    """The names under which the library saves each tensor of the state."""
    if name == "densenet-old":
        return old_densenet(model)[1]
    state = model.state_dict()
    if not name.startswith("transformers-"):
        return {key: key for key in state}
    # transformers saves under other names than its modules have: each tensor is told by its values.
    with torch.no_grad():
        for number, key in enumerate(state):
            if state[key].is_floating_point():
                state[key].copy_(torch.arange(state[key].numel()).view(state[key].shape) + number * 0.125)
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        saved = load_file(os.path.join(folder, "model.safetensors"))
    names = {}
    for key, value in state.items():
        if value.is_floating_point():
            same = [n for n, v in saved.items() if v.shape == value.shape and torch.equal(v, value)]
            assert len(same) == 1, (key, same)
            names[key] = same[0]
    return names


def run(model, images, mean, std, dtype):
    model = model.to(dtype)
    mean, std = (torch.tensor(v, dtype=dtype).view(1, 3, 1, 1) for v in (mean, std))
    x = images.to(dtype).clone().requires_grad_()
    logits = model((x - mean) / std)
    logits = getattr(logits, "logits", logits)
    F.cross_entropy(logits, torch.ones(len(x), dtype=torch.long), reduction="sum").backward()
    return logits.detach().double().numpy().reshape(-1), x.grad.double().numpy().reshape(-1)


def relative(a, b):
    return np.linalg.norm(a - b) / np.linalg.norm(b)


def golden(name, model, statistics, side, metadata, tensors, facts):
    names = saved_names(name, model)
    state = model.state_dict()
    lines = []
    for key, value in state.items():
        if not value.is_floating_point():
            continue
        state[key] = weight(names[key], tuple(value.shape))
        lines.append(f"{names[key]} {','.join(map(str, value.shape))}")
    model.load_state_dict(state)
    model.eval()
    images = torch.from_numpy(uniform("image", (1, 3, side, side)))
    logits, gradient = run(model, images, *statistics, torch.float64)
    logits32, gradient32 = run(model, images, *statistics, torch.float32)
    where = (words("samples", SAMPLES) % np.uint64(gradient.size)).astype(np.int64)
    norm, norm32 = np.linalg.norm(gradient), np.linalg.norm(gradient32)
    error = max(relative(gradient32[where], gradient[where]), abs(norm32 - norm) / norm)
    tensors[f"{name}/logits"] = logits
    tensors[f"{name}/gradient"] = gradient[where]
    tensors[f"{name}/gradient.norm"] = [norm]
    tensors[f"{name}/error"] = [error]
    facts[name] = "\n".join([str(side), " ".join(f"{k}={v}" for k, v in metadata.items()), *shortened(lines)])
    print(f"{name}: {len(lines)} tensors, norm {norm:.3g}, logits {relative(logits32, logits):.2g}, gradient {error:.2g}",
          flush=True)


def shortened(lines):
    """The four vectors of a norm as one line."""
    parts = ("weight", "bias", "running_mean", "running_var")
    present, short = set(lines), []
    for line in lines:
        key, shape = line.split(" ")
        base, _, part = key.rpartition(".")
        if part in parts and all(f"{base}.{p} {shape}" in present for p in parts):
            if part == "weight":
                short.append(f"{base}.* {shape}")
        else:
            short.append(line)
    return short


def write(name, tensors, facts):
    header, data = {"__metadata__": facts}, b""
    for key, value in tensors.items():
        value = np.ascontiguousarray(np.asarray(value, dtype=np.float32))
        header[key] = {"dtype": "F32", "shape": list(value.shape), "data_offsets": [len(data), len(data) + value.nbytes]}
        data += value.tobytes()
    text = json.dumps(header, separators=(",", ":")).encode()
    with open(os.path.join(HERE, name + ".safetensors"), "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)


def main():
    torch.manual_seed(0)
    for name, cases in (("architectures", slim()), ("networks", full())):
        if sys.argv[1:] and name not in sys.argv[1:]:
            continue
        tensors, facts = {}, {}
        for case in cases:
            golden(*case, tensors, facts)
        write(name, tensors, facts)


if __name__ == "__main__":
    main()
