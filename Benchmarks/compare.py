#!/usr/bin/env python3
"""Compares rtool's ascent steps with PyTorch's: the same networks, shapes and threads, in alternating order.

    python3 Benchmarks/compare.py [--rtool .build/release/rtool] [--rounds 5] [--seconds 2] [--only NAME]
                                  [--family residual|further|all] [--json FILE]

The first rows are residual networks; `--only` measures one network, `--family` those of the older or further rows.

A step is logits, cross-entropy and the gradient to the input; rtool's also moves the image. rtool is measured in float32
and, where the processor has units for it, in bfloat16, which is compared with PyTorch's. PyTorch is measured in
fp32 in both memory layouts, with batch normalisation folded ("folded", of residual networks) and as it comes ("plain"),
and in bfloat16; of each kind the faster layout counts. Of the times the median is told, and the least, which says more on a machine that
has other work to do.
"""
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

from harness import HERE, Worker, machine, parse, write_record

# Network, side, batch.
CASES = [
    ("photos", 128, 1), ("photos", 128, 8), ("resnet18", 224, 1), ("resnet50", 224, 1), ("resnet50", 224, 8),
]
# Of other families, which PyTorch takes as they come.
FURTHER_CASES = [
    ("wrn28_10", 32, 8), ("vgg16_bn", 224, 1), ("densenet121", 224, 1), ("mobilenet_v2", 224, 1),
    ("convnext_tiny", 224, 1), ("vit_b_16", 224, 1),
]
SETTINGS = [
    ("float32", "contiguous", "folded"), ("float32", "channels_last", "folded"),
    ("float32", "contiguous", "plain"), ("float32", "channels_last", "plain"),
    ("bfloat16", "channels_last", "folded"),
]
FURTHER_SETTINGS = [
    ("float32", "contiguous", "plain"), ("float32", "channels_last", "plain"), ("bfloat16", "channels_last", "plain"),
]
# The kinds that are told, by how the names of their settings begin and end.
KINDS = {"folded": ("float32", "folded"), "plain": ("float32", "plain"), "bfloat16": ("bfloat16", "")}


def rtool_bench(rtool, model, case, threads, seconds, precision="float32"):
    """None: the processor has no units for this precision."""
    start = os.times()
    done = subprocess.run(
        [rtool, "bench", "--model", model, "--side", str(case[1]), "--batch", str(case[2]), "--threads", str(threads),
         "--seconds", str(seconds), "--precision", precision, "--json"], capture_output=True, text=True)
    if done.returncode != 0:
        if "has no units for it" in done.stderr:
            return None
        sys.exit(done.stderr)
    out = done.stdout
    end = os.times()
    answer = json.loads(out)
    batch = answer["batches"][0]
    return {
        "median": batch["median"], "fastest": batch["fastest"], "first": answer["load"] + batch["first"], "peak_memory": answer["peakMemory"],
        "processor": (end.children_user - start.children_user) / batch["steps"],
    }


def start_up(rtool, tries=7):
    """Seconds of a whole run of the program that takes three steps with its own model."""
    def once():
        start = time.perf_counter()
        subprocess.run([rtool, "bench", "--batch", "1", "--seconds", "0.1", "--json"], check=True, capture_output=True)
        return time.perf_counter() - start
    def first():
        out = subprocess.run([rtool, "bench", "--batch", "1", "--seconds", "0.1", "--json"], check=True,
                             capture_output=True, text=True).stdout
        answer = json.loads(out)
        return answer["load"] + answer["batches"][0]["first"]
    def nothing():
        start = time.perf_counter()
        subprocess.run([rtool, "--version"], check=True, capture_output=True)
        return time.perf_counter() - start
    once()
    return statistics.median(nothing() + first() for _ in range(tries))


def tasks(rtool, threads, folder):
    """Seconds of whole tasks, from the command line to the file."""
    examples = os.path.join(HERE, "..", "Examples")
    commands = {
        "inpaint lake.jpg": ["inpaint", f"{examples}/lake.jpg", "--mask", f"{examples}/lake-mask.png"],
    }
    found = {}
    for name, command in commands.items():
        if not all(os.path.exists(word) for word in command if word.startswith(examples)):
            continue
        start = time.perf_counter()
        output = ["-o", os.path.join(folder, "out.png"), "--threads", str(threads), "--quiet"]
        if subprocess.run([rtool, *command, *output]).returncode == 0:
            found[name] = time.perf_counter() - start
    return found


