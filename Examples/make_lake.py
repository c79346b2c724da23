#!/usr/bin/env python3
"""Render the sample photo `lake.jpg` and its mask `lake-mask.png`.

The picture is entirely synthetic, made from nothing but this script and a random seed:
a mountain lake in low evening sun with a power line in front of it.  White pixels of
the mask cover the power line (poles, cross-arms, insulators, wires), a little dilated.

    python make_lake.py [--out DIR] [--scale 1.0] [--seed 7] [--clean]

--clean leaves the power line out (what a perfect removal would give); --scale makes
smaller drafts.  Needs numpy, scipy and Pillow; takes about half a minute.

River erosion shapes a heightfield, drawn column by column; a second pass from the camera
mirrored in the water gives the reflection.  Conifers are sprites, clouds are marched through
warped noise, the meadow is drawn blade by blade.  Light is linear up to the final film curve.
Lengths are metres: x to the right, y up from the water, z ahead.
"""
import argparse
import functools
import os
import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage as ndi

ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
ap.add_argument("--clean", action="store_true")
for flag, default in (("--out", "."), ("--scale", 1.0), ("--seed", 7)):
    ap.add_argument(flag, type=type(default), default=default)
args = ap.parse_args()

SS = 2                                              # supersampling factor
W0, H0 = int(1200 * args.scale), int(800 * args.scale)
W, H = W0 * SS, H0 * SS
PX = W / 1200                                       # rendered pixels per nominal pixel
F, HOR, CAM = 1287 * PX, 500 * PX, 5.0              # focal length, horizon row, eye height
SUN = np.array([-0.80, 0.30, -0.46]) / np.linalg.norm([-0.80, 0.30, -0.46])     # left, low, behind us
SUNC, AMB = np.array([3.3, 2.30, 1.32]), np.array([0.20, 0.265, 0.40])
rng, f32 = np.random.default_rng(args.seed), np.float32

def rgb(*v):
    return np.array(v)

def smooth(a, b, x):
    t = np.clip((x - a) / (b - a), 0, 1)
    return t * t * (3 - 2 * t)

def mix(a, b, t):
    t = t[..., None] if np.ndim(b) == 1 and np.ndim(t) else t   # scalar field blending colours
    return a + (b - a) * t

def spectral(n, beta, lo):
    """Tileable fractal noise, zero mean, unit variance."""
    k = np.hypot(np.fft.fftfreq(n)[:, None], np.fft.rfftfreq(n)[None]) * n
    amp = np.where(k >= lo, np.maximum(k, 1) ** (-beta / 2 - 0.5), 0)
    t = np.fft.irfft2(amp * np.exp(2j * np.pi * rng.random(k.shape)), s=(n, n))
    return ((t - t.mean()) / t.std()).astype(f32)

ROUGH, SOFT = spectral(1024, 2.0, 4), spectral(1024, 2.9, 3)
RIPPLE = ndi.gaussian_filter(spectral(1024, 0.6, 24), 1.2, mode="wrap") * 2.4

def tex(t, x, z, size):
    """Look up a noise tile that repeats every `size` metres."""
    c = np.array([np.ravel(z), np.ravel(x)]) * (t.shape[0] / size)
    return ndi.map_coordinates(t, c, order=1, mode="grid-wrap").reshape(np.shape(x))

def gradient(t):
    return [(np.roll(t, -1, a) - np.roll(t, 1, a)) * 0.5 for a in (1, 0)]

N, EXT, X0 = 2048, 10000.0, -5000.0                 # terrain grid: cells, extent, left edge
CELL = EXT / N

