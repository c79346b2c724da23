"""The programs that are compared: builds of rtool, and peers. Each makes a picture and tells what it took."""
import glob
import hashlib
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time

import numpy as np
from PIL import Image


def file_digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Build:
    """A build of rtool, given as `LABEL=PATH [OPTIONS]`."""

    def __init__(self, words):
        self.label, _, command = words.partition("=")
        self.words = shlex.split(command)
        if not self.label or "/" in self.label or not self.words or not os.access(self.words[0], os.X_OK):
            sys.exit(f"--rtool {words}: give a label and a program, as in 'after=.build/release/rtool --preset fast'")
        plugins = glob.glob(os.path.join(os.path.dirname(os.path.abspath(self.words[0])), "librtool-*.so"))
        self.key = [*map(file_digest, [self.words[0], *sorted(plugins)]), *self.words[1:]]

    def make(self, output, task, *words):
        """Runs a task; wall and processor seconds of the whole process."""
        command = [self.words[0], task, *map(str, words), "-o", output, "--quiet", *self.words[1:]]
        with tempfile.TemporaryFile() as errors:
            start = time.perf_counter()
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors)
            _, status, usage = os.wait4(process.pid, 0)
            wall = time.perf_counter() - start
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                errors.seek(0)
                sys.exit(f"{shlex.join(command)} ended with {process.returncode}: "
                         + errors.read().decode(errors="replace").strip())
        return {"wall": wall, "processor": usage.ru_utime + usage.ru_stime}


class Peer:
    """A function of another program's library; what it takes is told without loading the library and the files."""

    def __init__(self, label, function, version=""):
        self.label, self.function, self.key = label, function, [label, version]

    def make(self, output, *inputs):
        wall, processor = time.perf_counter(), time.process_time()
        pixels = self.function(*inputs)
        taken = {"wall": time.perf_counter() - wall, "processor": time.process_time() - processor}
        Image.fromarray(pixels).save(output, compress_level=3)
        return taken


def picture(program, output, inputs, make, again):
    """The pixels that a program makes, and what it took. A picture that it made before from the same is not made again.

    `inputs` are arrays and words on which it depends, besides the program.
    """
    key = hashlib.sha256(repr(program.key).encode())
    for value in inputs:
        key.update(value.tobytes() if isinstance(value, np.ndarray) else repr(value).encode())
    os.makedirs(os.path.dirname(output), exist_ok=True)
    note = output + ".json"
    try:
        with open(note) as file:
            taken = json.load(file)
        fresh = again or taken.pop("key") != key.hexdigest() or not os.path.exists(output)
    except (OSError, ValueError):
        fresh = True
    if fresh:
        taken = make()
        with open(note, "w") as file:
            json.dump({**taken, "key": key.hexdigest()}, file)
    with Image.open(output) as image:
        return np.asarray(image.convert("RGB")), taken


def inpainting_peers(names, seed):
    """Peers that fill holes: functions of pixels and a mask."""
    made = []
    for name in names:
        if name in ("telea", "ns"):
            import cv2
            method = {"telea": cv2.INPAINT_TELEA, "ns": cv2.INPAINT_NS}[name]
            made.append(Peer(name, lambda pixels, mask, method=method: cv2.inpaint(
                np.ascontiguousarray(pixels), mask.astype(np.uint8) * 255, 3, method), cv2.__version__))
        elif name == "patchmatch":
            import patchmatch

            def fill(pixels, mask):
                patchmatch.set_random_seed(seed)
                return patchmatch.inpaint(np.ascontiguousarray(pixels), mask.astype(np.uint8) * 255)

            made.append(Peer(name, fill, f"{patchmatch.__version__} {seed}"))
        else:
            sys.exit(f"--peers {name}: telea, ns and patchmatch are known")
    return made
