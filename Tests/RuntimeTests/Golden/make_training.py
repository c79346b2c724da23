#!/usr/bin/env python3
"""Writes the golden files of training: what PyTorch computes, in double precision.

    python3 make_training.py    (needs torch and numpy; writes operators.safetensors and train-*.safetensors)

As in make_golden.py, all inputs come from a hash of (name, index), which the tests compute as well: `uniform` gives
multiples of 2**-24 in [0, 1), of which `centred` takes away 0.5. Of the results of operators 128 values at hashed
positions are stored, and the norm. Feature maps are [N, C, H, W], weights [out, in / groups, height, width].

operators.safetensors holds the results of the operator NAME under NAME.RESULT. Where gradients are among them, they
are those of the product of the output with a centred NAME.output_gradient.
  conv.*   NAME.shape holds N, in, H, W, out, size, stride, pad, groups. From centred NAME.input and NAME.weight:
           output, weight_gradient, input_gradient.
  norm.*   Batch normalisation with batch statistics, eps 1e-5 and momentum 0.1. NAME.shape holds N, C, H, W. The
           input is centred plus 4 * (centred NAME.offset) of its channel; weight 0.5 + 0.5 * uniform, bias
           0.2 * centred, running_mean 0.2 * centred, running_var 0.5 + 0.5 * uniform, rounded to float32. Results:
           output, input_gradient, weight_gradient, bias_gradient, and all of running_mean and running_var. Where
           NAME ends in "add", a centred NAME.residual is added and a ReLU follows; residual_gradient is there too.
  mean_pool, max_pool   NAME.shape holds N, C, H, W. The max-pool is 3x3, of stride 2, with a border of 1. Results:
           output, input_gradient.
  linear   NAME.shape holds N, in, out. Results: output, input_gradient, weight_gradient, bias_gradient.
  cross_entropy.S   with label smoothing S, NAME.shape holding N, classes: logits 8 * centred NAME.logits, labels
           words(NAME.labels) modulo the classes. Results, whole: losses of each image, gradient of their mean.
  divergence   KL(p || q) of logits 8 * centred NAME.p and NAME.q. Results, whole: losses of each image, and of their
           mean p_gradient and q_gradient.

train-*.safetensors: steps of SGD (step size 0.1, Nesterov momentum 0.9, weight decay 5e-4 on tensors of more than one
dimension) of a residual network with basic blocks 1-1, widths 8-16, a 3x3 stem of stride 2 and 5 classes, whose first
weights and running statistics are those of `weight`. Step t = 0, 1, ... is named T = 580 + t; with these names no
ReLU's input comes nearer to 0 than 6e-6, so that rounding switches none. A step has six images of 16 px,
uniform("images T") * 15/16 + 1/32 rounded to float32, and the labels words("labels T") modulo 5. Label smoothing is
0.1. The noise of an attack is (centred "noise T") / 16, whose norm is about half of eps = 1. The attack takes one step
of 1.25 eps along its gradient divided by the gradient's norm, projects the difference to the ball of eps, and clamps
the image to 0...1. Its loss is cross-entropy without smoothing. It leaves the running statistics alone.
  train-plain     ten steps without attack
  train-batch     ten steps, attacked with batch statistics
  train-running   ten steps, attacked with the running statistics
  train-trades    two steps with the loss CE(f(x), y) + 6 KL(f(x) || f(x')) (Zhang et al., arXiv 1901.08573), the mean
                  over images. x' maximises the divergence with the running statistics, then x and x' pass the network
                  one after the other, each with its own statistics, which both move the running ones.
Each holds the losses of the steps, the images of the first step after the attack ("attacked", 128 values and the norm),
the last weights and running statistics under their names, the momentum of a weight NAME as momentum.NAME, and "logits"
of the images of step 0 with the last weights and running statistics. In float32 PyTorch comes within 1e-5 of all, and
noise of 1e-6 after each layer changes them by 1.5e-5, those of TRADES by 1e-4: its attack begins where the divergence
is nearly 0.
"""
import numpy as np
import torch
import torch.nn.functional as F

import make_golden
from make_golden import ResNet, sampled, uniform, weight, words, write

make_golden.SAMPLES = 128


def centred(name, shape):
    return torch.from_numpy(uniform(name, shape)) - 0.5


def labels(name, count, classes):
    return torch.from_numpy((words(name, count) % np.uint64(classes)).astype(np.int64))


