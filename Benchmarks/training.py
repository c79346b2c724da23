"""One step of one-step adversarial training in plain PyTorch, and the networks that are trained."""
import torch
import torch.nn.functional as F

from networks import ResNet

# Name: widths, blocks, kind of block, stem, its stride, classes; side, batch and radius of the comparison.
NETWORKS = {
    "photos-128": ((32, 64, 128, 256), (2, 2, 2, 2), "basic", 3, 2, 20, 128, 32, 2.0),
    "photos-64": ((32, 64, 128, 256), (2, 2, 2, 2), "basic", 3, 2, 20, 64, 32, 1.0),
    "wide-128": ((64, 128, 256, 512), (2, 2, 2, 2), "basic", 3, 2, 20, 128, 32, 2.0),
    "cifar-resnet18": ((64, 128, 256, 512), (2, 2, 2, 2), "basic", 3, 1, 10, 32, 32, 0.5),
    "resnet50-224": ((64, 128, 256, 512), (3, 4, 6, 3), "bottleneck", 7, 2, 1000, 224, 16, 3.0),
}


def track_statistics(model, on):
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.track_running_stats = on


def attack(model, logits, images, labels, noise, eps, statistics):
    """One L2 step of 1.25 eps from images + noise, with the norms' batch or running statistics, which stay."""
    model.train(statistics == "batch")
    if statistics == "batch":
        track_statistics(model, False)
    x = (images + noise).requires_grad_()
    gradient, = torch.autograd.grad(F.cross_entropy(logits(x), labels, reduction="sum"), x)
    model.train()
    track_statistics(model, True)

    def norm(d):
        return d.flatten(1).norm(dim=1).view(-1, 1, 1, 1) + 1e-10

    d = noise + 1.25 * eps * gradient / norm(gradient)
    d = d * (eps / norm(d)).clamp(max=1)
    return (images + d).clamp(0, 1)


def training_step(name, side, batch, kind, layout, statistics):
    """A function that takes a step; weights, images and random start are made before. In bfloat16 by autocast."""
    widths, blocks, block, stem, stride, classes, _, _, eps = NETWORKS[name]
    torch.manual_seed(1)
    model = ResNet(blocks, widths, classes, block == "bottleneck", stem, stride).to(memory_format=layout).train()
    images = torch.rand(batch, 3, side, side).to(memory_format=layout)
    labels = torch.randint(classes, (batch,))
    noise = torch.randn_like(images)
    noise *= 0.5 * eps / noise.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
    parameters = list(model.parameters())
    optimizer = torch.optim.SGD(
        [{"params": [p for p in parameters if p.ndim > 1], "weight_decay": 5e-4},
         {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0}],
        lr=0.01, momentum=0.9, nesterov=True, fused=True)

    def logits(x):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=kind == torch.bfloat16):
            return model(x).float()

    def step():
        attacked = attack(model, logits, images, labels, noise, eps, statistics)
        loss = F.cross_entropy(logits(attacked), labels, label_smoothing=0.1)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        return loss

    return step
