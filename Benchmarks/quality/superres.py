#!/usr/bin/env python3
"""Compare how builds of rtool and other programs enlarge photos that were reduced, against the truth.

  superres.py --set set5=photos/set5 --rtool before=old/rtool --rtool 'cubic=.build/release/rtool --measured cubic' \\
    --factors 2,4 --out results

Photos are cut to multiples of the factor and reduced as Matlab's imresize does it; --jpeg Q then compresses them, with
chroma at half the resolution. PSNR and SSIM are those of Rec. 601 luma of studio range, without a border as wide as the
factor. Nyquist is the energy of what alternates from pixel to pixel, over that of frequencies a little lower, where
the truth is smooth (a grid of two pixels shows as more than 1), and beside it the truth's. `back` is the PSNR of the
result, reduced again, against what was given.

In OUT: fills/LABEL/, the pictures; crops/KIND/LABEL/, parts of them, for pairs.py; sheets/; superres.jsonl.
"""
import os

import numpy as np
from PIL import Image

import bicubic
import metrics
import programs
import sets
import sheets

COLUMNS = [
    ("PSNR-Y", "psnr", sets.mean, ".2f"), ("SSIM-Y", "ssim", sets.mean, ".4f"),
    ("Laplace", "laplacian", sets.median, ".2f"), ("Nyquist", "nyquist", sets.mean, ".2f"),
    ("(truth)", "nyquist_truth", sets.mean, ".2f"), ("back", "back", sets.mean, ".1f"),
    ("cpu s", "processor", sets.mean, ".2f"), ("wall s", "wall", sets.mean, ".2f"),
]


def crop_of(truth, side):
    """The part of a photo that is shown: of squares half their side apart, one of the most lively tenth."""
    height, width = truth.shape[:2]
    side_y, side_x = min(side, height), min(side, width)
    energy = np.abs(metrics.laplacian(metrics.luma(truth)))
    tops, lefts = range(0, height - side_y + 1, max(1, side_y // 2)), range(0, width - side_x + 1, max(1, side_x // 2))
    found = sorted((energy[y:y + side_y, x:x + side_x].mean(), y, x) for y in tops for x in lefts)
    _, y, x = found[int(0.9 * (len(found) - 1))]
    return slice(y, y + side_y), slice(x, x + side_x)


def figures(pixels, truth, given, factor):
    part = slice(factor, -factor)
    y, true_y = (metrics.studio_luma(p) for p in (pixels, truth))
    everywhere = np.ones(truth.shape[:2], bool)
    return {
        "psnr": metrics.psnr(y[part, part], true_y[part, part]),
        "ssim": metrics.ssim(y[part, part], true_y[part, part]),
        "laplacian": metrics.laplacian_ratio(pixels, truth, everywhere, 1),
        "nyquist": metrics.nyquist_peak(y, true_y), "nyquist_truth": metrics.nyquist_peak(true_y, true_y),
        "back": metrics.psnr(bicubic.resize(pixels, *given.shape[:2]), given),
    }


def main():
    parser = sets.parser(__doc__)
    parser.add_argument("--peers", default="bicubic,lanczos",
                        help="of bicubic, lanczos and Real-ESRGAN's x4plus and animevideo; or none")
    parser.add_argument("--factors", default="2", help="of 2, 3, 4")
    parser.add_argument("--jpeg", type=int, metavar="Q", help="compress what is given at this quality")
    parser.add_argument("--side", type=int, default=200, help="of the crops in pixels")
    options = parser.parse_args()
    if options.factors.strip("234,") or not options.factors.strip(","):
        parser.error(f"--factors {options.factors}: 2, 3 and 4 are known")
    photos = sets.photos(options.set, options.half, options.limit)
    builds = [programs.Build(words) for words in options.rtool]
    peers = [] if options.peers == "none" else options.peers.split(",")
    for folder in ("input", "sheets"):
        os.makedirs(f"{options.out}/{folder}", exist_ok=True)

    records = sets.Records(f"{options.out}/superres.jsonl", COLUMNS)
    quality = f"-q{options.jpeg}" if options.jpeg else ""
    for factor in map(int, options.factors.split(",")):
        kind, shown = f"{factor}x{quality}", {}
        compared = builds + programs.enlarging_peers(peers, factor)
        for photo in photos:
            truth = photo.pixels()
            height, width = (n // factor for n in truth.shape[:2])
            truth = truth[:height * factor, :width * factor]
            image = os.path.abspath(f"{options.out}/input/{photo.label}-{kind}{'.jpg' if options.jpeg else '.png'}")
            small = Image.fromarray(bicubic.resize(truth, height, width))
            if options.jpeg:
                small.save(image, quality=options.jpeg, subsampling="4:2:0")
            else:
                small.save(image, compress_level=3)
            with Image.open(image) as file:
                given = np.asarray(file.convert("RGB"))
            part = crop_of(truth, options.side)
            row = [("truth", truth[part]),
                   ("given", given.repeat(factor, 0).repeat(factor, 1)[part])]
            for program in compared:
                output = os.path.abspath(f"{options.out}/fills/{program.label}/{photo.label}-{kind}.png")

                def make():
                    if isinstance(program, programs.Build):
                        return program.make(output, "superres", image, "--factor", factor)
                    return program.make(output, given, *truth.shape[:2])

                pixels, taken = programs.picture(program, output, [given, factor], make, options.again)
                found = figures(pixels, truth, given, factor)
                records.add(set=photo.set, photo=photo.name, half=sets.half(photo.name), kind=kind,
                            program=program.label, **found, **taken)
                row.append((f"{program.label} {found['psnr']:.2f} dB", pixels[part]))
            for label, pixels in row:
                crop = f"{options.out}/crops/{kind}/{label.split()[0]}/{photo.label}.png"
                os.makedirs(os.path.dirname(crop), exist_ok=True)
                Image.fromarray(pixels).save(crop)
            rows = shown.setdefault(photo.set, [])
            if len(rows) < options.sheets:
                rows.append((photo.name, row))
        for name, rows in shown.items():
            sheets.write_sheets(f"{options.out}/sheets/{name}-{kind}", rows)
    records.table("kind", "set", "program")


main()
