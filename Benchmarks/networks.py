"""The networks that are compared: residual ones in plain PyTorch, with the names that torchvision and RobustBench give
to weights, and those of other families from torchvision."""
import json
import struct

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


class Block(nn.Module):
    def __init__(self, channels, width, stride, bottleneck):
        super().__init__()
        out = width * 4 if bottleneck else width
        shapes = [(channels, width, 1, 1), (width, width, 3, stride), (width, out, 1, 1)]
        if not bottleneck:
            shapes = [(channels, width, 3, stride), (width, width, 3, 1)]
        self.depth = len(shapes)
        for k, (inputs, outputs, size, step) in enumerate(shapes, 1):
            setattr(self, f"conv{k}", nn.Conv2d(inputs, outputs, size, step, size // 2, bias=False))
            setattr(self, f"bn{k}", nn.BatchNorm2d(outputs))
        self.downsample = None
        if stride != 1 or channels != out:
            self.downsample = nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x):
        y = x
        for k in range(1, self.depth + 1):
            y = getattr(self, f"bn{k}")(getattr(self, f"conv{k}")(y))
            if k < self.depth:
                y = F.relu(y)
        return F.relu(y + (self.downsample(x) if self.downsample is not None else x))

    def fold(self):
        for k in range(1, self.depth + 1):
            setattr(self, f"conv{k}", fuse_conv_bn_eval(getattr(self, f"conv{k}"), getattr(self, f"bn{k}")))
            setattr(self, f"bn{k}", nn.Identity())
        if self.downsample is not None:
            self.downsample = fuse_conv_bn_eval(*self.downsample)


class ResNet(nn.Module):
    def __init__(self, blocks, widths, classes, bottleneck=False, stem=7, stride=2):
        super().__init__()
        self.pools, self.stages = stem == 7, len(blocks)
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1))
        channels = widths[0]
        self.conv1 = nn.Conv2d(3, channels, stem, stride, stem // 2, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        for s, (count, width) in enumerate(zip(blocks, widths)):
            stage = []
            for b in range(count):
                stage.append(Block(channels, width, 2 if s > 0 and b == 0 else 1, bottleneck))
                channels = width * 4 if bottleneck else width
            setattr(self, f"layer{s + 1}", nn.Sequential(*stage))
        self.fc = nn.Linear(channels, classes)

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1((x - self.mean) / self.std)))
        if self.pools:
            y = F.max_pool2d(y, 3, 2, 1)
        for s in range(self.stages):
            y = getattr(self, f"layer{s + 1}")(y)
        return self.fc(y.mean((2, 3)))

    def fold(self):
        """Batch normalisation joins the convolutions, which makes PyTorch faster too."""
        self.conv1, self.bn1 = fuse_conv_bn_eval(self.conv1, self.bn1), nn.Identity()
        for module in self.modules():
            if isinstance(module, Block):
                module.fold()


class WideBlock(nn.Module):
    def __init__(self, channels, width, stride):
        super().__init__()
        self.bn1, self.bn2 = nn.BatchNorm2d(channels), nn.BatchNorm2d(width)
        self.conv1 = nn.Conv2d(channels, width, 3, stride, 1, bias=False)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.convShortcut = nn.Conv2d(channels, width, 1, stride, bias=False) if channels != width else None

    def forward(self, x):
        y = F.relu(self.bn1(x))
        shortcut = self.convShortcut(y) if self.convShortcut else x
        return shortcut + self.conv2(F.relu(self.bn2(self.conv1(y))))


class WideStage(nn.Module):
    def __init__(self, channels, width, blocks, stride):
        super().__init__()
        self.layer = nn.Sequential(
            *(WideBlock(width if b else channels, width, 1 if b else stride) for b in range(blocks)))

    def forward(self, x):
        return self.layer(x)


class WideResNet(nn.Module):
    def __init__(self, blocks, factor, classes):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.block1 = WideStage(16, 16 * factor, blocks, 1)
        self.block2 = WideStage(16 * factor, 32 * factor, blocks, 2)
        self.block3 = WideStage(32 * factor, 64 * factor, blocks, 2)
        self.bn1, self.fc = nn.BatchNorm2d(64 * factor), nn.Linear(64 * factor, classes)

    def forward(self, x):
        y = self.block3(self.block2(self.block1(self.conv1(x))))
        return self.fc(F.relu(self.bn1(y)).mean((2, 3)))


# Names of torchvision.
FURTHER = ["vgg16_bn", "densenet121", "mobilenet_v2", "convnext_tiny", "vit_b_16"]


def network(name):
    """With random weights, always the same."""
    torch.manual_seed(1)
    if name in FURTHER:
        import torchvision
        model = getattr(torchvision.models, name)(weights=None)
        if name == "vit_b_16":
            # Its head is zero at first.
            nn.init.normal_(model.heads.head.weight, std=0.02)
    elif name == "wrn28_10":
        model = WideResNet(4, 10, 10)
    elif name == "photos":
        model = ResNet((2, 2, 2, 2), (32, 64, 128, 256), 20, stem=3)
    elif name == "resnet18":
        model = ResNet((2, 2, 2, 2), (64, 128, 256, 512), 1000)
    else:
        model = ResNet((3, 4, 6, 3), (64, 128, 256, 512), 1000, bottleneck=True)
    return model.eval().requires_grad_(False)


def metadata(name):
    """What a file says beside its tensors."""
    return {} if name in FURTHER + ["wrn28_10"] else {"stem_stride": "2", "architecture": "resnet"}


def write_safetensors(path, model, metadata):
    state = {k: v for k, v in model.state_dict().items() if v.dtype == torch.float32}
    header, offset = {"__metadata__": metadata}, 0
    for name, value in state.items():
        end = offset + 4 * value.numel()
        header[name] = {"dtype": "F32", "shape": list(value.shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for value in state.values():
            file.write(value.contiguous().numpy().tobytes())
