"""Train the cat GAN of lesson 05 and write what ships of it: cat_*.safetensors and cat_film.png.

    python benchmarks/cat_film.py            8,000 steps, about 20 minutes of one core

The film is one picture: a row for each moment (the steps are in the PNG's "steps"), in it 20 cats from the same 20 z.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from diffusion_lib import data, gan, store
from diffusion_lib.evaluation.records import CAT_FILM
from diffusion_lib.files import expanded, whole
from diffusion_lib.train import fit
from diffusion_lib.viz.figures import to_uint8

SHOWN, MOMENTS, EARLY, STEPS = 20, 40, 400, 8000
COMMAND = "python benchmarks/cat_film.py"


def moments(steps: int) -> set[int]:
    """Of the film, with ever longer gaps: most happens early."""
    return set(np.geomspace(5, steps, MOMENTS - 1).round().astype(int).tolist())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--out", type=expanded, default=store.FOLDER, help="a folder for the weights")
    parser.add_argument("--film", type=expanded, default=CAT_FILM, help="a PNG")
    args = parser.parse_args()
    torch.set_num_threads(1)
    cats = data.sprites(2000, size=16, species="cat")
    cats = data.Data(cats.x, name=cats.name, credit=cats.credit)  # one species: no classes
    # not R3GAN's loss: its D only compares, and this one gives a probability
    model, parts = gan.build(cats, loss="non-saturating", r1=1.0, r2=1.0)
    z, film, at = model.noise(SHOWN, torch.Generator().manual_seed(0)), [], [0]

    def look() -> None:
        with torch.no_grad():
            film.append(to_uint8(model(z).clamp(-1, 1)))

    def keep(name: str, record) -> None:
        facts = {
            "data": "2,000 drawn cats, 16 x 16: data.sprites(2000, size=16, species='cat')",
            "steps": record.step,
            "seconds": round(record.seconds),
            "seed": 0,
            "command": COMMAND,
        }
        for who, net in (("g", model), ("d", parts.learners[1].model)):
            store.save(args.out / f"cat_{who}{name}.safetensors", net, store.card(**facts), bits=16)

    look()
    for record in fit(*parts, steps=args.steps):
        if record.step in moments(args.steps):
            look()
            at.append(record.step)
            print(record, flush=True)
            keep("", record)
            write(args.film, np.stack(film), at)
        if record.step == EARLY:
            keep("_early", record)
    keep("", record)


def write(path: Path, film: np.ndarray, steps: list[int]) -> None:
    """film: (moments, pictures, H, W, 3) uint8."""
    rows = film.transpose(0, 2, 1, 3, 4).reshape(len(film) * film.shape[2], -1, 3)
    note = PngInfo()
    note.add_text("steps", json.dumps(steps))
    with whole(path) as part:
        few = Image.fromarray(rows).quantize(256, dither=Image.Dither.NONE)  # a third of the size
        few.save(part, "PNG", optimize=True, pnginfo=note)


if __name__ == "__main__":
    main()
