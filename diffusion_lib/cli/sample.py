"""Sampling from a shell: python -m diffusion_lib sample --weights mnist --out digits.png

The heavy imports stand where they are used, so that --help is answered at once.
"""

from __future__ import annotations

import inspect
import io
from pathlib import Path

from .. import files
from .options import Names, complain, number, place, tell, there
from .train import Bar

SAMPLE = """Draw samples with trained weights: your own file, or weights that come with the package, by name.

The ending of --out decides what you get:
  .npy   float32, N x C x H x W in [-1, 1]; points N x 2, in the units of data.load("grid").x (variance 1 in all)
  .png   a grid of the pictures, or a cloud of the points

examples:
  python -m diffusion_lib sample --weights mnist --n 100 --out digits.png
  python -m diffusion_lib sample --weights grid.safetensors --n 10000 --steps 20 --out points.npy
  python -m diffusion_lib sample --weights mnist --n 16 --class 7 --eta 1 --steps 100 --out sevens.png
  python -m diffusion_lib sample --weights sprites32 --prompt "blue and yellow flower at night" --n 64 --steps 20 --out s.png
  python -m diffusion_lib sample --weights sprites32 --prompt "sleeping cat" --negative "black" --w 3 --out cats.png
"""


OPTIONS = {
    "--weights": {"type": there, "required": True, "metavar": "FILE|NAME", "help": "a .safetensors file, or shipped weights by name"},
    "--n": {"type": number(1, 10**6), "default": 64, "metavar": "N", "help": "how many (default: 64)"},
    "--steps": {"type": number(1, 1000), "metavar": "N", "help": "ddpm: steps for each sample (default: 50), a network call each, of heun two"},
    "--class": {"dest": "label", "type": number(0, 10**4), "metavar": "K", "help": "only this class (default: each in turn)"},
    "--prompt": {"metavar": "TEXT", "help": "words for weights that know words, such as sprites32: a cat or a flower, its colours, eyes, shape, day or night (all: figure prompt --help); which of them are understood is printed"},
    "--negative": {"metavar": "TEXT", "help": "words for what shall not be there; they need a --w above 1"},
    "--w": {"type": number(0, 20, float), "metavar": "N", "help": "ddpm: guidance, how strongly words or class count: 0 not at all, 1 as learned (default: 2 with words, else 1)"},
    "--sampler": {"choices": Names("sampling:SAMPLERS"), "metavar": "NAME", "help": "ddpm: how it walks, one of %(choices)s (default: dpmpp_2m, or ddpm with an eta above 0)"},
    "--eta": {"type": number(0, 1, float), "metavar": "N", "help": "ddpm: fresh noise, from 0 (none) to 1 (default: the sampler's own)"},
    "--device": {"metavar": "NAME", "help": "cpu, cuda or mps (default: the fastest one here)"},
    "--seed": {"type": number(0, 10**9), "default": 0, "metavar": "N", "help": "another number draws other samples (default: 0)"},
    "--out": {"type": place(".npy", ".png"), "default": "samples.npy", "metavar": "FILE", "help": "(default: samples.npy)"},
}  # fmt: skip


def add_sample(commands) -> None:
    """`sample` and its options."""
    about = {"help": "draw samples with trained weights", "usage": "%(prog)s [options]", "description": SAMPLE}
    p = commands.add_parser("sample", **about)
    p.set_defaults(run=sample)
    for name, told in OPTIONS.items():
        p.add_argument(name, **told)


def sample(args) -> int:
    """draw(model, n) into a file."""
    import torch

    from .. import store
    from ..families import FAMILIES, name_of
    from ..machine import pick_device
    from ..values import need

    model = store.load(args.weights, pick_device(args.device))
    if (name := name_of(model)) is None:
        raise ValueError(f"{args.weights} judges, it cannot draw: give the weights of a {', '.join(FAMILIES)}.")
    family, y = FAMILIES[name], None
    walk = {"steps": args.steps or 50, "sampler": args.sampler, "eta": args.eta, "w": 1.0 if args.w is None else args.w}
    takes = inspect.signature(family.draw).parameters
    if not walk.keys() <= takes.keys():
        said = f"{args.weights} is a {name}, which walks no steps: leave out --steps, --sampler, --eta and --w."
        need(all(asked is None for asked in (args.steps, args.sampler, args.eta, args.w)), said)
        walk = {}
    classes = model.classes
    if args.prompt is not None or args.negative is not None:
        y, walk["negative"] = _told(args, model)
        walk["w"] = 2.0 if args.w is None else args.w
    if args.label is not None:
        said = f"{args.weights} know words and not classes: say --prompt TEXT instead of --class."
        need(not isinstance(classes, list), said)
        has = f"0 to {classes - 1}" if classes else "none"
        need(args.label < classes, f"There is no class {args.label}: these weights know classes {has}.")
        y = torch.full((args.n,), args.label)
    wordless = isinstance(classes, list) and y is None
    said = f"{args.weights} know words, and --w says how strongly they count: say --prompt TEXT, or leave out --w."
    need(args.w is None or not wordless, said)
    batches = family.draw(model, args.n, y=y, seed=args.seed, **walk)
    bar, done = Bar(), []
    for batch in batches:
        done.append(batch)
        count = sum(map(len, done))
        bar(count / args.n, f"{count:,} of {args.n:,} samples")
    x = torch.cat(done)
    out, elsewhere = files.keep(args.out, lambda path: _draw(x, path))
    if elsewhere:
        complain(elsewhere)
    tell(f"Wrote {out}: {' x '.join(map(str, x.shape))}.")
    return 1 if elsewhere else 0


def _told(args, model):
    """What the words say, as y and as negative y (n, F); prints what is understood of them and what is not."""
    from ..course.lesson10.drawing import against, painter
    from ..data.prompts import understand

    painter(model)
    if args.label is not None:
        raise ValueError("Say --prompt or --class, one of them.")
    p = understand(args.prompt or "", args.negative or "")
    tell("\n".join(p.says()))
    for line in against(p, 2.0 if args.w is None else args.w):
        tell(line)
    return p.y(args.n), p.negative(args.n)


def _draw(x, path: Path) -> None:
    """Samples x (N, ...) as numbers (.npy) or as a picture."""
    import numpy as np

    from ..viz import figures, plots

    if path.suffix.lower() == ".npy":
        np.save(numbers := io.BytesIO(), x.numpy().astype(np.float32))
        files.write(path, numbers.getvalue())
    elif x.ndim == 2:
        figures.save(plots.cloud(x), path)
    else:
        scale = max(1, 112 // x.shape[-1])
        figures.save(figures.grid(x).repeat(scale, 0).repeat(scale, 1), path)
