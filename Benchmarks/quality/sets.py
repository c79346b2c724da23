"""Sets of photos by path, and what all comparisons of quality have in common on the command line."""
import argparse
import hashlib
import json
import os
import re
import statistics
import sys

import numpy as np
from PIL import Image

ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")


def digest(*words):
    """A number that depends on the words alone, the same in all runs and on all machines."""
    return int.from_bytes(hashlib.sha256("\0".join(map(str, words)).encode()).digest()[:8], "big")


def half(name):
    """To which half of a set a photo belongs: constants are chosen on one half and told on the other."""
    return ("even", "odd")[digest("half", name) % 2]


class Photo:
    """A photo of a set: `name` is unique in it, `label` in all sets and fit for a file's name."""

    def __init__(self, group, path):
        self.set = group
        self.path = path
        self.name = os.path.splitext(os.path.basename(path))[0]
        self.label = f"{group}-{self.name}"

    def pixels(self):
        """The photo's pixels: height, width, 3 of bytes."""
        with Image.open(self.path) as image:
            return np.asarray(image.convert("RGB"))


def photos(sets, part=None, limit=None):
    """The photos of sets `NAME=FOLDER`, of one half if `part` names it, at most `limit` of each set.

    Which ones a limit leaves depends on their names alone.
    """
    found = []
    for words in sets:
        name, _, folder = words.partition("=")
        if not re.fullmatch(r"[A-Za-z0-9_.]+", name) or not os.path.isdir(folder):
            sys.exit(f"--set {words}: give a name of letters and digits and a folder, as in kodak=photos/kodak")
        paths = [os.path.join(folder, file) for file in sorted(os.listdir(folder)) if file.lower().endswith(ENDINGS)]
        own = [photo for photo in (Photo(name, path) for path in paths) if part in (None, half(photo.name))]
        if not own:
            sys.exit(f"--set {words}: the folder has no photos of this half" if paths else
                     f"--set {words}: the folder has no photos")
        chosen = sorted(own, key=lambda photo: digest("limit", photo.name))[:limit]
        found += sorted(chosen, key=lambda photo: photo.name)
    return found


def parser(description):
    """The options that all comparisons have."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--set", action="append", required=True, metavar="NAME=FOLDER", help="photos; may be repeated")
    made.add_argument("--half", choices=["even", "odd"], help="one half of each set, by a hash of the photo's name")
    made.add_argument("--limit", type=int, help="at most so many photos of each set")
    made.add_argument("--rtool", action="append", default=[], metavar="LABEL=PATH [OPTIONS]",
                      help="a build of rtool and options of its task; may be repeated")
    made.add_argument("--out", required=True, help="a folder for pictures, sheets and figures; "
                      "pictures that the same program made there before from the same are taken as they are")
    made.add_argument("--again", action="store_true", help="make all pictures again")
    made.add_argument("--seed", type=int, default=1)
    made.add_argument("--sheets", type=int, default=24, help="at most so many photos of each set are shown on sheets")
    return made


class Records:
    """Figures of pictures, a line of JSON each, and the table of their means or medians."""

    def __init__(self, path, columns):
        """`columns`: a title, the key in a record, how records are joined (a function), and the format."""
        self.columns = columns
        self.rows = []
        self.file = open(path, "w")

    def add(self, **row):
        self.rows.append(row)
        self.file.write(json.dumps(row) + "\n")
        self.file.flush()

    def table(self, *keys):
        """Prints a line for each combination of the keys' values, in the order in which they came."""
        groups = {}
        for row in self.rows:
            groups.setdefault(tuple(row[key] for key in keys), []).append(row)
        wide = [max([len(key)] + [len(str(group[k])) for group in groups]) for k, key in enumerate(keys)]
        print(" ".join(f"{key:{n}}" for key, n in zip(keys, wide)) + f" {'n':>4}"
              + "".join(f" {title:>9}" for title, *_ in self.columns))
        before = None
        for group in sorted(groups, key=lambda group: tuple(map(str, group[:-1]))):
            if before not in (None, group[:-1]):
                print()
            before = group[:-1]
            line = " ".join(f"{str(value):{n}}" for value, n in zip(group, wide)) + f" {len(groups[group]):4}"
            for _, key, join, form in self.columns:
                values = [row[key] for row in groups[group] if row.get(key) is not None]
                line += f" {format(join(values), form) if values else '-':>9}"
            print(line)
        sys.stdout.flush()


mean, median = statistics.fmean, statistics.median
