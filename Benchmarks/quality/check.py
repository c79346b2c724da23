#!/usr/bin/env python3
"""Check the measures of this folder against known values."""
import numpy as np

import bicubic
import holes
import metrics


def check_bicubic():
    """The eight weights of Matlab's reduction by two, and ramps, which cubic convolution leaves ramps."""
    weights = bicubic.matrix(32, 16, 0.5)[8]
    known = np.array([-3, -9, 29, 111, 111, 29, -9, -3]) / 256
    assert np.allclose(weights[13:21], known) and np.allclose(np.delete(weights, range(13, 21)), 0)
    ramp = np.tile(np.arange(0, 240, 4)[:, None, None], (1, 60, 3)).astype(np.uint8)
    assert np.array_equal(bicubic.resize(ramp, 30, 30)[4:-4, 0, 0], 2 + np.arange(0, 240, 8)[4:-4])
    assert np.allclose(bicubic.matrix(20, 60, 3).sum(1), 1)


def check_holes():
    """Holes are the same in each run, others with another seed, and of the share that is asked for."""
    for kind in holes.KINDS:
        one, again, other = (holes.hole(kind, 240, 320, "a photo", seed) for seed in (1, 1, 2))
        assert np.array_equal(one, again) and not np.array_equal(one, other)
    for kind in ("disc", "rectangle", "blob"):
        for seed in range(10):
            mask = holes.hole(kind, 240, 320, "a photo", seed, 0.05)
            assert abs(mask.mean() - 0.05) < 0.003, (kind, seed, mask.mean())
    assert 0.003 < np.mean([holes.hole("thin", 240, 320, "a photo", seed).mean() for seed in range(10)]) < 0.06


def check_metrics():
    random = np.random.default_rng(1)
    truth = random.integers(0, 256, (96, 96, 3)).astype(np.uint8)
    mask = holes.hole("disc", 96, 96, "noise", 1, 0.2)
    same = metrics.inpainting(truth, truth, mask)
    assert same["psnr"] == 100 and same["gram"] == 0
    assert np.allclose([same[key] for key in ("ssim", "laplacian", "seam")], 1)
    off = np.clip(truth.astype(int) + 10, 0, 255)
    assert abs(metrics.psnr(np.full((9, 9), 10), np.zeros((9, 9))) - 28.1308) < 1e-3
    assert 0.9 < metrics.inpainting(off, truth, mask)["ssim"] < 1
    half = (truth * 0.5 + 64).astype(np.uint8)
    assert abs(metrics.inpainting(half, truth, mask)["laplacian"] - 0.5) < 0.01
    for value, known in ((0, 16), (255, 235)):
        assert abs(metrics.studio_luma(np.full((1, 1, 3), value, np.uint8))[0, 0] - known) < 1e-3
    noise = metrics.studio_luma(truth)
    grid = noise + 40 * (-1.0) ** np.arange(96)
    assert metrics.nyquist_peak(noise, noise) < 2 and metrics.nyquist_peak(grid, noise) > 5


check_bicubic()
check_holes()
check_metrics()
print("all measures agree with what is known")