def compare(case, options, folder):
    from networks import metadata, network, write_safetensors
    model = os.path.join(folder, case[0] + ".safetensors")
    if not os.path.exists(model):
        write_safetensors(model, network(case[0]), metadata(case[0]))
    settings = FURTHER_SETTINGS if case in FURTHER_CASES else SETTINGS
    workers = {"-".join(s): Worker(*case, options.threads, *s) for s in settings}
    for worker in workers.values():
        worker.run(0)
    own, rounded, others = [], [], {name: [] for name in workers}
    for turn in range(options.rounds):
        order = ["rtool", "rtool-bfloat16", *workers]
        for name in order if turn % 2 == 0 else reversed(order):
            if name == "rtool":
                own.append(rtool_bench(options.rtool, model, case, options.threads, options.seconds))
            elif name == "rtool-bfloat16":
                found = rtool_bench(options.rtool, model, case, options.threads, options.seconds, "bfloat16")
                rounded += [found] if found else []
            else:
                others[name].append(workers[name].run(options.seconds))
    for worker in workers.values():
        worker.close()

    row = {"network": case[0], "side": case[1], "batch": case[2], "rtool": {
        "seconds": statistics.median(r["median"] for r in own), "least": min(r["fastest"] for r in own), "first": statistics.median(r["first"] for r in own),
        "processor": statistics.median(r["processor"] for r in own),
        "peak_memory": max(r["peak_memory"] for r in own)}, "torch": {}}
    for name, answers in others.items():
        row["torch"][name] = {
            "seconds": statistics.median(statistics.median(a["times"]) for a in answers),
            "least": min(min(a["times"]) for a in answers),
            "processor": statistics.median(a["processor"] for a in answers), "first": answers[0]["first"],
            "peak_memory": max(a["peak_memory"] for a in answers)}
    for kind, (start, end) in KINDS.items():
        names = [n for n in workers if n.startswith(start) and n.endswith(end)]
        if not names:
            continue
        row["fastest_" + kind] = min(names, key=lambda n: row["torch"][n]["least"])
        for key in ("seconds", "least"):
            row[f"ratio_{kind}_{key}"] = min(row["torch"][n][key] for n in names) / row["rtool"][key]
    if rounded:
        row["rtool_bfloat16"] = {
            "seconds": statistics.median(r["median"] for r in rounded), "least": min(r["fastest"] for r in rounded),
            "peak_memory": max(r["peak_memory"] for r in rounded)}
        for key in ("seconds", "least"):
            row[f"ratio_rounded_{key}"] = row["torch"][row["fastest_bfloat16"]][key] / row["rtool_bfloat16"][key]
            row[f"ratio_rounded_{float_kind(row)}_{key}"] = (
                row[f"ratio_{float_kind(row)}_{key}"] * row["rtool"][key] / row["rtool_bfloat16"][key])
    row["memory_share"] = (
        row["rtool"]["peak_memory"] / row["torch"][row["fastest_" + float_kind(row)]]["peak_memory"])
    row["operators"] = layers(options.rtool, model, case, options.threads)
    row["shares"] = shares(row["operators"])
    return row


def float_kind(row):
    """What rtool is compared with beside PyTorch as it comes."""
    return "folded" if "fastest_folded" in row else "plain"


def shares(found):
    """Of each kind of operator, and of all: milliseconds forward and backward, and shares of the peak of the threads."""
    total = {}
    for layer in found["batches"][0]["layers"]:
        kind = " ".join(layer["name"].split()[:2 if layer["name"].startswith("conv") else 1])
        for sums in (total.setdefault(kind, [0, 0, 0]), total.setdefault("all", [0, 0, 0])):
            for k, key in enumerate(("operations", "forward", "backward")):
                sums[k] += layer[key]
    total["all"] = total.pop("all")
    return {
        kind: {
            "forward": forward, "backward": backward, "operations": operations,
            "share_forward": operations / forward / found["registerPeak"],
            "share_backward": operations / backward / found["registerPeak"],
        } for kind, (operations, forward, backward) in total.items()}


