"""Training and sampling from a shell: python -m diffusion_lib train --data digits --seconds 120 --out w.safetensors

As in __main__, the heavy imports stand where they are used, so that --help is answered at once.
"""

from __future__ import annotations

import math
import shlex
import sys
import time
from pathlib import Path

from .options import number, place

DATA = (
    "digits",
    "mnist",
    "cats",
    "flowers",
    "sprites",
    "ring",
    "grid",
    "moons",
    "swiss_roll",
    "cat",
)  # a test keeps it equal to data.DATASETS
MODELS = ("ddpm", "gan", "vae", "classifier")
LOSSES = (
    "minimax",
    "non-saturating",
    "hinge",
    "wasserstein",
    "relativistic",
)  # a test keeps it equal to gan.LOSSES
ONLY = {"predicts": "ddpm", "learn_variance": "ddpm", "loss": "gan", "sd": "vae"}  # options of one model

TRAIN = """Train a model on a data set and write its weights, with a card that says how they were made.

Ctrl+C ends the training early and keeps what was learned.

examples:
  python -m diffusion_lib train --data grid --seconds 60 --out grid.safetensors
  python -m diffusion_lib train --data digits --seconds 120 --out digits.safetensors
  python -m diffusion_lib train --data mnist --seconds 1500 --checkpoint mnist.pt --out mnist.safetensors
  python -m diffusion_lib train --model gan --data digits --seconds 120 --out gan.safetensors
  python -m diffusion_lib train --model vae --data digits --seconds 60 --latent 2 --out vae.safetensors
"""
SAMPLE = """Draw samples with trained weights: your own file, or weights that come with the package, by name.

The ending of --out decides what you get:
  .npy   float32, N x C x H x W in [-1, 1]; points N x 2, in the units of data.load("grid").x (variance 1 in all)
  .png   a grid of the pictures, or a cloud of the points

examples:
  python -m diffusion_lib sample --weights mnist --n 100 --out digits.png
  python -m diffusion_lib sample --weights grid.safetensors --n 10000 --steps 20 --out points.npy
  python -m diffusion_lib sample --weights mnist --n 16 --class 7 --eta 1 --steps 100 --out sevens.png
"""


# fmt: off
def add_train(commands) -> None:
    p = commands.add_parser("train", help="train a model and keep its weights", usage="%(prog)s [options]", description=TRAIN)
    p.set_defaults(run=train)
    p.add_argument("--data", choices=DATA, default="digits", help="what to learn (default: digits)")
    p.add_argument("--items", type=number(2, 10**7), metavar="N", help="learn from N items of a fixed shuffle; the rest stays unseen")
    p.add_argument("--size", type=number(8, 128), metavar="N", help="pixels along a side, of cats, flowers and sprites (default: 32)")
    p.add_argument("--model", choices=MODELS, default="ddpm", help="(default: ddpm)")
    p.add_argument("--predicts", choices=("v", "eps", "x0"), help="ddpm: what the network is asked for (default: v)")
    p.add_argument("--learn-variance", action="store_true", help="ddpm: learn the variance too, as Improved DDPM does")
    p.add_argument("--loss", choices=LOSSES, help="gan: what G and D want to be small (default: relativistic)")
    p.add_argument("--latent", type=number(1, 1024), metavar="N", help="gan, vae: how many numbers z has; 2 makes a map (default: what suits the data)")
    p.add_argument("--sd", type=number(1e-4, 10, float), metavar="N", help="vae: the decoder's standard deviation (default: it is learned)")
    p.add_argument("--channels", type=number(8, 512), metavar="N", help="width of the networks (default: what suits the data)")
    long = p.add_mutually_exclusive_group()
    long.add_argument("--seconds", type=number(0.1, 10**6, float), metavar="N", help="how long to train (default: 120)")
    long.add_argument("--steps", type=number(1, 10**9), metavar="N", help="or: how many steps, the same on every machine")
    p.add_argument("--device", metavar="NAME", help="cpu, cuda or mps (default: the fastest one here)")
    p.add_argument("--checkpoint", metavar="FILE", help="write all that is needed to go on; if it exists, go on from there")
    p.add_argument("--half", action="store_true", help="store 16-bit numbers: half the size")
    p.add_argument("--seed", type=number(0, 10**9), default=0, metavar="N", help="another number starts elsewhere (default: 0)")
    p.add_argument("--out", type=place(".safetensors"), default=Path("weights.safetensors"), metavar="FILE", help="(default: weights.safetensors)")


