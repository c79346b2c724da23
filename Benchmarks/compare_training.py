#!/usr/bin/env python3
"""Compares rtool's training steps with PyTorch's: the same networks, shapes and threads, in alternating order.

    python3 Benchmarks/compare_training.py [--rtool .build/release/rtool] [--rounds 5] [--seconds 10] [--only NAME]
                                           [--statistics batch|running] [--torch-only] [--json FILE]

A step is one of one-step adversarial training: the gradient of the attacked image, the gradient of the weights there,
and SGD with Nesterov momentum and weight decay. float32 is compared with float32, and bfloat16, where rtool has units
for it, with PyTorch's autocast. Of each, PyTorch is first tried with both memory layouts and both ways in which its
threads wait, and goes on with the fastest. Then it and rtool are measured in turns. Memory is the most that a process
held, less what it held before it made the network. Time of processors is that of a step on all threads, waiting
included; rtool's has a share of its start.
"""
import contextlib
import json
import os
import statistics
import subprocess
import sys

from harness import Worker, machine, parse, write_record

LAYOUTS, WAITS = ("contiguous", "channels_last"), ("active", "passive")


def summary(answers, batch):
    """Of answers with median, fastest, peak_memory and idle_memory."""
    seconds = statistics.median(a["median"] for a in answers)
    return {
        "seconds": seconds, "least": min(a["fastest"] for a in answers), "images_per_second": batch / seconds,
        "memory": max(a["peak_memory"] - a["idle_memory"] for a in answers),
        "processor": statistics.median(a["processor"] for a in answers),
    }


class Torch:
    """One setting of PyTorch."""

    def __init__(self, name, options, precision, layout, wait):
        from training import NETWORKS
        self.setting, self.batch = f"{precision}-{layout}-{wait}", NETWORKS[name][7]
        self.worker = Worker(name, NETWORKS[name][6], self.batch, options.threads, precision, layout,
                             options.statistics, environment={"OMP_WAIT_POLICY": wait})
        self.worker.run(0)

    def run(self, seconds):
        answer = self.worker.run(seconds)
        return {**answer, "median": statistics.median(answer["times"]), "fastest": min(answer["times"])}


def fastest_setting(name, options, precision):
    """The fastest worker, still running, and what was measured of all."""
    tried, best = {}, None
    for layout in LAYOUTS:
        for wait in WAITS:
            with best.worker.paused() if best else contextlib.nullcontext():
                worker = Torch(name, options, precision, layout, wait)
                tried[worker.setting] = summary([worker.run(options.seconds / 2)], worker.batch)
            if best and tried[best.setting]["seconds"] <= tried[worker.setting]["seconds"]:
                worker.worker.close()
            else:
                if best:
                    best.worker.close()
                best = worker
    return best, tried


def rtool_bench(name, options, precision):
    """None: rtool does not train in this precision here."""
    from training import NETWORKS
    widths, blocks, block, stem, stride, _, side, batch, _ = NETWORKS[name]
    words = [options.rtool, "bench", "--training", "--batch", batch, "--side", side, "--threads", options.threads,
             "--widths", ",".join(map(str, widths)), "--blocks", ",".join(map(str, blocks)), "--block", block,
             "--stem", f"{stem}x{stem}", "--stem-stride", stride, "--seconds", options.seconds, "--json"]
    if precision != "float32":
        words += ["--precision", precision]
    if options.statistics != "batch":
        words += ["--attack-norm", "evaluation"]
    start = os.times()
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True)
    end = os.times()
    if done.returncode != 0:
        print(done.stderr.strip(), file=sys.stderr)
        if precision == "float32":
            sys.exit(f"failed: {' '.join(map(str, words))}")
        return None
    answer = json.loads(done.stdout)
    used = end.children_user + end.children_system - start.children_user - start.children_system
    return {
        "median": answer["median"], "fastest": answer["fastest"], "peak_memory": answer["peakMemory"],
        "idle_memory": answer["idleMemory"], "processor": used / answer["steps"],
    }


def compare(name, options):
    row = {"network": name, "statistics": options.statistics}
    for precision in ("float32", "bfloat16"):
        first = None if options.torch_only else rtool_bench(name, options, precision)
        torch, tried = fastest_setting(name, options, precision)
        row[precision] = found = {"tried": tried, "torch_setting": torch.setting}
        if options.torch_only or first is None:
            found["torch"] = tried[torch.setting]
        else:
            own, other = [], []
            for turn in range(options.rounds):
                for is_own in (True, False) if turn % 2 == 0 else (False, True):
                    if is_own:
                        with torch.worker.paused():
                            own.append(rtool_bench(name, options, precision))
                    else:
                        other.append(torch.run(options.seconds))
            found["rtool"], found["torch"] = summary(own, torch.batch), summary(other, torch.batch)
            for key in ("seconds", "least", "processor"):
                found[f"ratio_{key}"] = found["torch"][key] / found["rtool"][key]
            found["memory_share"] = found["rtool"]["memory"] / found["torch"]["memory"]
        torch.worker.close()
        show(row, precision)
    return row


def show(row, precision):
    found = row[precision]

    def told(name, one):
        return (f"{row['network']:15} {precision:9} {name:6} median {one['seconds'] * 1e3:8.0f} ms, "
                f"least {one['least'] * 1e3:8.0f}, {one['images_per_second']:6.1f} images/s, "
                f"{one['processor']:6.2f} s of processors, {one['memory'] / 2**20:6.0f} MiB")

    for setting, one in found["tried"].items():
        print(told("tried", one) + f", {setting}", flush=True)
    if "rtool" in found:
        for name in ("torch", "rtool"):
            print(told(name, found[name]))
        print(f"{'':32} PyTorch / rtool: median {found['ratio_seconds']:.2f}, least {found['ratio_least']:.2f}, "
              f"processors {found['ratio_processor']:.2f}; memory rtool / PyTorch {found['memory_share']:.2f}",
              flush=True)


def main():
    def more(parser):
        parser.add_argument("--statistics", choices=("batch", "running"), default="batch",
                            help="with which the norms are attacked")
        parser.add_argument("--torch-only", action="store_true", help="PyTorch alone")

    try:
        from training import NETWORKS
    except ImportError:
        NETWORKS = {}
    options = parse(__doc__, list(NETWORKS), rounds=5, seconds=10, more=more)
    if not options.torch_only and not os.path.exists(options.rtool):
        sys.exit(f"{options.rtool} is missing: run `make build`")
    record = {"machine": machine(options.threads), "rows": []}
    print(" ".join(f"{k}: {v}" for k, v in record["machine"].items()), flush=True)
    for name in NETWORKS:
        if options.only in (None, name):
            record["rows"].append(compare(name, options))
            write_record(options.json, record)


main()
