"""Sheets of pictures side by side, pixel for pixel, with their names."""
import numpy as np
from PIL import Image, ImageDraw

GAP, LINE = 6, 14


def window(mask, height, width, side):
    """The rows and columns of a square of a photo in whose middle as much of the mask lies as can be."""
    side_y, side_x = min(side, height), min(side, width)
    # Sums over all squares, by an integral image.
    sums = np.pad(mask.astype(np.int64), ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    inner_y, inner_x = max(1, side_y * 3 // 4), max(1, side_x * 3 // 4)
    counts = (sums[inner_y:, inner_x:] - sums[:-inner_y, inner_x:] - sums[inner_y:, :-inner_x]
              + sums[:-inner_y, :-inner_x])
    best = np.argwhere(counts == counts.max())
    y, x = best[len(best) // 2] + np.array([inner_y, inner_x]) // 2
    top = int(np.clip(y - side_y // 2, 0, height - side_y))
    left = int(np.clip(x - side_x // 2, 0, width - side_x))
    return slice(top, top + side_y), slice(left, left + side_x)


def with_hole(pixels, mask):
    """The photo with its hole in one colour."""
    shown = pixels.copy()
    shown[mask] = (255, 0, 255)
    return shown


def write_sheets(path, rows, rows_each=6):
    """Writes sheets `path` with a number and .png: of each row its name and pictures [(label, pixels)]."""
    for first in range(0, len(rows), rows_each):
        part = rows[first:first + rows_each]
        wide = max(sum(p.shape[1] + GAP for _, p in pictures) for _, pictures in part) + GAP
        high = sum(max(p.shape[0] for _, p in pictures) + 2 * LINE + GAP for _, pictures in part) + GAP
        sheet = Image.new("RGB", (wide, high), (255, 255, 255))
        draw, y = ImageDraw.Draw(sheet), GAP
        for name, pictures in part:
            draw.text((GAP, y), name, fill=(0, 0, 0))
            x = GAP
            for label, pixels in pictures:
                draw.text((x, y + LINE), label, fill=(90, 90, 90))
                sheet.paste(Image.fromarray(pixels), (x, y + 2 * LINE))
                x += pixels.shape[1] + GAP
            y += max(p.shape[0] for _, p in pictures) + 2 * LINE + GAP
        sheet.save(f"{path}-{first // rows_each + 1:02}.png")
