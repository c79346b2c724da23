#!/usr/bin/env python3
"""Compare what builds of rtool and other programs fill holes with, against the truth.

  inpaint.py --set kodak=photos/kodak --rtool before=old/rtool --rtool 'fast=.build/release/rtool --preset fast' \\
    --holes thin,compact --half odd --out results

In OUT: fills/LABEL/, the pictures; crops/HOLE/LABEL/, their parts around the holes, for pairs.py; sheets/, truth, hole
and all fills pixel for pixel; inpaint.jsonl, the figures of each picture. PSNR, SSIM and times are means, the other
figures medians. The hole's own pixels are grey in what the programs are given.
"""
import os

import numpy as np
from PIL import Image

import holes
import metrics
import programs
import sets
import sheets

COLUMNS = [
    ("PSNR", "psnr", sets.mean, ".2f"), ("SSIM", "ssim", sets.mean, ".3f"),
    ("Laplace", "laplacian", sets.median, ".2f"), ("rms", "laplacian_rms", sets.median, ".2f"),
    ("seam", "seam", sets.median, ".2f"), ("Gram", "gram", sets.median, ".3f"),
    ("cpu s", "processor", sets.mean, ".2f"), ("wall s", "wall", sets.mean, ".2f"),
]


def fill(program, photo, kind, given, mask, options):
    """A program's fill of a hole, with the photo's own pixels outside of it."""
    output = os.path.abspath(f"{options.out}/fills/{program.label}/{photo.label}-{kind}.png")
    if isinstance(program, programs.Build):
        image, hole = (os.path.abspath(f"{options.out}/input/{photo.label}-{kind}{end}.png") for end in ("", "-mask"))
        Image.fromarray(given).save(image, compress_level=3)
        Image.fromarray(mask).save(hole)

        def make():
            return program.make(output, "inpaint", image, "--mask", hole)
    else:
        def make():
            return program.make(output, given, mask)
    made, taken = programs.picture(program, output, [given, mask], make, options.again)
    return np.where(mask[..., None], made, given), taken


def main():
    parser = sets.parser(__doc__)
    parser.add_argument("--peers", default="telea,ns,patchmatch", help="of telea, ns, patchmatch, gmic; or none")
    parser.add_argument("--holes", default="thin,compact", help="kinds, of " + ", ".join(holes.KINDS))
    parser.add_argument("--share", type=float, default=0.03, help="of the photo in a compact hole")
    parser.add_argument("--side", type=int, default=256, help="of the crops in pixels")
    options = parser.parse_args()
    kinds = options.holes.split(",")
    for kind in kinds:
        if kind not in holes.KINDS:
            parser.error(f"--holes {kind}: {', '.join(holes.KINDS)} are known")
    photos = sets.photos(options.set, options.half, options.limit)
    peers = [] if options.peers == "none" else options.peers.split(",")
    compared = [*map(programs.Build, options.rtool), *programs.inpainting_peers(peers, options.seed)]
    for folder in ("input", "sheets"):
        os.makedirs(f"{options.out}/{folder}", exist_ok=True)

    records = sets.Records(f"{options.out}/inpaint.jsonl", COLUMNS)
    shown = {}
    for photo in photos:
        truth = photo.pixels()
        for kind in kinds:
            mask = holes.hole(kind, *truth.shape[:2], photo.name, options.seed, options.share)
            given = np.where(mask[..., None], np.uint8(128), truth)
            part = sheets.window(mask, *truth.shape[:2], options.side)
            row = [("truth", truth[part]), ("hole", sheets.with_hole(truth, mask)[part])]
            for program in compared:
                pixels, taken = fill(program, photo, kind, given, mask, options)
                figures = metrics.inpainting(pixels, truth, mask)
                records.add(set=photo.set, photo=photo.name, half=sets.half(photo.name), hole=kind, seed=options.seed,
                            share=float(mask.mean()), program=program.label, **figures, **taken)
                row.append((f"{program.label} {figures['psnr']:.1f} dB L {figures['laplacian']:.2f} "
                            f"G {figures['gram']:.2f}", pixels[part]))
                crop = f"{options.out}/crops/{kind}/{program.label}/{photo.label}.png"
                os.makedirs(os.path.dirname(crop), exist_ok=True)
                Image.fromarray(pixels[part]).save(crop)
            for label, pixels in (("truth", truth[part]), ("hole", row[1][1])):
                crop = f"{options.out}/crops/{kind}/{label}/{photo.label}.png"
                os.makedirs(os.path.dirname(crop), exist_ok=True)
                Image.fromarray(pixels).save(crop)
            rows = shown.setdefault((photo.set, kind), [])
            if len(rows) < options.sheets:
                rows.append((photo.name, row))
    for (name, kind), rows in shown.items():
        sheets.write_sheets(f"{options.out}/sheets/{name}-{kind}", rows)
    records.table("hole", "set", "program")
    if len(options.set) > 1:
        print("\nall sets")
        records.table("hole", "program")


main()