CONVOLUTIONS = {
    "1x1": (1, 16, 7, 9, 24, 1, 1, 0, 1),
    "1x1 odd": (3, 17, 7, 9, 33, 1, 1, 0, 1),
    "1x1 stride 2": (3, 16, 9, 7, 40, 1, 2, 0, 1),
    "3x3": (3, 16, 8, 8, 16, 3, 1, 1, 1),
    "3x3 odd": (1, 17, 7, 9, 33, 3, 1, 1, 1),
    "3x3 wide": (3, 64, 14, 14, 64, 3, 1, 1, 1),
    "3x3 one pixel": (3, 32, 1, 1, 64, 3, 1, 1, 1),
    "3x3 large map": (1, 16, 61, 67, 16, 3, 1, 1, 1),
    "3x3 stride 2": (3, 16, 8, 8, 32, 3, 2, 1, 1),
    "3x3 stride 2 odd": (1, 17, 7, 9, 33, 3, 2, 1, 1),
    "3x3 colours": (3, 3, 11, 13, 16, 3, 1, 1, 1),
    "3x3 colours stride 2": (3, 3, 16, 16, 8, 3, 2, 1, 1),
    "7x7 stride 2": (3, 3, 23, 21, 16, 7, 2, 3, 1),
    "7x7 stride 2 even": (1, 3, 32, 32, 8, 7, 2, 3, 1),
    "groups": (3, 16, 7, 9, 32, 3, 1, 1, 4),
    "groups stride 2": (1, 64, 9, 7, 64, 3, 2, 1, 2),
    "depthwise": (3, 16, 7, 9, 16, 3, 1, 1, 16),
}


