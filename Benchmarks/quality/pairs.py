#!/usr/bin/env python3
"""Judge pictures of two kinds blind: pairs in a hidden order, a form to fill in, and what the answers come to.

  pairs.py make --a before=results/crops/compact/before --b after=results/crops/compact/after \\
    --context results/crops/compact/hole --out judging --key judging.key.json
  pairs.py score judging.key.json judging/form.tsv [OTHER-READER.tsv ...]

`make` pairs pictures of the same name and writes them side by side, in an order and with sides that a seed decides.
Some pairs come twice, with sides exchanged, and in some both pictures are the same. The key says which is which: keep
it from the readers. Readers write into the form, for each pair, left, right or same as the answer, and may grade each
side seamless, passing or broken. `score` says which is preferred, how often a reader answers alike when asked again,
what identical pictures were called, and how far readers agree.
"""
import argparse
import csv
import json
import math
import os
import sys

import numpy as np
from PIL import Image

from sets import digest

ANSWERS, GRADES = ("left", "right", "same"), ("seamless", "passing", "broken")
GAP = 24


def pictures(folder):
    if not os.path.isdir(folder):
        sys.exit(f"{folder} is no folder")
    return {name for name in os.listdir(folder) if name.lower().endswith(".png")}


def side_by_side(paths, scale):
    images = [Image.open(path).convert("RGB") for path in paths]
    images = [image.resize((image.width * scale, image.height * scale), Image.Resampling.NEAREST) for image in images]
    made = Image.new("RGB", (sum(i.width for i in images) + GAP * (len(images) - 1), max(i.height for i in images)),
                     (128, 128, 128))
    x = 0
    for image in images:
        made.paste(image, (x, 0))
        x += image.width + GAP
    return made


def make(options):
    (a, folder_a), (b, folder_b) = options.a, options.b
    if a == b:
        sys.exit("--a and --b: give two labels")
    names = pictures(folder_a) & pictures(folder_b)
    if not names:
        sys.exit(f"{folder_a} and {folder_b} have no picture of the same name")
    out = os.path.abspath(options.out)
    if os.path.commonpath([os.path.abspath(options.key), out]) == out:
        sys.exit("--key: keep the key out of the folder that readers get")
    names = sorted(names, key=lambda name: digest("pairs", options.seed, name))[:options.limit]
    random = np.random.default_rng(digest("order", options.seed))
    asked = []
    for name in names:
        left, right = ((a, b), (b, a))[random.integers(2)]
        asked.append({"name": name, "left": left, "right": right, "kind": "first"})
    for pair in list(asked)[:math.ceil(options.repeated * len(names))]:
        asked.append({**pair, "left": pair["right"], "right": pair["left"], "kind": "again"})
    for name in names[::-1][:math.ceil(options.identical * len(names))]:
        label = (a, b)[random.integers(2)]
        asked.append({"name": name, "left": label, "right": label, "kind": "identical"})
    order = random.permutation(len(asked))
    folders = {a: folder_a, b: folder_b}
    os.makedirs(options.out, exist_ok=True)
    key = {"a": a, "b": b, "seed": options.seed, "pairs": {}}
    for number, index in enumerate(order, 1):
        pair, label = asked[index], f"pair-{number:03}"
        paths = [os.path.join(folders[pair[side]], pair["name"]) for side in ("left", "right")]
        if options.context:
            paths.insert(0, os.path.join(options.context, pair["name"]))
        side_by_side(paths, options.scale).save(f"{options.out}/{label}.png")
        key["pairs"][label] = pair
    with open(options.key, "w") as file:
        json.dump(key, file, indent=1)
    with open(f"{options.out}/form.tsv", "w") as file:
        file.write("pair\tanswer\tleft\tright\tnote\n" + "".join(f"{label}\t\t\t\t\n" for label in key["pairs"]))
    shown = "what was given, then two answers" if options.context else "two answers"
    with open(f"{options.out}/READ.txt", "w") as file:
        file.write(f"Each picture shows {shown}, left and right.\n"
                   "Write into form.tsv which you prefer: left, right or same. You may grade each side: seamless\n"
                   "(nothing shows), passing (not at a glance) or broken. Some pairs come twice, in some both are the\n"
                   "same picture.\n")
    print(f"{len(order)} pairs of {len(names)} pictures in {options.out}; the key is {options.key}")


