#!/usr/bin/env python3
"""Writes onnx-golden.safetensors and onnx/*.onnx: exports of slim networks, and what PyTorch computes of them.

    python3 make_onnx.py [NAME...]    (needs torch, torchvision, timm, transformers, onnx, onnxscript, onnxsim)

Each network of `networks` has hashed weights (see make_golden.py) scaled so that logits are of the order of 1. It is
exported by the exporters that its line names, to onnx/NETWORK-EXPORTER.onnx. From the image
uniform("NETWORK.image") of the network's size, in double precision:
  NETWORK.logits      of one image
  NETWORK.gradient    of the product of the logits with centred("NETWORK.direction"), by the image; 256 values at
                      hashed positions ("samples"), and NETWORK.gradient.norm
  NETWORK.side        of the image, in pixels
  NETWORK.error       the relative error of the same gradient where PyTorch computes in float32
"""
import os
import re
import sys
import warnings
from functools import partial

warnings.filterwarnings("ignore")
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

from make_golden import uniform, words, write

HERE = os.path.dirname(os.path.abspath(__file__))


# --- networks that no library on PyPI has -------------------------------------------------------------------------

class Normalized(nn.Module):
    """Subtracts the mean and divides by the deviation of ImageNet, or those that are given, before a network."""

    def __init__(self, network, mean=(0.485, 0.456, 0.406), deviation=(0.229, 0.224, 0.225)):
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(deviation).view(1, 3, 1, 1))

    def forward(self, x):
        return self.network((x - self.mean) / self.std)


class PreActivation(nn.Module):
    """A block of normalisation, activation and 3x3 convolution, twice (He et al., arXiv 1603.05027)."""

    def __init__(self, channels, out, stride, activation):
        super().__init__()
        self.bn1, self.bn2 = nn.BatchNorm2d(channels), nn.BatchNorm2d(out)
        self.conv1 = nn.Conv2d(channels, out, 3, stride, 1, bias=False)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.shortcut = None if channels == out else nn.Conv2d(channels, out, 1, stride, bias=False)
        self.activation = activation

    def forward(self, x):
        y = self.activation(self.bn1(x))
        z = self.conv2(self.activation(self.bn2(self.conv1(y))))
        return z + (x if self.shortcut is None else self.shortcut(y))


class WideResNet(nn.Module):
    """Zagoruyko, Komodakis, arXiv 1605.07146, for images of 32 px."""

    def __init__(self, widths=(4, 8, 12, 16), blocks=1, classes=10, activation=F.relu, whole_pool=True):
        super().__init__()
        self.conv1 = nn.Conv2d(3, widths[0], 3, 1, 1, bias=False)
        layers = []
        for stage in range(3):
            for block in range(blocks):
                layers.append(PreActivation(
                    widths[stage] if block == 0 else widths[stage + 1], widths[stage + 1],
                    2 if stage and block == 0 else 1, activation))
        self.blocks = nn.Sequential(*layers)
        self.bn1 = nn.BatchNorm2d(widths[3])
        self.fc = nn.Linear(widths[3], classes)
        self.activation, self.whole_pool = activation, whole_pool

    def forward(self, x):
        x = self.activation(self.bn1(self.blocks(self.conv1(x))))
        x = F.avg_pool2d(x, 8) if self.whole_pool else F.adaptive_avg_pool2d(x, 1)
        return self.fc(x.view(x.shape[0], -1))


