"""Ascent steps in PyTorch: logits, cross-entropy, the gradient to the input.

    torch_worker.py NETWORK SIDE BATCH THREADS float32|bfloat16 contiguous|channels_last folded|plain

Reads one number of seconds a line, takes steps for so long, and answers with one line of JSON; the first line is
answered after the first step.
"""
import json
import resource
import sys
import time

BEGIN = time.perf_counter()


def main():
    name, side, batch, threads, kind, layout, norms = sys.argv[1:8]
    import torch
    import torch.nn.functional as F

    from networks import network

    torch.set_num_threads(int(threads))
    layout = torch.channels_last if layout == "channels_last" else torch.contiguous_format
    model = network(name)
    if norms == "folded":
        model.fold()
    model = model.to(getattr(torch, kind)).to(memory_format=layout)
    images = torch.rand(int(batch), 3, int(side), int(side)).to(getattr(torch, kind)).to(memory_format=layout)
    classes = torch.zeros(int(batch), dtype=torch.long)

    def step():
        x = images.detach().requires_grad_()
        return torch.autograd.grad(F.cross_entropy(model(x).float(), classes, reduction="sum"), x)[0]

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
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        answer = {"times": times, "processor": processor, "first": first, "peak_memory": peak}
        print(json.dumps(answer), flush=True)


main()
