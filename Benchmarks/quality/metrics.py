"""Measures of pictures against the truth. Pixels are height, width, 3 of values from 0 to 255."""
import cv2
import numpy as np


def luma(pixels):
    """Rec. 601 luma of full range, 0 to 255."""
    return pixels.astype(np.float64) @ np.array([0.299, 0.587, 0.114])


def studio_luma(pixels):
    """Rec. 601 luma of studio range, 16 to 235, not rounded."""
    return 16 + pixels.astype(np.float64) @ np.array([65.481, 128.553, 24.966]) / 255


def psnr(a, b):
    """Peak signal to noise ratio in dB, at most 100."""
    error = np.mean((np.asarray(a, np.float64) - np.asarray(b, np.float64)) ** 2)
    return float(min(100, 10 * np.log10(255 ** 2 / max(error, 1e-10))))


def ssim_map(a, b):
    """Structural similarity of two planes with a Gaussian window of 11 pixels, sigma 1.5."""
    def smooth(plane):
        return cv2.GaussianBlur(plane, (11, 11), 1.5, borderType=cv2.BORDER_REFLECT)

    a, b = a.astype(np.float64), b.astype(np.float64)
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    ma, mb = smooth(a), smooth(b)
    va, vb, covariance = smooth(a * a) - ma * ma, smooth(b * b) - mb * mb, smooth(a * b) - ma * mb
    return (2 * ma * mb + c1) * (2 * covariance + c2) / ((ma * ma + mb * mb + c1) * (va + vb + c2))


def ssim(a, b):
    """Mean structural similarity over the positions at which the whole window lies in the planes."""
    return float(ssim_map(a, b)[5:-5, 5:-5].mean())


def laplacian(plane):
    return cv2.Laplacian(plane.astype(np.float64), cv2.CV_64F, ksize=1, borderType=cv2.BORDER_REFLECT)


def laplacian_ratio(fill, truth, mask, power):
    """Mean of the luma's Laplacian in the hole, to this power, over the truth's; the root of it for a power of 2."""
    means = [np.mean(np.abs(laplacian(luma(pixels))[mask]) ** power) ** (1 / power) for pixels in (fill, truth)]
    return float(means[0] / max(means[1], 0.5))


def seam(fill, truth, mask):
    """Mean absolute step of luma across the hole's border, over the truth's."""
    sums = []
    for pixels in (fill, truth):
        plane, total, count = luma(pixels), 0, 0
        for axis in (0, 1):
            across = np.diff(mask.astype(np.int8), axis=axis) != 0
            total += np.abs(np.diff(plane, axis=axis))[across].sum()
            count += across.sum()
        sums.append(total / max(count, 1))
    return float(sums[0] / max(sums[1], 0.5))


def features(pixels):
    """Responses of a fixed bank of filters, height, width, 36, rectified.

    First and second derivatives of a Gaussian (sigma 1) of luma in six directions each, first derivatives and the
    Laplacian of two differences of colour; the positive and the negative part of each.
    """
    r, g, b = (pixels[..., k].astype(np.float64) for k in range(3))
    found = []
    for plane, fine in (luma(pixels), True), (0.5 * (r - g), False), (0.5 * (0.5 * (r + g) - b), False):
        smooth = cv2.GaussianBlur(plane, (7, 7), 1, borderType=cv2.BORDER_REFLECT)
        slope = np.array([0.5, 0, -0.5])[::-1]
        bend, still = np.array([1.0, -2, 1]), np.array([0.0, 1, 0])
        dx, dy, dxx, dyy, dxy = (
            cv2.sepFilter2D(smooth, cv2.CV_64F, kx, ky, borderType=cv2.BORDER_REFLECT)
            for kx, ky in ((slope, still), (still, slope), (bend, still), (still, bend), (slope, slope)))
        if fine:
            for k in range(6):
                c, s = np.cos(np.pi * k / 6), np.sin(np.pi * k / 6)
                found += [c * dx + s * dy, c * c * dxx + 2 * c * s * dxy + s * s * dyy]
        else:
            found += [dx, dy, dxx + dyy]
    found = np.stack(found, -1)
    return np.concatenate([np.maximum(found, 0), np.maximum(-found, 0)], -1)


def gram_distance(fill, truth, mask, levels=3):
    """Distance of the Gram matrices of the features in the hole, relative to the truth's, the mean of three scales."""
    distances = []
    fill, truth, mask = fill.astype(np.float64), truth.astype(np.float64), mask.astype(np.uint8)
    for level in range(levels):
        inside = mask > 0
        grams = [np.einsum("ni,nj->ij", f, f) / len(f) for f in (features(p)[inside] for p in (fill, truth))]
        distances.append(np.linalg.norm(grams[0] - grams[1]) / (np.linalg.norm(grams[1]) + 1))
        if level < levels - 1:
            fill, truth = cv2.pyrDown(fill), cv2.pyrDown(truth)
            mask = cv2.dilate(mask, np.ones((2, 2), np.uint8))[::2, ::2]
    return float(np.mean(distances))


def nyquist_peak(picture, truth):
    """Energy at the Nyquist frequency over that at frequencies of 0.7 to 0.8 of it, where the truth is smooth.

    A picture without a grid of two pixels comes to 1 or less. Lines of 32 pixels are taken, in both directions, of the
    three of ten blocks in which the truth's luma varies least.
    """
    side = 32
    rows, columns = truth.shape[0] // side, truth.shape[1] // side
    if not rows or not columns:
        return None

    def blocks(plane):
        cut = plane[:rows * side, :columns * side]
        return cut.reshape(rows, side, columns, side).swapaxes(1, 2).reshape(-1, side, side)

    variance = blocks(truth).var((1, 2))
    smooth = blocks(picture)[variance <= np.quantile(variance, 0.3)]
    window = np.hanning(side + 1)[:side]
    power = 0
    for lines in (smooth, smooth.swapaxes(1, 2)):
        power = power + (np.abs(np.fft.rfft(lines * window, axis=-1)) ** 2).mean((0, 1))
    return float(power[16] / max(power[11:14].mean(), 1e-3))


def around(mask, room):
    """The rows and columns of a mask's bounding box with room around it."""
    ys, xs = np.nonzero(mask.any(1))[0], np.nonzero(mask.any(0))[0]
    return (slice(max(0, ys[0] - room), min(mask.shape[0], ys[-1] + 1 + room)),
            slice(max(0, xs[0] - room), min(mask.shape[1], xs[-1] + 1 + room)))


def inpainting(fill, truth, mask):
    """Figures of a fill. PSNR and Laplacian are those of the hole's pixels, SSIM the mean of windows around them."""
    part = around(mask, 32)
    fill, truth, mask = fill[part], truth[part], mask[part]
    return {
        "psnr": psnr(fill[mask], truth[mask]),
        "ssim": float(ssim_map(luma(fill), luma(truth))[mask].mean()),
        "laplacian": laplacian_ratio(fill, truth, mask, 1),
        "laplacian_rms": laplacian_ratio(fill, truth, mask, 2),
        "seam": seam(fill, truth, mask),
        "gram": gram_distance(fill, truth, mask),
    }