class Mixture(nn.Module):
    """Operators that the families leave out: unequal padding, dilation, gates, groups, several normalisations."""

    def __init__(self, adaptive=True):
        super().__init__()
        self.adaptive = adaptive
        self.conv1 = nn.Conv2d(3, 8, 3, 2)
        self.conv2 = nn.Conv2d(8, 12, 3, 1, 2, dilation=2, groups=2)
        self.conv3 = nn.Conv2d(12, 12, (1, 3), 1, (0, 1))
        self.group, self.instance = nn.GroupNorm(3, 12), nn.InstanceNorm2d(12, affine=True)
        self.squeeze, self.expand = nn.Conv2d(12, 4, 1), nn.Conv2d(4, 12, 1)
        self.prelu = nn.LeakyReLU(0.1)
        self.fc = nn.Linear(24 * 16, 5)

    def forward(self, x):
        x = self.prelu(self.conv1(F.pad(x, (0, 1, 0, 1))))
        x = F.hardswish(self.group(self.conv2(x)))
        gate = self.expand(F.silu(self.squeeze(x.mean((2, 3), keepdim=True))))
        x = x * F.hardsigmoid(gate)
        x = F.max_pool2d(x, 3, 2, ceil_mode=True)
        y = F.gelu(self.instance(self.conv3(x)), approximate="tanh")
        x = torch.cat([F.relu6(x), torch.tanh(y)], 1)
        x = F.avg_pool2d(x, 3, 2, 1, count_include_pad=False)
        x = F.avg_pool2d(x, 3, 1, 1)
        # The older exporter does not know the sizes behind a pool with ceil_mode.
        x = F.adaptive_avg_pool2d(x, 4) if self.adaptive else F.avg_pool2d(x, 2)
        return self.fc(torch.flatten(x, 1))


class Attentive(nn.Module):
    """PyTorch's own encoder layer, whose attention is packed otherwise than in vision transformers."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Conv2d(3, 16, 8, 8)
        self.layer = nn.TransformerEncoderLayer(16, 4, 32, 0.0, F.gelu, batch_first=True, norm_first=True)
        self.fc = nn.Linear(16, 7)

    def forward(self, x):
        x = self.embed(x).flatten(2).transpose(1, 2)
        x = self.layer(x)
        return self.fc(x.mean(1))


# --- networks of libraries, slim ---------------------------------------------------------------------------------

def torchvision_resnet(block, blocks, divisor=32, **options):
    from torchvision.models import resnet

    class Slim(resnet.ResNet):
        def _make_layer(self, block, planes, *rest, **more):
            if planes == 64:
                self.inplanes = 64 // divisor
                self.conv1 = nn.Conv2d(3, self.inplanes, 7, 2, 3, bias=False)
                self.bn1 = nn.BatchNorm2d(self.inplanes)
            return super()._make_layer(block, planes // divisor, *rest, **more)

    kind = {"basic": resnet.BasicBlock, "bottleneck": resnet.Bottleneck}[block]
    network = Slim(kind, blocks, **options)
    network.fc = nn.Linear(512 // divisor * kind.expansion, 10)
    return network


def torchvision_vgg(norm):
    from torchvision.models import vgg

    network = vgg.VGG(vgg.make_layers([4, "M", 6, "M", 8, 8, "M", 8, "M", 8, "M"], batch_norm=norm))
    network.classifier = nn.Sequential(
        nn.Linear(8 * 49, 12), nn.ReLU(True), nn.Dropout(), nn.Linear(12, 16), nn.ReLU(True), nn.Dropout(),
        nn.Linear(16, 10))
    return network


def densenet():
    from torchvision.models import DenseNet

    return DenseNet(growth_rate=4, block_config=(2, 2, 2, 2), num_init_features=8, bn_size=2, num_classes=10)


def mobilenet():
    from torchvision.models import MobileNetV2

    return MobileNetV2(
        num_classes=10, width_mult=0.25, round_nearest=4,
        inverted_residual_setting=[[1, 16, 1, 1], [3, 24, 2, 2], [3, 32, 1, 2]])


def slim_head(network):
    """Another head for networks whose last convolution is wide whatever the width."""
    network.features[-1] = nn.Sequential(nn.Conv2d(8, 24, 1, bias=False), nn.BatchNorm2d(24), nn.ReLU6())
    network.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(24, 10))
    return network


def mnasnet():
    from torchvision.models import MNASNet

    network = MNASNet(alpha=0.1, num_classes=10)
    network.layers = nn.Sequential(
        *network.layers[:10], nn.Conv2d(8, 24, 1, bias=False), nn.BatchNorm2d(24), nn.ReLU())
    network.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(24, 10))
    return network


def shufflenet():
    from torchvision.models import ShuffleNetV2

    return ShuffleNetV2([2, 2, 1], [8, 16, 24, 32, 40], num_classes=10)


def convnext():
    from torchvision.models.convnext import CNBlockConfig, ConvNeXt

    return ConvNeXt(
        [CNBlockConfig(8, 12, 1), CNBlockConfig(12, 16, 1), CNBlockConfig(16, None, 1)], num_classes=10,
        layer_scale=0.5)


def torchvision_vit():
    from torchvision.models import VisionTransformer

    network = VisionTransformer(
        image_size=32, patch_size=8, num_layers=2, num_heads=2, hidden_dim=16, mlp_dim=32, num_classes=10)
    return network


def timm_vit(**options):
    from timm.models.vision_transformer import VisionTransformer

    return VisionTransformer(
        img_size=32, patch_size=8, embed_dim=16, depth=2, num_heads=2, mlp_ratio=2, num_classes=10, **options)


def timm_deit():
    from timm.models.deit import VisionTransformerDistilled

    return VisionTransformerDistilled(
        img_size=32, patch_size=8, embed_dim=16, depth=2, num_heads=2, mlp_ratio=2, num_classes=10)


def timm_resnet(**options):
    from timm.models.resnet import Bottleneck, ResNet

    options.setdefault("stem_width", 8)
    return ResNet(Bottleneck, (1, 1, 1, 1), num_classes=10, channels=(4, 6, 8, 8), **options)


def timm_resnetv2(**options):
    from timm.layers import BatchNormAct2d
    from timm.models.resnetv2 import ResNetV2

    options.setdefault("norm_layer", partial(BatchNormAct2d, eps=1e-5))
    return ResNetV2((1, 1, 1), channels=(8, 16, 24), num_classes=10, stem_chs=8, **options)


def timm_bit():
    """Standardised weights and group normalisation."""
    from timm.layers import GroupNormAct, StdConv2d

    return timm_resnetv2(conv_layer=StdConv2d, norm_layer=partial(GroupNormAct, num_groups=2))


class LogitsOf(nn.Module):
    """Takes the logits out of the results of networks of transformers."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, x):
        return self.network(x).logits


