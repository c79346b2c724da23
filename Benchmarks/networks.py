"""The networks that are compared, in plain PyTorch, with the names that torchvision gives to weights."""
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


def network(name):
    """With random weights, always the same."""
    torch.manual_seed(1)
    if name == "photos":
        model = ResNet((2, 2, 2, 2), (32, 64, 128, 256), 20, stem=3)
    elif name == "resnet18":
        model = ResNet((2, 2, 2, 2), (64, 128, 256, 512), 1000)
    else:
        model = ResNet((3, 4, 6, 3), (64, 128, 256, 512), 1000, bottleneck=True)
    return model.eval().requires_grad_(False)


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