def answers(path, key):
    """What a reader wrote: of each pair the answer and the grades of both sides, checked."""
    found = {}
    with open(path, newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            row = {name: (value or "").strip().lower() for name, value in row.items() if name}
            label = row.get("pair")
            if label not in key["pairs"]:
                sys.exit(f"{path}: the key has no {label}")
            if row.get("answer") not in ANSWERS:
                said = row.get("answer") or "with nothing"
                sys.exit(f"{path}: {label} is answered {said}: write left, right or same")
            for side in ("left", "right"):
                if row.get(side) not in (None, "", *GRADES):
                    sys.exit(f"{path}: {label} is graded {row[side]}: write {', '.join(GRADES)} or nothing")
            found[label] = row
    missing = set(key["pairs"]) - set(found)
    if missing:
        sys.exit(f"{path}: {min(missing)} is missing")
    return found


def chosen(pair, answer):
    """The label that an answer prefers, or same."""
    return answer if answer == "same" else pair[answer]


def sign_test(wins, losses):
    """Probability of a result at least as uneven by chance, two-sided."""
    n, k = wins + losses, max(wins, losses)
    return min(1.0, 2 * sum(math.comb(n, i) for i in range(k, n + 1)) / 2 ** n) if n else 1.0


def kappa(one, other):
    """Cohen's kappa of two readers' answers."""
    kinds = set(one) | set(other)
    agreed = sum(x == y for x, y in zip(one, other)) / len(one)
    chance = sum(one.count(k) * other.count(k) for k in kinds) / len(one) ** 2
    return agreed, (agreed - chance) / (1 - chance) if chance < 1 else 1.0


def score(options):
    with open(options.key) as file:
        key = json.load(file)
    a, b = key["a"], key["b"]
    readers = {path: answers(path, key) for path in options.forms}
    firsts = [label for label, pair in key["pairs"].items() if pair["kind"] == "first"]
    by_name = {key["pairs"][label]["name"]: label for label in firsts}
    lines = []
    for path, found in readers.items():
        choice = {label: chosen(pair, found[label]["answer"]) for label, pair in key["pairs"].items()}
        counts = {label: sum(choice[f] == label for f in firsts) for label in (a, b, "same")}
        again = [label for label, pair in key["pairs"].items() if pair["kind"] == "again"]
        alike = sum(choice[label] == choice[by_name[key["pairs"][label]["name"]]] for label in again)
        identical = [label for label, pair in key["pairs"].items() if pair["kind"] == "identical"]
        same = sum(choice[label] == "same" for label in identical)
        left = sum(found[label]["answer"] == "left" for label in key["pairs"])
        right = sum(found[label]["answer"] == "right" for label in key["pairs"])
        grades = {label: {grade: 0 for grade in GRADES} for label in (a, b)}
        for f in firsts:
            for side in ("left", "right"):
                if found[f].get(side):
                    grades[key["pairs"][f][side]][found[f][side]] += 1
        print(f"{path}: {a} {counts[a]}, {b} {counts[b]}, same {counts['same']} of {len(firsts)} "
              f"(sign test p = {sign_test(counts[a], counts[b]):.3f})")
        print(f"  asked again: {alike} of {len(again)} alike; identical: {same} of {len(identical)} called the same; "
              f"left {left}, right {right}")
        for label in (a, b):
            if sum(grades[label].values()):
                print(f"  {label}: " + ", ".join(f"{grade} {n}" for grade, n in grades[label].items()))
        lines.append({"form": path, **{k: counts[k] for k in counts}, "asked": len(firsts), "again": len(again),
                      "alike": alike, "identical": len(identical), "called_same": same, "left": left, "right": right,
                      "grades": grades})
    paths = list(readers)
    for i, one in enumerate(paths):
        for other in paths[i + 1:]:
            words = [[chosen(key["pairs"][f], readers[p][f]["answer"]) for f in firsts] for p in (one, other)]
            agreed, k = kappa(*words)
            print(f"{one} and {other}: alike in {100 * agreed:.0f} %, kappa {k:.2f}")
            lines.append({"forms": [one, other], "agreed": agreed, "kappa": k})
    if len(readers) > 1:
        votes = {f: [chosen(key["pairs"][f], found[f]["answer"]) for found in readers.values()] for f in firsts}
        won = {label: sum(v.count(label) > v.count(other) for v in votes.values())
               for label, other in ((a, b), (b, a))}
        print(f"all: {a} {won[a]}, {b} {won[b]}, tied {len(firsts) - won[a] - won[b]} of {len(firsts)}")
    if options.json:
        with open(options.json, "w") as file:
            file.writelines(json.dumps(line) + "\n" for line in lines)


def labelled(words):
    label, found, folder = words.partition("=")
    if not found or not label or label == "same":
        raise argparse.ArgumentTypeError(f"{words}: give LABEL=FOLDER")
    return label, folder


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    p = commands.add_parser("make")
    p.add_argument("--a", type=labelled, required=True, metavar="LABEL=FOLDER")
    p.add_argument("--b", type=labelled, required=True, metavar="LABEL=FOLDER")
    p.add_argument("--context", metavar="FOLDER", help="pictures of the same names that are shown first")
    p.add_argument("--out", required=True)
    p.add_argument("--key", required=True, help="a file outside of OUT")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--limit", type=int, help="at most so many pictures")
    p.add_argument("--repeated", type=float, default=0.2, help="share of pairs that come twice")
    p.add_argument("--identical", type=float, default=0.1, help="share of pairs of the same picture")
    p.add_argument("--scale", type=int, default=2, help="how many times the pictures are enlarged, by whole pixels")
    p = commands.add_parser("score")
    p.add_argument("key")
    p.add_argument("forms", nargs="+", help="one of each reader")
    p.add_argument("--json", help="a file for a line of JSON of each reader and of each two")
    options = parser.parse_args()
    {"make": make, "score": score}[options.command](options)


main()