def transformers_resnet():
    from transformers import ResNetConfig, ResNetForImageClassification

    return LogitsOf(ResNetForImageClassification(ResNetConfig(
        embedding_size=8, hidden_sizes=[16, 24, 32], depths=[1, 1, 1], num_labels=10)))


def transformers_vit():
    from transformers import ViTConfig, ViTForImageClassification

    return LogitsOf(ViTForImageClassification(ViTConfig(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, image_size=32, patch_size=8,
        num_labels=10)))


# name: how it is made, the side of its images, its exports: exporter and opset, then options.
networks = {
    "resnet18": (lambda: torchvision_resnet("basic", [1, 1, 1, 1]), 64, ["dynamo18-whole", "script11", "script17-sim"]),
    "resnet50": (lambda: Normalized(torchvision_resnet("bottleneck", [1, 1, 1, 1])), 64,
                 ["dynamo21-batch", "script13-batch"]),
    "resnext": (lambda: torchvision_resnet("bottleneck", [1, 1, 1, 1], groups=2, width_per_group=32), 64,
                ["dynamo18", "script13"]),
    "resnet50d": (lambda: timm_resnet(stem_type="deep", stem_width=4, avg_down=True), 64,
                  ["dynamo20", "script13-size"]),
    "timm50": (lambda: timm_resnet(), 64, ["dynamo18", "script13"]),
    "resnetv2": (lambda: timm_resnetv2(), 64, ["dynamo18", "script13"]),
    "resnetv2-bit": (timm_bit, 64, ["dynamo18", "script13"]),
    "hf-resnet": (transformers_resnet, 64, ["dynamo18", "script14"]),
    "wrn": (lambda: WideResNet(), 32, ["dynamo18-batch", "script11"]),
    "wrn-silu": (lambda: Normalized(WideResNet(activation=F.silu, whole_pool=False), (0.4914, 0.4822, 0.4465),
                                    (0.2471, 0.2435, 0.2616)), 32, ["dynamo18", "script17"]),
    "preact": (lambda: WideResNet((6, 6, 12, 16), 2), 32, ["dynamo18", "script13-external"]),
    "vgg": (lambda: torchvision_vgg(False), 224, ["dynamo18", "script11"]),
    "vgg-bn": (lambda: torchvision_vgg(True), 224, ["dynamo21", "script17-unfolded"]),
    "densenet": (densenet, 64, ["dynamo18", "script13-size"]),
    "mobilenet": (lambda: slim_head(mobilenet()), 64, ["dynamo18", "script11"]),
    "mnasnet": (mnasnet, 64, ["dynamo18", "script13"]),
    "shufflenet": (shufflenet, 64, ["dynamo18-batch", "script11-batch", "script13-sim"]),
    "convnext": (convnext, 64, ["dynamo18", "dynamo17", "script11", "script17"]),
    "vit": (torchvision_vit, 32, ["dynamo18-batch", "script14-batch", "script17"]),
    "timm-vit": (lambda: timm_vit(), 32, ["dynamo18", "dynamo23", "script17-batch"]),
    "timm-vit-pool": (lambda: timm_vit(class_token=False, global_pool="avg", init_values=0.1), 32,
                      ["dynamo18", "script14"]),
    "deit": (timm_deit, 32, ["dynamo18", "script14"]),
    "hf-vit": (transformers_vit, 32, ["dynamo18", "script14"]),
    "mixture": (Mixture, 64, ["dynamo18", "dynamo21-batch-shares"]),
    "mixture-plain": (lambda: Mixture(False), 64, ["script11-shares", "script17-unfolded"]),
    "attentive": (Attentive, 32, ["dynamo18", "script14"]),
}


