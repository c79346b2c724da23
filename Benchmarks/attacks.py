#!/usr/bin/env python3
"""Compare the attacks of `rtool evaluate` with those of torchattacks, which are AutoAttack's, photo by photo.

  attacks.py --rtool .build/release/rtool --model Models/photos.safetensors --size 64 --count 40 PHOTOS...

PHOTOS: folders of class folders, or tar archives of CLASS/NAME. Photos are brought to the size here, so that both see
the same pixels. Needs torch, pillow and torchattacks. Both search at random, so a photo near the radius may differ.
"""
import argparse, glob, io, json, os, struct, subprocess, tarfile, tempfile, time
import numpy as np
import torch
import torchattacks
from PIL import Image
from networks import ResNet


def load_model(path):
    with open(path, "rb") as file:
        length = struct.unpack("<Q", file.read(8))[0]
        header, data = json.loads(file.read(length)), file.read()
    facts = header.pop("__metadata__")
    kinds = {"F16": np.float16, "F32": np.float32}
    state = {}
    for name, entry in header.items():
        start, end = entry["data_offsets"]
        values = np.frombuffer(data[start:end], kinds[entry["dtype"]]).reshape(entry["shape"])
        state[name] = torch.tensor(values.astype(np.float32))
    numbers = lambda key: tuple(int(n) for n in facts[key].split(","))
    classes = json.loads(facts["classes"])
    model = ResNet(numbers("blocks"), numbers("widths"), len(classes), stem=3)
    missing, _ = model.load_state_dict(state, strict=False)
    assert all(name.endswith("num_batches_tracked") for name in missing), missing
    return model.eval().requires_grad_(False), classes


def photos(paths):
    """CLASS, NAME and bytes of all photos."""
    for path in paths:
        if os.path.isdir(path):
            for name in sorted(glob.glob(f"{path}/*/*")):
                with open(name, "rb") as file:
                    yield name.split("/")[-2], os.path.basename(name), file.read()
        else:
            with tarfile.open(path) as archive:
                for member in archive:
                    if member.isfile() and "/" in member.name:
                        parts = member.name.split("/")
                        yield parts[-2], parts[-1], archive.extractfile(member).read()


def write_photos(paths, classes, size, count, folder):
    """As many of each class as of the others, as PNG; their names, pixels and labels."""
    each, taken, names, pixels, labels = -(-count // len(classes)), {}, [], [], []
    for label, name, data in photos(paths):
        if label not in classes or taken.get(label, 0) >= each or len(names) == count:
            continue
        taken[label] = taken.get(label, 0) + 1
        image = Image.open(io.BytesIO(data)).convert("RGB")
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        image = image.crop((left, top, left + side, top + side)).resize((size, size), Image.Resampling.LANCZOS)
        os.makedirs(f"{folder}/{label}", exist_ok=True)
        name = name.rsplit(".", 1)[0] + ".png"
        image.save(f"{folder}/{label}/{name}")
        names.append(f"{label}/{name}")
        pixels.append(torch.tensor(np.asarray(image)).permute(2, 0, 1) / 255)
        labels.append(classes.index(label))
    return names, torch.stack(pixels), torch.tensor(labels)


def ours(a, folder, cache, method, *options):
    command = [a.rtool, "evaluate", a.model, folder, "--json", "--per-photo", "--size", str(a.size), "--norm", a.norm,
               "--eps", str(a.eps), "--attack", method, "--steps", str(a.steps), "--cache", cache, *options]
    result = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return {photo["name"]: photo for photo in result["models"][0]["photos"]}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("photos", nargs="+")
    p.add_argument("--rtool", default="rtool")
    p.add_argument("--model", required=True)
    p.add_argument("--size", type=int, default=64)
    p.add_argument("--count", type=int, default=40)
    p.add_argument("--norm", choices=["l2", "linf"], default="l2")
    p.add_argument("--eps", type=float, default=1.0)
    p.add_argument("--steps", type=int, default=100)
    a = p.parse_args()
    model, classes = load_model(a.model)
    norm = {"l2": "L2", "linf": "Linf"}[a.norm]
    few = min(9, len(classes) - 1) + 1
    with tempfile.TemporaryDirectory() as folder:
        names, x, y = write_photos(a.photos, classes, a.size, a.count, f"{folder}/photos")
        # All classes of the model are asked for, so that each must have a photo.
        absent = [name for k, name in enumerate(classes) if k not in y]
        assert not absent, f"no photo of {absent}"
        with torch.no_grad():
            clean = model(x).argmax(1)
        right = clean == y

        def theirs(attacks):
            survives = right.clone()
            for attack in attacks:
                if survives.any():
                    adversarial = attack(x[survives], y[survives])
                    with torch.no_grad():
                        kept = model(adversarial).argmax(1) == y[survives]
                    # What FAB finds may lie beyond the radius.
                    change = (adversarial - x[survives]).flatten(1)
                    size = change.norm(dim=1) if a.norm == "l2" else change.abs().amax(1)
                    survives[survives.clone()] = kept | (size > a.eps * (1 + 1e-5))
            return survives

        apgd = torchattacks.APGD(model, norm=norm, eps=a.eps, steps=a.steps)
        apgdt = torchattacks.APGDT(model, norm=norm, eps=a.eps, steps=a.steps, n_classes=few)
        fab = torchattacks.FAB(model, norm=norm, eps=a.eps, steps=a.steps, multi_targeted=True, n_classes=few)
        print(f"{len(x)} photos, {a.size} px, {a.norm} {a.eps}, {a.steps} steps; accuracy in %")
        print(f"{'attack':10} {'rtool':>7} {'torchattacks':>13} {'withstands only rtool':>22} {'only torchattacks':>18}")
        for title, options, attacks in [
            ("APGD-CE", ["apgd", "--loss", "ce"], [apgd]), ("APGD-T", ["apgd", "--loss", "targeted"], [apgdt]),
            ("FAB-T", ["fab"], [fab]), ("ensemble", ["ensemble"], [apgd, apgdt, fab]),
        ]:
            start = time.time()
            found = ours(a, f"{folder}/photos", f"{folder}/cache", *options)
            between = time.time()
            other = theirs(attacks)
            end = time.time()
            assert set(found) == set(names)
            for name, guess in zip(names, clean):
                assert found[name]["clean"] == classes[guess], f"{name} is taken for different classes unattacked"
            own = torch.tensor([found[name]["attacked"][0] == found[name]["label"] for name in names])
            print(f"{title:10} {100 * own.float().mean():7.1f} {100 * other.float().mean():13.1f} "
                  f"{int((own & ~other).sum()):22} {int((other & ~own).sum()):18}   "
                  f"({between - start:.0f} s, {end - between:.0f} s)", flush=True)
        print(f"{'none':10} {100 * right.float().mean():7.1f} {100 * right.float().mean():13.1f}")


if __name__ == "__main__":
    main()