def layers(rtool, model, case, threads):
    """Times of each layer, and the peaks of the machine."""
    out = subprocess.run(
        [rtool, "bench", "--model", model, "--side", str(case[1]), "--batch", str(case[2]), "--threads", str(threads),
         "--layers", "--json"], check=True, capture_output=True, text=True).stdout
    return json.loads(out)


def show(row):
    own = row["rtool"]
    kinds = [kind for kind in KINDS if "fastest_" + kind in row]
    others = {kind: row["torch"][row["fastest_" + kind]] for kind in kinds}
    name, other = f"{row['network']} {row['side']} b{row['batch']}", others[float_kind(row)]
    for key in ("seconds", "least"):
        times = " ".join(f"{others[k][key] * 1e3:9.2f}" if k in others else f"{'-':>9}" for k in KINDS)
        ratios = " ".join(f"{row[f'ratio_{k}_{key}']:8.2f}" if k in others else f"{'-':>8}" for k in KINDS)
        print(f"{name:20} {key.replace('seconds', 'median'):6} {own[key] * 1e3:9.2f} {times} {ratios}", flush=True)
    rounded = row.get("rtool_bfloat16")
    if rounded:
        kind = float_kind(row)
        print(f"{'':20} rtool in bfloat16: median {rounded['seconds'] * 1e3:.2f} ms, least {rounded['least'] * 1e3:.2f}; "
              f"PyTorch's bfloat16 takes {row['ratio_rounded_seconds']:.2f} and {row['ratio_rounded_least']:.2f} times "
              f"as long, its {kind} float32 {row[f'ratio_rounded_{kind}_seconds']:.2f} and "
              f"{row[f'ratio_rounded_{kind}_least']:.2f}; memory {rounded['peak_memory'] / 2**20:.0f} MiB", flush=True)
    print(f"{'':20} memory {own['peak_memory'] / 2**20:.0f} MiB, PyTorch {other['peak_memory'] / 2**20:.0f}; "
          f"first step after {own['first']:.3f} s, PyTorch {other['first']:.2f}", flush=True)
    found = row["operators"]
    print(f"{'':20} peak {found['registerPeak'] * 1e-9:.0f} GFLOP/s in registers, {found['tilePeak'] * 1e-9:.0f} by "
          f"rtool's tiles"
          + (f", {found['matrixUnitPeak'] * 1e-9:.0f} by matrix units" if found.get("matrixUnitPeak") else ""))
    for kind, sums in row["shares"].items():
        parts = [f"{sums[way] * 1e3:7.2f} ms {sums['operations'] / sums[way] * 1e-9:5.0f} GFLOP/s "
                 f"{100 * sums['share_' + way]:4.0f}%" for way in ("forward", "backward")]
        print(f"{'':20}   {kind:14} forward {parts[0]}, backward {parts[1]}", flush=True)


def main():
    families = {"residual": CASES, "further": FURTHER_CASES, "all": CASES + FURTHER_CASES}
    options = parse(
        __doc__, sorted({case[0] for case in families["all"]}), rounds=5, seconds=2,
        more=lambda parser: parser.add_argument("--family", choices=families, default="all"))
    if not os.path.exists(options.rtool):
        sys.exit(f"{options.rtool} is missing: run `make build`")

    record = {"machine": machine(options.threads), "rows": []}
    print(" ".join(f"{k}: {v}" for k, v in record["machine"].items()))
    print(f"{'':27} {'ms a step: PyTorch':>39} {'PyTorch / rtool':>26}")
    print(f"{'':27} {'rtool':>9}" + "".join(f" {k:>9}" for k in KINDS) + "".join(f" {k:>8}" for k in KINDS))
    with tempfile.TemporaryDirectory() as folder:
        for case in families[options.family]:
            if options.only in (None, case[0]):
                record["rows"].append(compare(case, options, folder))
                show(record["rows"][-1])
        record["start_up"] = start_up(options.rtool)
        print(f"start of the program to its first step, own model: {record['start_up'] * 1e3:.0f} ms")
        record["tasks"] = tasks(options.rtool, options.threads, folder)
        for name, seconds in record["tasks"].items():
            print(f"rtool {name}: {seconds:.2f} s")
    write_record(options.json, record)


main()