def erode(uplift, outlet, cell, steps=70):
    """Steady state of uplift against rivers (slope ~ uplift / area drained^0.42) and creep."""
    n, ids = uplift.shape[0], np.arange(uplift.size).reshape(uplift.shape)
    h = ndi.distance_transform_edt(~outlet) * cell * 0.4 + rng.random((n, n)) * 15
    for _ in range(steps):
        h[outlet] = 0
        best, rec, dist, low = np.zeros((n, n)), ids.copy(), np.full((n, n), cell), np.full((n, n), np.inf)
        for d in ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)):
            nb, run = np.roll(h, d, (0, 1)), cell * np.hypot(*d)
            better = (h - nb) / run > best          # water goes to the steepest neighbour
            best[better], dist[better] = ((h - nb) / run)[better], run
            rec[better], low = np.roll(ids, d, (0, 1))[better], np.minimum(low, nb)
        rec[outlet] = ids[outlet]
        pit, rec, root = (rec == ids) & ~outlet, rec.ravel(), (rec == ids).ravel()
        area, jump, live = np.ones(n * n), rec, ~root
        for _ in range(10):                         # sums along the rivers by pointer doubling
            area = area + np.bincount(jump[live], area[live], n * n)
            live, jump = live & ~root[jump], jump[jump]
        slope = np.minimum(6.0 * uplift.ravel() / area ** 0.42, 1.0)
        rise, jump = np.where(root, 0, slope * dist.ravel()), rec
        for _ in range(10):
            rise, jump = rise + rise[jump], jump[jump]
        new = (rise + h.ravel()[jump]).reshape(n, n)
        h = ndi.gaussian_filter(np.where(pit, low + 1, 0.4 * h + 0.6 * new), 0.65)
    return h

def shoreline(x, z):
    return 900 + 160 * tex(SOFT, x, z + 3000, 4000) - 0.25 * np.abs(x)

def make_terrain(n=400):
    x, z = np.meshgrid((np.arange(n) + 0.5) * (EXT / n) + X0, (np.arange(n) + 0.5) * (EXT / n))
    up = 0.25 + 0.10 * tex(SOFT, x, z, 7000)
    for cx, cz, top, rad in ((650, 4700, 1.0, 1100), (-1100, 6200, 1.0, 1300), (2300, 6300, 1.0, 1400),
                             (-1900, 3000, 0.7, 1000), (1900, 2800, 0.65, 900), (-3600, 6500, 1.0, 1700)):
        up = np.maximum(up, top * np.exp(-((x - cx) ** 2 + (z - cz) ** 2) / rad ** 2))
    inland = z - shoreline(x, z)
    outlet = (inland < 0) | (np.abs(x) > 4950) | (z > 9950)
    low = erode(up * smooth(-200, 1500, inland).clip(0.12) * np.exp(0.22 * ROUGH[:n, :n]), outlet, EXT / n)
    low = 1.28 * ndi.gaussian_filter(low, 0.9)
    low *= 0.62 + 0.38 * smooth(0, 900, low)
    x, z = np.meshgrid(*[(np.arange(N, dtype=f32) + 0.5) * f32(CELL) + f32(o) for o in (X0, 0)])
    at = [(v + 9 * tex(ROUGH, x + o, z, 2900)) * (n / EXT) - 0.5 for v, o in ((z, 0), (x - f32(X0), 500))]
    h = ndi.map_coordinates(low, at, order=3, mode="nearest").astype(f32)
    crags = 2.2 * (0.8 - np.abs(tex(ROUGH, x, z, 2100))) + 0.8 * (0.8 - np.abs(tex(ROUGH, z, x, 800)))
    h += crags * smooth(60, 400, h)
    inland = z - shoreline(x, z) - 14 * tex(ROUGH, x, z, 900)
    return np.where(inland > 8, np.maximum(h, 0.5 + 0.05 * inland.clip(0, 40)), -3).astype(f32)

def sun_shadow():
    """Soft shadows: walk the half-resolution grid towards the sun and keep the worst blocker."""
    g = GRID[::2, ::2]
    lit = np.ones_like(g)
    for i in range(1, 150):
        k = 1.2 * i * (1 + i / 90)
        blocker = ndi.shift(g, (-SUN[2] * k, -SUN[0] * k), order=1, mode="nearest", prefilter=False)
        soft = 0.024 * k * CELL
        lit = np.minimum(lit, 1 - smooth(-soft, soft + 4, blocker - g - SUN[1] * k * CELL * 2))
    return ndi.zoom(lit, 2, order=1).astype(f32)