def fill(network, name):
    """Gives a network hashed weights."""
    with torch.no_grad():
        for key, tensor in list(network.named_parameters()) + list(network.named_buffers()):
            if not tensor.is_floating_point() or key.endswith((".mean", ".std")) or key in ("mean", "std"):
                continue
            values = torch.from_numpy(uniform(f"{name}.{key}", tuple(tensor.shape))).float()
            if key.endswith("running_var") or (tensor.dim() == 1 and key.endswith("weight")):
                tensor.copy_(0.5 + 0.5 * values)
            elif tensor.dim() <= 1 or key.endswith(("gamma", "gamma1", "gamma2", "temperature", "layer_scale")):
                tensor.copy_(0.2 * (values - 0.5))
            elif key.endswith(("pos_embed", "cls_token", "dist_token", "class_token", "pos_embedding",
                               "position_embeddings")):
                tensor.copy_(values - 0.5)
            else:
                fan = tensor[0].numel()
                tensor.copy_((values - 0.5) * (3.5 * (2 / fan) ** 0.5))
    return network.eval()


def options(export):
    exporter, *flags = export.split("-")
    kind = "dynamo" if exporter.startswith("dynamo") else "script"
    return kind, int(exporter[len(kind):]), flags


def export(network, side, path, how):
    import onnx

    kind, opset, flags = options(how)
    if "shares" in flags:
        network = nn.Sequential(network, nn.LogSoftmax(1))
    image = torch.rand(2 if "batch" in flags else 1, 3, side, side)
    arguments = dict(input_names=["images"], output_names=["logits"], opset_version=opset)
    if kind == "dynamo":
        if "batch" in flags:
            arguments["dynamic_shapes"] = ({0: torch.export.Dim("batch", min=1, max=64)},)
        program = torch.onnx.export(network, (image,), dynamo=True, verbose=False, **arguments)
        program.save(path, external_data="external" in flags)
    else:
        axes = {"images": {}, "logits": {0: "batch"}}
        if "batch" in flags:
            axes["images"][0] = "batch"
        if "size" in flags:
            axes["images"].update({0: "batch", 2: "height", 3: "width"})
        torch.onnx.export(network, (image,), path, dynamo=False, do_constant_folding="unfolded" not in flags,
                          dynamic_axes=axes if axes["images"] else None, **arguments)
    if kind == "dynamo":
        (forget_folders if "whole" in flags else shorten)(path)
    if "sim" in flags:
        import onnxsim

        model, ok = onnxsim.simplify(onnx.load(path))
        assert ok
        onnx.save(model, path)
    if "external" in flags and kind == "script":
        model = onnx.load(path)
        onnx.save(model, path, save_as_external_data=True, location=os.path.basename(path) + ".data",
                  size_threshold=0)