def add_sample(commands) -> None:
    p = commands.add_parser("sample", help="draw samples with trained weights", usage="%(prog)s [options]", description=SAMPLE)
    p.set_defaults(run=sample)
    p.add_argument("--weights", required=True, metavar="FILE|NAME", help="a .safetensors file, or shipped weights by name")
    p.add_argument("--n", type=number(1, 10**6), default=64, metavar="N", help="how many (default: 64)")
    p.add_argument("--steps", type=number(1, 1000), metavar="N", help="ddpm: network calls for each sample (default: 50)")
    p.add_argument("--class", dest="label", type=number(0, 10**4), metavar="K", help="only this class (default: each in turn)")
    p.add_argument("--eta", type=number(0, 1, float), metavar="N", help="ddpm: fresh noise, 0: none (default), 1: DDPM")
    p.add_argument("--device", metavar="NAME", help="cpu, cuda or mps (default: the fastest one here)")
    p.add_argument("--seed", type=number(0, 10**9), default=0, metavar="N", help="another number draws other samples (default: 0)")
    p.add_argument("--out", type=place(".npy", ".png"), default=Path("samples.npy"), metavar="FILE", help="(default: samples.npy)")
# fmt: on


class Bar:
    """One line that says how far the work is: rewritten in a terminal, ten lines in a log. Nothing at all for work of two seconds."""

    def __init__(self):
        self.start, self.last, self.shown = time.monotonic(), 0.0, False

    def __call__(self, share: float, words: str = "") -> None:
        now, live = time.monotonic(), sys.stderr.isatty()
        if share < 1 and (now - self.start < 2 or now - self.last < (0.2 if live else 5)):
            return
        if share >= 1 and not self.shown:
            return
        self.last, self.shown = now, True
        left = (now - self.start) * (1 / max(share, 1e-9) - 1)
        bar = "█" * round(24 * share) + "░" * (24 - round(24 * share))
        text = f"{bar} {share:4.0%}  {words}  {left:,.0f} s left"
        print(
            f"\r{text:100}" if live else text,
            end="" if live and share < 1 else "\n",
            file=sys.stderr,
            flush=True,
        )


