"""Steps in PyTorch, timed.

    torch_worker.py NETWORK SIDE BATCH THREADS float32|bfloat16 contiguous|channels_last MODE

MODE is folded or plain, for ascent steps (logits, cross-entropy, the gradient to the input), or batch or running, for
training steps attacked with such statistics. Reads one number of seconds a line, takes steps for so long, and answers
with one line of JSON; the first line is answered after the first step. Memory is in bytes; idle is the process after
its imports.
"""
import json
import sys
import time

BEGIN = time.perf_counter()


def memory(key):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(key + ":"))


def ascent_step(name, side, batch, kind, layout, mode):
    import torch
    import torch.nn.functional as F

    from networks import network

    model = network(name)
    if mode == "folded":
        model.fold()
    model = model.to(kind).to(memory_format=layout)
    images = torch.rand(batch, 3, side, side).to(kind).to(memory_format=layout)
    classes = torch.zeros(batch, dtype=torch.long)

    def step():
        x = images.detach().requires_grad_()
        return torch.autograd.grad(F.cross_entropy(model(x).float(), classes, reduction="sum"), x)[0]

    return step


def main():
    name, side, batch, threads, kind, layout, mode = sys.argv[1:8]
    import torch

    import networks  # noqa: F401
    from training import training_step

    torch.set_num_threads(int(threads))
    idle = memory("VmRSS")
    make = ascent_step if mode in ("folded", "plain") else training_step
    layout = torch.channels_last if layout == "channels_last" else torch.contiguous_format
    step = make(name, int(side), int(batch), getattr(torch, kind), layout, mode)

    step()
    first = time.perf_counter() - BEGIN
    for line in sys.stdin:
        times, end = [], time.perf_counter() + float(line)
        processor = time.process_time()
        while time.perf_counter() < end or len(times) < 2:
            start = time.perf_counter()
            step()
            times.append(time.perf_counter() - start)
        processor = (time.process_time() - processor) / len(times)
        answer = {"times": times, "processor": processor, "first": first, "peak_memory": memory("VmHWM"),
                  "idle_memory": idle}
        print(json.dumps(answer), flush=True)


main()