def forget_folders(path):
    """Leaves out where on this machine the sources are that the exporter names at each node."""
    import onnx

    model = onnx.load(path)
    graph = model.graph
    for part in [graph.node, graph.input, graph.output, graph.value_info, graph.initializer]:
        for entry in part:
            for told in entry.metadata_props:
                told.value = re.sub(r'File "[^"]*/', 'File "/', told.value)
    onnx.save(model, path)


def shorten(path):
    """Leaves out what the exporter tells of the program's source, but for the names of modules."""
    import onnx

    model = onnx.load(path)
    for value in list(model.graph.input) + list(model.graph.output) + list(model.graph.initializer):
        del value.metadata_props[:]
    for node in model.graph.node:
        names = [(p.key, p.value) for p in node.metadata_props if p.key == "pkg.torch.onnx.name_scopes"]
        del node.metadata_props[:]
        for key, value in names:
            node.metadata_props.add(key=key, value=value)
    del model.graph.value_info[:], model.graph.metadata_props[:]
    onnx.save(model, path)


def main():
    chosen = sys.argv[1:] or list(networks)
    folder = os.environ.get("ONNX_FOLDER", os.path.join(HERE, "onnx"))
    os.makedirs(folder, exist_ok=True)
    results = {}
    for name in chosen:
        build, side, exports = networks[name]
        network = fill(build(), name)
        image = torch.from_numpy(uniform(f"{name}.image", (1, 3, side, side)))

        def gradient(network, dtype):
            x = image.to(dtype).requires_grad_(True)
            logits = network(x)
            direction = torch.from_numpy(uniform(f"{name}.direction", tuple(logits.shape)) - 0.5)
            (logits * direction.to(dtype)).sum().backward()
            return logits.detach().double(), x.grad.double()

        for how in exports if "ONNX_NONE" not in os.environ else []:
            path = os.path.join(folder, f"{name}-{how}.onnx")
            try:
                export(network, side, path, how)
                print(name, how, os.path.getsize(path), flush=True)
            except Exception as error:
                print(name, how, "FAILED", str(error)[:300].replace("\n", " "), flush=True)
        single = gradient(network, torch.float32)[1]
        logits, exact = gradient(network.double(), torch.float64)
        flat = exact.flatten().numpy()
        at = words("samples", 256) % np.uint64(flat.size)
        results[f"{name}.logits"] = logits.flatten().numpy()
        results[f"{name}.gradient"] = flat[at.astype(np.int64)]
        results[f"{name}.gradient.norm"] = np.array([np.linalg.norm(flat)])
        results[f"{name}.side"] = np.array([side])
        results[f"{name}.error"] = np.array([float((single - exact).norm() / exact.norm())])
        print(name, "logits", logits.abs().max().item(), "error", results[f"{name}.error"][0], flush=True)
    if not sys.argv[1:]:
        write("onnx-golden", results)


if __name__ == "__main__":
    main()
