"""Holes drawn from a seed: a photo's name, the kind and the seed decide them, nothing else."""
import numpy as np

from sets import digest

KINDS = ("thin", "scratches", "specks", "disc", "rectangle", "blob", "compact")


def hole(kind, height, width, name, seed, share=0.03):
    """A mask: height, width of booleans, true where the photo is to be filled.

    thin: scratches and specks together; compact: a disc, a rectangle or a blob. `share` is that of the photo's pixels
    in a compact hole.
    """
    random = np.random.default_rng(digest("hole", kind, name, seed))
    mask = np.zeros((height, width), bool)
    if kind in ("thin", "scratches"):
        for _ in range(4):
            scratch(mask, random)
    if kind in ("thin", "specks"):
        for _ in range(30):
            speck(mask, random)
    if kind == "compact":
        kind = ("disc", "rectangle", "blob")[random.integers(3)]
    if kind in ("disc", "rectangle", "blob"):
        compact(mask, random, kind, share)
    return mask


def unit(mask):
    """How many pixels of this photo one of a photo of 500 is, at least one."""
    return max(1, max(mask.shape) / 500)


def stamp(mask, x, y, radius):
    """Marks the pixels whose centres lie within the radius of a point."""
    top, bottom = max(0, int(y - radius)), min(mask.shape[0], int(y + radius) + 2)
    left, right = max(0, int(x - radius)), min(mask.shape[1], int(x + radius) + 2)
    ys, xs = np.mgrid[top:bottom, left:right]
    mask[top:bottom, left:right] |= (xs - x) ** 2 + (ys - y) ** 2 <= radius ** 2


def scratch(mask, random):
    """A line of 1 to 4 pixels' width, bent a little, a third to the whole of the photo's longer side in length."""
    height, width = mask.shape
    x, y = random.uniform(0, width), random.uniform(0, height)
    angle, bend = random.uniform(0, 2 * np.pi), random.normal(0, 0.6) / max(mask.shape)
    radius = random.uniform(0.6, 2) * unit(mask)
    for _ in range(int(2 * random.uniform(0.33, 1) * max(mask.shape))):
        stamp(mask, x, y, radius)
        angle += 0.5 * bend + random.normal(0, 0.01)
        x, y = x + 0.5 * np.cos(angle), y + 0.5 * np.sin(angle)
        if not (0 <= x < width and 0 <= y < height):
            angle += np.pi / 2
            x, y = np.clip(x, 0, width - 1), np.clip(y, 0, height - 1)


def speck(mask, random):
    stamp(mask, random.uniform(0, mask.shape[1]), random.uniform(0, mask.shape[0]),
          random.uniform(0.8, 3.5) * unit(mask))


def compact(mask, random, kind, share):
    """A hole in one piece that keeps away from the photo's border where there is room."""
    height, width = mask.shape
    aspect = np.exp(random.uniform(-0.5, 0.5)) if kind != "disc" else 1
    turns = np.arange(2, 6)
    waves, phases = random.normal(0, 0.35, 4) / turns, random.uniform(0, 2 * np.pi, 4)
    where = random.uniform(0, 1, 2)
    area = share * height * width

    def shape(size):
        if kind == "rectangle":
            reach_y, reach_x = 0.5 * size * aspect ** 0.5, 0.5 * size / aspect ** 0.5
        else:
            reach_y = reach_x = size * (1 + np.abs(waves).sum() if kind == "blob" else 1)
        reach = np.minimum((reach_y, reach_x), (0.5 * height, 0.5 * width))
        margin = np.minimum(reach + 0.04 * min(height, width), (0.5 * height, 0.5 * width))
        cy, cx = margin + where * (np.array([height, width]) - 2 * margin)
        ys, xs = np.mgrid[0:height, 0:width] - np.array([cy, cx]).reshape(2, 1, 1) + 0.5
        if kind == "rectangle":
            return (np.abs(ys) <= reach_y) & (np.abs(xs) <= reach_x)
        radius = np.full(ys.shape, float(size))
        if kind == "blob":
            angle = np.arctan2(ys, xs)
            radius *= 1 + sum(a * np.cos(n * angle + p) for a, n, p in zip(waves, turns, phases))
        return ys ** 2 + xs ** 2 <= np.maximum(radius, 0.3 * size) ** 2

    low, high = 1.0, float(height + width)
    for _ in range(30):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if shape(middle).sum() < area else (low, middle)
    mask |= shape(high)