def operators():
    tensors = {}

    def results(name, output, inputs):
        """Stores the output and the gradients of the product with NAME.output_gradient."""
        gradients = torch.autograd.grad((output * centred(f"{name}.output_gradient", tuple(output.shape))).sum(),
                                        list(inputs.values()))
        sampled(tensors, f"{name}.output", output)
        for key, gradient in zip(inputs, gradients):
            sampled(tensors, f"{name}.{key}_gradient", gradient)

    for case, shape in CONVOLUTIONS.items():
        name = f"conv.{case}"
        count, ins, height, width, outs, size, stride, pad, groups = shape
        x = centred(f"{name}.input", (count, ins, height, width)).requires_grad_()
        w = centred(f"{name}.weight", (outs, ins // groups, size, size)).requires_grad_()
        tensors[f"{name}.shape"] = shape
        results(name, F.conv2d(x, w, None, stride, pad, 1, groups), {"weight": w, "input": x})

    for case, shape in {
        "odd": (3, 17, 7, 9), "one image": (1, 16, 8, 8), "two values": (2, 32, 1, 1), "large map": (2, 5, 61, 67),
        "add": (3, 17, 7, 9), "wide add": (2, 64, 8, 8),
    }.items():
        name = f"norm.{case}"
        channels = (shape[1],)
        tensors[f"{name}.shape"] = shape
        x = centred(f"{name}.input", shape) + 4 * centred(f"{name}.offset", channels)[:, None, None]
        inputs = {"input": x.requires_grad_(), "weight": weight(f"{name}.weight", channels).double().requires_grad_(),
                  "bias": weight(f"{name}.bias", channels).double().requires_grad_()}
        mean, variance = (weight(f"{name}.{part}", channels).double() for part in ("running_mean", "running_var"))
        y = F.batch_norm(x, mean, variance, inputs["weight"], inputs["bias"], True, 0.1, 1e-5)
        if name.endswith("add"):
            inputs["residual"] = centred(f"{name}.residual", shape).requires_grad_()
            y = F.relu(y + inputs["residual"])
        results(name, y, inputs)
        tensors[f"{name}.running_mean"], tensors[f"{name}.running_var"] = mean, variance

    for name, pool in {"mean_pool": lambda x: x.mean((2, 3)), "max_pool": lambda x: F.max_pool2d(x, 3, 2, 1)}.items():
        tensors[f"{name}.shape"] = shape = (3, 17, 7, 9)
        x = centred(f"{name}.input", shape).requires_grad_()
        results(name, pool(x), {"input": x})

    name = "linear"
    tensors[f"{name}.shape"] = count, ins, outs = 3, 33, 5
    inputs = {"input": centred(f"{name}.input", (count, ins)), "weight": centred(f"{name}.weight", (outs, ins)),
              "bias": centred(f"{name}.bias", (outs,))}
    inputs = {key: value.requires_grad_() for key, value in inputs.items()}
    results(name, F.linear(*inputs.values()), inputs)

    for smoothing in (0, 0.1):
        name = f"cross_entropy.{smoothing}"
        tensors[f"{name}.shape"] = count, classes = 6, 5
        z = (8 * centred(f"{name}.logits", (count, classes))).requires_grad_()
        y = labels(f"{name}.labels", count, classes)
        losses = F.cross_entropy(z, y, reduction="none", label_smoothing=smoothing)
        tensors[f"{name}.losses"] = losses.detach()
        tensors[f"{name}.gradient"], = torch.autograd.grad(losses.mean(), z)

    name = "divergence"
    tensors[f"{name}.shape"] = shape = 6, 5
    p, q = ((8 * centred(f"{name}.{side}", shape)).requires_grad_() for side in "pq")
    losses = divergence(p, q)
    tensors[f"{name}.losses"] = losses.detach()
    tensors[f"{name}.p_gradient"], tensors[f"{name}.q_gradient"] = torch.autograd.grad(losses.mean(), (p, q))
    write("operators", tensors)


def divergence(p, q):
    """KL(softmax p || softmax q) of each image."""
    return F.kl_div(q.log_softmax(1), p.log_softmax(1), reduction="none", log_target=True).sum(1)


EPS, BETA = 1, 6


def step_inputs(t):
    shape, t = (6, 3, 16, 16), 580 + t
    images = torch.from_numpy((uniform(f"images {t}", shape) * 15 / 16 + 1 / 32).astype(np.float32))
    return images.double(), labels(f"labels {t}", 6, 5), centred(f"noise {t}", shape) / 16


class Statistics:
    """The modules' mode within a block; running statistics are as before afterwards."""

    def __init__(self, model, training):
        self.model, self.training = model, training

    def __enter__(self):
        self.kept = {name: buffer.clone() for name, buffer in self.model.named_buffers()}
        self.model.train(self.training)

    def __exit__(self, *_):
        for name, buffer in self.model.named_buffers():
            buffer.copy_(self.kept[name])
        self.model.train()


def attack(logits, loss, images, noise):
    """One step from images + noise; `loss` is of logits."""
    x = (images + noise).requires_grad_()
    gradient, = torch.autograd.grad(loss(logits(x)), x)
    with torch.no_grad():
        def norm(d):
            return d.flatten(1).norm(dim=1)[:, None, None, None]
        d = noise + 1.25 * EPS * gradient / norm(gradient)
        d = d * (EPS / norm(d)).clamp(max=1)
        return (images + d).clamp(0, 1)


def train(method, steps, kind=torch.float64, rounding=lambda model: None):
    """What is stored of a training run: method is plain, batch, running or trades."""
    model = ResNet([1, 1], [8, 16], 5, stem=3)
    state = model.state_dict()
    for key in state:
        if key not in ("mean", "std") and not key.endswith("num_batches_tracked"):
            state[key] = weight(key, tuple(state[key].shape))
    model.load_state_dict(state)
    model = model.to(kind).train()
    rounding(model)
    parameters = list(model.parameters())
    optimizer = torch.optim.SGD(
        [{"params": [p for p in parameters if p.ndim > 1], "weight_decay": 5e-4},
         {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0}],
        lr=0.1, momentum=0.9, nesterov=True)

    def logits(x):
        return model(x)[1]

    tensors, losses = {}, []
    for t in range(steps):
        x, y, noise = step_inputs(t)
        x, noise = x.to(kind), noise.to(kind)
        attacked = x
        if method in ("batch", "running"):
            with Statistics(model, method == "batch"):
                attacked = attack(logits, lambda z: F.cross_entropy(z, y, reduction="sum"), x, noise)
        elif method == "trades":
            with Statistics(model, False):
                clean = logits(x).detach()
                attacked = attack(logits, lambda z: divergence(clean, z).sum(), x, noise)
        if t == 0:
            sampled(tensors, "attacked", attacked)
        if method == "trades":
            clean = logits(x)
            loss = F.cross_entropy(clean, y, label_smoothing=0.1) + BETA * divergence(clean, logits(attacked)).mean()
        else:
            loss = F.cross_entropy(logits(attacked), y, label_smoothing=0.1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    tensors["losses"] = losses
    for key, value in model.state_dict().items():
        if key not in ("mean", "std") and not key.endswith("num_batches_tracked"):
            tensors[key] = value.clone()
    for key, value in model.named_parameters():
        tensors[f"momentum.{key}"] = optimizer.state[value]["momentum_buffer"]
    with torch.no_grad():
        tensors["logits"] = model.eval()(step_inputs(0)[0].to(kind))[1]
    return tensors


RUNS = {"plain": 10, "batch": 10, "running": 10, "trades": 2}

if __name__ == "__main__":
    operators()
    for method, steps in RUNS.items():
        write(f"train-{method}", train(method, steps))