def grid(t, x, z):
    c = np.array([np.ravel(z) / CELL - 0.5, (np.ravel(x) - X0) / CELL - 0.5])
    return ndi.map_coordinates(t, c, order=1, mode="nearest").reshape(np.shape(x))

def bank_distance(x, z):
    """Metres inland on the near bank (negative over the water)."""
    return (39 + 1.19 * x - z) / 1.55 + 1.6 * tex(SOFT, x, z, 90) + 0.35 * tex(ROUGH, x, z, 14)

def bank_height(x, z):
    d = bank_distance(x, z)
    up = 0.28 * smooth(0, 0.8, d) + 2.7 * (1 - np.exp(-np.maximum(d, 0) / 9)) + 0.10 * tex(SOFT, x, z, 30)
    return np.where(d > 0, up * smooth(0, 0.25, d), 0.16 * d)

def height(x, z):
    h, near, far = np.full(x.shape, -3, f32), z < 260, z > 300
    h[near] = bank_height(x[near], z[near])
    g = grid(GRID, x[far], z[far])
    h[far] = g + (g > 0) * tex(ROUGH, x[far], z[far], 210) * 1.6 * smooth(10, 250, g)
    return h

GRID = make_terrain()
GZ, GX = (g.astype(f32) for g in np.gradient(ndi.gaussian_filter(GRID, 0.7), CELL))
HOLLOW, LIT = (ndi.gaussian_filter(GRID, 9) - GRID).astype(f32), sun_shadow()   # hollow > 0 in gullies
Z, U = np.geomspace(4, 9900, 3400).astype(f32), ((np.arange(W) + 0.5 - W / 2) / F).astype(f32)
SLOPE = ((HOR - np.arange(H) - 0.5) / F).astype(f32)            # of the view ray, per row
WATER_Z = np.where(SLOPE < 0, CAM / np.maximum(-SLOPE, 1e-9), np.inf)[:, None]
PROFILE = np.concatenate([height(u[:, None] * Z, np.tile(Z, (u.size, 1))) for u in np.array_split(U, 16)])

def depth_map(cam):
    """Depth z of the first land hit for every pixel, inf where there is none."""
    out = np.full((H, W), np.inf, f32)
    for c in range(W):
        hidden = (PROFILE[c] <= 0) | ((cam < 0) & (Z < 280))    # mirrored eye: no near bank
        s = (np.where(hidden, -1e4, PROFILE[c]) - cam) / Z
        i = np.searchsorted(np.maximum.accumulate(s), SLOPE)
        ok = i < Z.size
        j, k = i[ok], np.maximum(i[ok] - 1, 0)
        t = np.clip((SLOPE[ok] - s[k]) / np.maximum(s[j] - s[k], 1e-9), 0, 1)
        out[ok, c] = Z[k] + (Z[j] - Z[k]) * t
    return out

def haze(col, y, z, u):
    """Aerial perspective: thin air everywhere, denser near the water, warmer to the left."""
    od = z / 22000 + np.maximum(z - 700, 0) / 15000 * np.exp(-np.maximum(y, 0) / 260)
    air = mix(rgb(0.475, 0.57, 0.72), rgb(0.93, 0.76, 0.59), 0.25 + 0.55 * smooth(0.45, -0.5, u))
    return air + (col - air) * np.exp(-od[..., None] * rgb(0.85, 1.0, 1.22))

def cloud_shade(x, z):
    return 0.35 + 0.65 * smooth(-1.3, 0.1, tex(SOFT, x + 900, z, 7000))

def forest(x, y, z, ny):
    n = tex(SOFT, x, z, 1500) * 0.5 + tex(ROUGH, x, z, 500) * 0.35
    return smooth(560, 330, y + 130 * n) * smooth(0.50, 0.66, ny) * smooth(-1.5, -0.6, n + 0.35 * (y < 60))