def train(args) -> None:
    """fit(*parts) with a bar around it."""
    from . import classifier, data, ddpm, gan, store, vae
    from .train import fit, pick_device

    for option, only in ONLY.items():
        if getattr(args, option) and args.model != only:
            name = option.replace("_", "-")
            raise ValueError(f"--{name} is an option of --model {only}, not of {args.model}: leave it out.")
    if args.latent and args.model not in ("gan", "vae"):
        raise ValueError(f"--latent is an option of --model gan and vae, not of {args.model}: leave it out.")
    device = pick_device(args.device)
    d = data.load(args.data, **({"size": args.size} if args.size else {}))
    learned = d.split(args.items)[0] if args.items and args.items < len(d) else d
    if args.model == "classifier":
        if d.x.ndim == 2:
            raise ValueError(
                f"A classifier looks at pictures, but {args.data} are points: choose digits or mnist."
            )
        model, parts = classifier.build(learned, seed=args.seed, device=device)
    elif args.model == "gan":
        options = {"loss": args.loss} if args.loss else {}
        options |= {"latent": args.latent, "channels": args.channels}
        model, parts = gan.build(learned, seed=args.seed, device=device, **options)
    elif args.model == "vae":
        options = {"latent": args.latent, "channels": args.channels, "sd": args.sd}
        model, parts = vae.build(learned, seed=args.seed, device=device, **options)
    else:
        options = {
            "predicts": args.predicts or "v",
            "learn_variance": args.learn_variance,
            "channels": args.channels,
        }
        model, parts = ddpm.build(learned, seed=args.seed, device=device, **options)
    bar, record = Bar(), None
    length = {"steps": args.steps} if args.steps else {"seconds": args.seconds or 120.0}
    try:
        for record in fit(*parts, **length, seed=args.seed, checkpoint=args.checkpoint):
            values = "  ".join(f"{k} {v:.4f}" for k, v in record.values.items())
            bar(record.progress, f"step {record.step:,}   {values}")
    except KeyboardInterrupt:
        print("\nStopped: what was learned so far is kept.", file=sys.stderr)
    except FloatingPointError as error:
        print(f"\ndiffusion_lib: {error}", file=sys.stderr)
    if record is None:
        raise ValueError("Nothing was learned, so nothing was written: give the training more time.")
    facts = {"data": args.data, "items": len(learned), "model": args.model, "steps": record.step}
    facts |= {
        "seconds": round(record.seconds, 1),
        "seed": args.seed,
        "device": device,
        "batch": len(next(parts.batches)[0]),
    }
    words = [
        Path(word).name if "/" in word or "\\" in word else word for word in sys.argv[1:]
    ]  # no folders of this machine
    command = "python -m diffusion_lib " + shlex.join(words)
    store.save(args.out, model, store.card(**facts, command=command), args.half)
    size = math.ceil(args.out.stat().st_size / 1024)
    print(f"Wrote {args.out} ({size:,} KB): {record.step:,} steps in {record.seconds:,.0f} s on {device}.")


def sample(args) -> None:
    """draw(model, n) into a file."""
    import numpy as np
    import torch

    from . import ddpm, figures, gan, plots, store, vae
    from .files import whole
    from .train import pick_device

    model = store.load(args.weights, pick_device(args.device))
    diffusion = isinstance(model, ddpm.Denoiser)
    if not diffusion and not isinstance(model, gan.Generator | vae.VAE):
        raise ValueError(f"{args.weights} judges, it cannot draw: give the weights of a ddpm, a gan or a vae.")  # fmt: skip
    if not diffusion and (args.steps is not None or args.eta is not None):
        kind = "VAE" if isinstance(model, vae.VAE) else "GAN"
        raise ValueError(
            f"{args.weights} is a {kind}, which draws in one network call: leave out --steps and --eta."
        )
    classes, y = (model.net if diffusion else model).config["classes"], None
    if args.label is not None:
        if args.label >= classes:
            has = f"0 to {classes - 1}" if classes else "none"
            raise ValueError(f"There is no class {args.label}: these weights know classes {has}.")
        y = torch.full((args.n,), args.label)
    if diffusion:
        steps, eta = args.steps or 50, args.eta or 0.0
        if steps > model.schedule.T:
            raise ValueError(
                f"--steps is at most {model.schedule.T}, the number of times that these weights know."
            )
        batches = ddpm.draw(model, args.n, steps, y=y, eta=eta, seed=args.seed)
    else:
        draw = vae.draw if isinstance(model, vae.VAE) else gan.draw
        batches = draw(model, args.n, y=y, seed=args.seed)
    bar, done = Bar(), []
    for batch in batches:
        done.append(batch)
        count = sum(map(len, done))
        bar(count / args.n, f"{count:,} of {args.n:,} samples")
    x = torch.cat(done)
    if args.out.suffix.lower() == ".npy":
        with whole(args.out) as part, part.open("wb") as file:
            np.save(file, x.numpy().astype(np.float32))
    elif x.ndim == 2:
        figures.save(plots.cloud(x), args.out)
    else:
        scale = max(1, 112 // x.shape[-1])
        figures.save(figures.grid(x).repeat(scale, 0).repeat(scale, 1), args.out)
    print(f"Wrote {args.out}: {' x '.join(map(str, x.shape))}.")