def shade_mountain(x, y, z):
    gx, gz, lit, hollow = (grid(t, x, z) for t in (GX, GZ, LIT, HOLLOW))
    for size, k, far in ((420, 1.2, 9e9), (130, 1.1, 6000), (45, 0.9, 2600)):   # fine relief
        for g, t in zip((gx, gz), gradient(ROUGH)):
            g += k * smooth(30, 300, y) * smooth(far, far * 0.4, z) * tex(t, x, z, size)
    ny = 1 / np.sqrt(1 + gx * gx + gz * gz)
    n1, n2, dip = tex(ROUGH, x, z, 900), tex(ROUGH, x + 31, z + 77, 140), y + 0.12 * x
    strata = np.sin((dip + 26 * n1) * 0.11) * 0.08 + np.sin((dip + 12 * n1) * 0.36) * 0.05
    col = rgb(0.16, 0.145, 0.132) * (1 + strata + 0.16 * n2)[:, None]
    col = mix(col, rgb(0.195, 0.15, 0.11), 0.5 * smooth(-0.6, 1.2, n1))
    grass = mix(rgb(0.105, 0.115, 0.035), rgb(0.20, 0.155, 0.055), smooth(-1.2, 1.2, n1 + 0.6 * n2))
    col = mix(col, grass, (smooth(0.62, 0.80, ny + 0.05 * n2) * smooth(980, 640, y + 90 * n1))[:, None])
    col = np.where((forest(x, y, z, ny) > 0.35)[:, None], rgb(0.030, 0.046, 0.020) * (1 + 0.35 * n2)[:, None], col)
    snow = smooth(500, 840, y + 70 * n1 + 6 * hollow) * smooth(0.51, 0.69, ny + 0.012 * hollow + 0.05 * n2)
    col = mix(col, rgb(0.80, 0.82, 0.86), snow)
    sun = np.clip(ny * (SUN[1] - gx * SUN[0] - gz * SUN[2]), 0, None) * lit * cloud_shade(x, z) + 0.05 * (1 - ny)
    ambient = np.clip(1 - 0.012 * hollow, 0.45, 1.25) * (0.55 + 0.45 * ny)
    return col * (SUNC * sun[:, None] + AMB * ambient[:, None])

def sky(rows, cols):
    """Gradient and a cloud deck, marched from its flat base upwards."""
    s, u = (HOR - rows) / F, (cols - W / 2) / F
    base = mix(rgb(0.80, 0.74, 0.66), rgb(1.12, 0.84, 0.58), smooth(0.5, -0.6, u))
    base = mix(base, rgb(0.17, 0.31, 0.58), np.clip(s / 0.42, 0, 1) ** 0.62)
    trans, glow = np.ones(s.shape, f32), np.zeros(s.shape + (3,), f32)
    for a in (np.arange(20) + 0.5) / 20:
        d = 1500 * (1 + 0.22 * a) / np.maximum(s, 0.012)

        def density(x, z):
            x, z = x + 700 * tex(SOFT, x, z, 19000), z + 700 * tex(SOFT, x + 7000, z, 19000)
            return (tex(SOFT, x, z, 30000) + 0.40 * tex(SOFT, x + 1400 * a, z - 900 * a, 8300)
                    + 0.17 * tex(ROUGH, x - 700 * a, z + 800 * a, 9000))
        thr = -0.05 + 1.5 * abs(a - 0.3) ** 1.5
        dark = smooth(thr - 0.4, thr + 1.5, density(u * d + SUN[0] * 420, d + SUN[2] * 420)) * (1 - 0.5 * a)
        alpha = 1 - np.exp(-0.34 * smooth(thr, thr + 1.0, density(u * d, d)))
        glow += (trans * alpha)[..., None] * mix(rgb(1.42, 1.16, 0.90), rgb(0.47, 0.49, 0.57), dark)
        trans *= 1 - alpha
    return base + smooth(0.015, 0.16, s)[..., None] * (glow - base * (1 - trans[..., None]))

@functools.lru_cache(None)
def conifer(kind, px=None):
    """A tree as (alpha, light), at full size or `px` high; light is brighter on the left."""
    if px:
        small = [i.resize((max(px // 2, 2), px), Image.LANCZOS) for i in conifer(kind)]
        return [np.asarray(i, f32)[..., None] / 255 for i in small]
    r, h, w = np.random.default_rng(kind), 400, 200
    alpha, light = Image.new("L", (w, h)), Image.new("L", (w, h), 60)
    draws, width = [ImageDraw.Draw(i) for i in (alpha, light)], r.uniform(40, 64)
    draws[0].line([(w / 2, 4), (w / 2, h)], fill=255, width=5)
    for t in np.sort(r.random(560) ** 0.75)[::-1]:  # branches, lowest first
        ang, y = r.uniform(-1, 1), 6 + t * (h - 24)
        rad = width * t ** 0.85 * (0.72 + 0.28 * np.cos(t * 60 + kind)) * r.uniform(0.35, 1.0)
        tip = (w / 2 + rad * ang, y + rad * r.uniform(0.3, 0.5))
        v = int(np.clip(118 - 105 * ang * rad / width + r.normal(0, 26), 12, 255))
        for d, fill in zip(draws, (255, v)):
            d.line([(w / 2, y), tip], fill=fill, width=int(3 + 6 * t))
    return alpha, light

def plant(n=230000):
    """Positions, sizes, light and colours of all trees, far ones first."""
    z = -np.sort(-np.sqrt(rng.uniform(350 ** 2, 3600 ** 2, n)))
    x = z * rng.uniform(-0.5, 0.5, n)
    y, gx, gz = (grid(t, x, z) for t in (GRID, GX, GZ))
    density = forest(x, y, z, 1 / np.sqrt(1 + gx * gx + gz * gz)) * smooth(0.3, 2.5, y)
    keep = (y > 0.8) & (rng.random(n) < density)
    x, y, z = x[keep], y[keep], z[keep]
    size = (6 + 17 * rng.random(z.size) ** 1.4) * (0.9 + 0.22 * tex(ROUGH, x, z, 700)).clip(0.45)
    hue = (rng.random(z.size) + 0.35 * tex(SOFT, x, z, 600)).clip(0, 1)
    col = mix(rgb(0.022, 0.042, 0.018), rgb(0.060, 0.074, 0.022), hue)
    col = np.where((rng.random(z.size) < 0.01)[:, None], rgb(0.15, 0.11, 0.03), col)
    return x, y, z, size, grid(LIT, x, z) * cloud_shade(x, z), col

def draw_trees(img, depth, cam, trees):
    x, y, z, size, lit, col = trees
    black, amb, sun = (haze(c, y, z, x / z) for c in (col * 0, col * AMB * 0.9, col * lit[:, None] * SUNC))
    levels = np.unique((4 * 1.12 ** np.arange(34)).astype(int))
    px = levels[np.searchsorted(levels, F * size / z).clip(0, levels.size - 1)]
    bottom = np.round(HOR - F * (y - 1 - cam) / z).astype(int)
    left = np.round(W / 2 + F * x / z - px / 4).astype(int)
    for i in range(z.size):
        alpha, light = conifer(i % 10, int(px[i]))
        a, b, top = max(0, -left[i]), min(alpha.shape[1], W - left[i]), bottom[i] - px[i]
        if b > a and top >= 0 and bottom[i] <= H:
            at = np.s_[top:bottom[i], left[i] + a:left[i] + b]
            m, g = alpha[:, a:b] * (depth[at] > z[i] - 14)[..., None], light[:, a:b]
            img[at] += m * (black[i] + (amb[i] - black[i]) * (0.5 + g) + (sun[i] - black[i]) * g * 1.5 - img[at])

def draw_land(img, depth, mask, cam):
    r, c = np.nonzero(mask & np.isfinite(depth))
    z, u = depth[r, c].astype(float), U[c].astype(float)
    x, y, far, col = u * z, cam + SLOPE[r] * z, z > 280, np.empty((z.size, 3))
    col[far] = haze(shade_mountain(x[far], y[far], z[far]), y[far], z[far], u[far])
    col[~far] = rgb(0.08, 0.072, 0.032) * (SUNC * 0.3 + AMB) * (1 + 0.4 * tex(ROUGH, x[~far], z[~far], 9))[:, None]
    img[r, c] = col

def draw_water(img, mirror, mask, taps=10):
    """Reflection disturbed by ripples, averaged over each pixel's stretch of water."""
    r, c = np.nonzero(mask)
    s, z = -SLOPE[r].astype(float), WATER_Z[r, 0].astype(float)
    x, foot, out = U[c] * z, z * z / (CAM * F), np.zeros((r.size, 3))
    wind = 0.22 + smooth(-0.3, 1.3, tex(SOFT, x, z * 0.35, 420) + 0.3 * tex(SOFT, x, z, 90))
    for k in range(taps):
        nx, nz = np.zeros(z.size), np.zeros(z.size)
        for size, amp in ((330, 0.010), (120, 0.008), (37, 0.007), (12, 0.005)):
            at, lod = (x * 0.6, z + foot * (k / taps - 0.5), size), 1 / (1 + (foot / taps / size * 170) ** 2)
            rx, rz = (tex(t, *at) for t in gradient(RIPPLE))
            nx += amp * wind * lod * rx
            nz += amp * wind * (2 * lod * rz + 0.42 * (1 - lod) ** 0.5 * rng.normal(0, 1, z.size))
        row = np.clip(HOR - F * (np.abs(s + 2 * nz) + 0.001), 0, HOR - 1).astype(int)
        column = np.clip(c + F * 0.5 * nx, 0, W - 1).astype(int)
        fresnel = 0.02 + 0.98 * (1 - np.clip(s + nz, 0.004, 1))[:, None] ** 5
        out += mix(rgb(0.018, 0.045, 0.050), mirror[row, column] * 0.93, fresnel) / taps
    img[r, c] = haze(out, 0 * z, z * 0.6, U[c])

def grass(img, znear, zfar, n, seed):
    """Blades between two depths, drawn far to near as two-part polygons, and some flowers."""
    r = np.random.default_rng(seed)
    z = np.sort(1 / r.uniform(1 / zfar, 1 / znear, n))[::-1]
    x = z * r.uniform(-0.52, 0.52, n)
    keep = r.random(n) < smooth(0.3, 1.5, bank_distance(x, z) + 0.5 * tex(ROUGH, x, z, 11))
    x, z, n = x[keep], z[keep], keep.sum()
    clump, patch = tex(ROUGH, x, z, 11), tex(SOFT, x, z, 40) + 0.5 * tex(ROUGH, x, z, 11)
    tall = (0.20 + 0.10 * clump + 0.05 * patch).clip(0.07) * r.uniform(0.5, 1.5, n)
    tall *= smooth(-0.4, 2.5, bank_distance(x, z)).clip(0.3)
    half = np.maximum(r.uniform(0.0025, 0.006, n) * F / z, 0.45 * PX) * 0.55
    dry = smooth(-0.5, 2.0, patch + r.normal(0, 0.7, n))
    tip = mix(rgb(0.085, 0.120, 0.024), rgb(0.30, 0.225, 0.088), dry) * r.uniform(0.55, 1.35, (n, 1))
    sun = SUNC * (0.45 + 0.55 * smooth(-0.8, 0.5, tex(SOFT, x, z * 0.6, 60)))[:, None]
    flower = r.random(n) < 0.006 * smooth(0.2, 1.2, tex(SOFT, x + 50, z, 25))
    code = lambda v: (np.sqrt(v.clip(0, 4) / 4) * 255).astype(np.uint8)         # 8 bits to draw in
    top, low, before = code(tip * (0.62 * sun + AMB)), code(tip * (0.16 * sun + 0.6 * AMB)), code(img)
    px, py = W / 2 + F * x / z, HOR - F * (bank_height(x, z) - 0.02 - CAM) / z
    ux, uy = F * r.normal(0.25, 0.55, n) * tall / z, -F * tall / z
    im = Image.fromarray(before)
    dr = ImageDraw.Draw(im)
    for i in range(n):
        a, b, w, v = px[i], py[i], half[i], half[i] * 0.8
        mx, my, ex, ey = a + 0.3 * ux[i], b + 0.6 * uy[i], a + ux[i], b + uy[i]
        dr.polygon([(a - w, b), (a + w, b), (mx + v, my), (mx - v, my)], fill=tuple(low[i].tolist()))
        dr.polygon([(mx - v, my), (mx + v, my), (ex, ey)], fill=tuple(top[i].tolist()))
        if flower[i]:
            q = max(0.02 * F / z[i], 0.8)
            dr.ellipse([ex - q, ey - q * .7, ex + q, ey + q * .7], fill=(205, 190, 160) if i % 3 else (210, 165, 40))
    drawn = np.any(np.asarray(im) != before, axis=-1)
    img[drawn] = (np.asarray(im, f32)[drawn] / 255) ** 2 * 4

def rod(img, mask, a, b, wa, wb, albedo, grain=0.0):
    """Shaded tapered rod between world points a and b (radii wa, wb); its coverage goes to mask."""
    if min(a[2], b[2]) < 1:
        return
    p, q = (np.array([W / 2 + F * v[0] / v[2], HOR - F * (v[1] - CAM) / v[2]]) for v in (a, b))
    ra, rb = (max(w * F / v[2], 0.42 * SS * PX) for w, v in ((wa, a), (wb, b)))
    lo = np.floor(np.minimum(p, q) - max(ra, rb) - 2).astype(int).clip(0)
    hi = np.minimum(np.ceil(np.maximum(p, q) + max(ra, rb) + 2).astype(int), [W, H])
    if np.any(hi <= lo):
        return
    xx, yy = np.meshgrid(np.arange(lo[0], hi[0]) + 0.5 - p[0], np.arange(lo[1], hi[1]) + 0.5 - p[1])
    length = np.hypot(*(q - p)) + 1e-6
    d = (q - p) / length
    t, side = xx * d[0] + yy * d[1], xx * d[1] - yy * d[0]
    rad = mix(ra, rb, np.clip(t / length, 0, 1))
    cover = np.clip(rad - np.abs(side) + 0.5, 0, 1) * np.clip(t + 1, 0, 1) * np.clip(length - t + 1, 0, 1)
    e = np.clip(side / rad, -1, 1) * (-1 if d[1] > 0 else 1)    # -1: the edge facing the sun
    lam = np.clip(-e * 0.80 + np.sqrt(1 - e * e) * 0.46, 0, 1)[..., None]
    streaks = tex(ROUGH, side / rad * 3, t * 0.02, 60) + tex(ROUGH, side / rad * 9 + 5, t * 0.01, 30)
    at = np.s_[lo[1]:hi[1], lo[0]:hi[0]]
    col = rgb(*albedo) * (1 + grain * 0.5 * streaks)[..., None] * (SUNC * lam + AMB)
    img[at] = mix(img[at], col, cover[..., None])
    mask[at] = np.maximum(mask[at], cover)

def pole_point(k, side, up):
    """World point at pole k (1 and 2 are in the picture), `side` along its arm, `up` its height."""
    x, z = -6.0 + 24.0 * (k - 1), 24.0 + 31.0 * (k - 1)
    ground = float(bank_height(rgb(x), rgb(z))[0]) if k in (1, 2) else 1.0
    return np.array([x + side * 0.79, ground + up, z - side * 0.61])

def pole(img, mask, k):
    at, iron, glass = functools.partial(pole_point, k), (0.09, 0.085, 0.08), (0.42, 0.40, 0.36)
    rod(img, mask, at(0, -0.15), at(0, 9.3), 0.15, 0.105, (0.20, 0.15, 0.11), 0.22)
    for s in (-1, 1):
        rod(img, mask, at(0.62 * s, 8.62), at(0.04 * s, 7.9), 0.022, 0.022, iron)
    rod(img, mask, at(-1.15, 8.66), at(1.15, 8.66), 0.075, 0.075, (0.17, 0.13, 0.10), 0.2)
    for s in (-1.0, 0.55, 1.0):
        for y0, y1, w, col in ((8.70, 8.84, 0.02, iron), (8.82, 8.90, 0.065, glass), (8.90, 8.97, 0.04, glass)):
            rod(img, mask, at(s, y0), at(s, y1), w, w, col)

def wires(img, mask, k):
    for s in (-1.0, 0.55, 1.0):
        a, b, t = pole_point(k, s, 8.93), pole_point(k + 1, s, 8.93), np.linspace(0, 1, 90)[:, None]
        pts = a + (b - a) * t - rgb(0, 3.0, 0) * t * (1 - t)
        for p, q in zip(pts[:-1], pts[1:]):
            rod(img, mask, p, q, 0.011, 0.011, (0.035, 0.035, 0.04))

def develop(img):
    """Bloom, vignette, film curve, sRGB, grain."""
    img = img.reshape(H0, SS, W0, SS, 3).mean((1, 3))
    img = img + 0.10 * ndi.gaussian_filter(np.maximum(img - 0.8, 0), (14 * args.scale, 14 * args.scale, 0))
    yy, xx = np.mgrid[0:H0, 0:W0] / W0
    v = img * (1.06 - 0.72 * ((xx - 0.5) ** 2 + (yy - 0.5 * H0 / W0) ** 2))[..., None]
    v = v * mix(0.72, 1.0, smooth(0.0, 0.45, v))
    v = v * (2.51 * v + 0.03) / (v * (2.43 * v + 0.59) + 0.14)  # filmic curve (Narkowicz)
    v = np.where(v <= 0.0031308, 12.92 * v, 1.055 * np.maximum(v, 0.0031308) ** (1 / 2.4) - 0.055)
    grain = ndi.gaussian_filter(rng.normal(0, 1, (H0, W0, 1)), (0.55, 0.55, 0)) + 0.35 * rng.normal(0, 1, (H0, W0, 3))
    return Image.fromarray((np.clip(v + 0.010 * grain, 0, 1) * 255 + 0.5).astype(np.uint8))

def main():
    img, mask, top = np.zeros((H, W, 3), f32), np.zeros((H, W), f32), int(HOR)
    rows, cols = np.mgrid[1:top:2, 1:W:2]           # the sky is soft: half resolution will do
    img[:top] = ndi.gaussian_filter(np.kron(sky(rows, cols), np.ones((2, 2, 1), f32)), (1, 1, 0))
    mirror, trees = img.copy(), plant()
    depth, mdepth = depth_map(CAM), depth_map(-CAM)
    draw_land(mirror, mdepth, np.arange(H)[:, None] < HOR, -CAM)
    draw_trees(mirror, mdepth, -CAM, trees)
    draw_land(img, depth, depth <= WATER_Z, CAM)
    draw_trees(img, np.minimum(depth, WATER_Z), CAM, trees)
    draw_water(img, mirror, depth > WATER_Z)
    for k, znear, zfar, blades in ((2, 55, 110, 60000), (1, 24, 55, 60000), (0, 5.5, 24, 90000)):
        grass(img, znear, zfar, blades, 3 - k)
        if not args.clean:
            wires(img, mask, k)
            if k:
                pole(img, mask, k)
    os.makedirs(args.out, exist_ok=True)
    name = os.path.join(args.out, "lake-clean.jpg" if args.clean else "lake.jpg")
    develop(img).save(name, quality=90, subsampling=0, optimize=True)
    if not args.clean:
        covered = mask.reshape(H0, SS, W0, SS).max((1, 3)) > 0.02
        covered = ndi.binary_dilation(covered, np.ones((3, 3)), iterations=2)
        Image.fromarray((covered * 255).astype(np.uint8)).save(os.path.join(args.out, "lake-mask.png"), optimize=True)

if __name__ == "__main__":
    main()
