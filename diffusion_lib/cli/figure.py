"""The same pictures from a shell: python -m diffusion_lib figure forward --image cat.jpg --out forward.png

The heavy imports stand where they are used, so that --help and a mistyped option are answered at once.
"""

from __future__ import annotations

import math
from contextlib import suppress
from pathlib import Path

from .options import Names, Parser, number, place, tell, there

ENDINGS = (".png", ".svg", ".pdf", ".jpg", ".gif", ".html")
KINDS = {"cat": "orange tabby cat", "flower": "blue and yellow flower at night", "digit": "", "photo": ""}
MOST = 64_000_000  # numbers in a file: more is slow in a page, and at last too much for the memory

FORWARD = """Draw how a picture becomes noise, step by step: the forward process of a diffusion model.

The ending of --out decides what you get:
  .png .svg .pdf .jpg   a strip of pictures for a page
  .gif                  a film of the picture dissolving
  .html                 a player of every t, one file that works offline

examples:
  python -m diffusion_lib figure forward
  python -m diffusion_lib figure forward --caption "blue and yellow flower at night" --out flower.gif
  python -m diffusion_lib figure forward --kind photo --schedule linear --spacing noise --out photo.svg
and with a picture of your own:
  python -m diffusion_lib figure forward --image cat.jpg --size 256 --out cat.html
"""
REVERSE = """Draw how noise becomes a picture, step by step: the reverse process of a diffusion model.
Nothing is trained: the denoiser is the perfect one for the pictures that you name, so a walk ends at one of them.

The ending of --out decides what you get:
  .png .svg .pdf .jpg   a strip: x_t, and under it the clean picture that the denoiser sees in it
  .gif                  a film of the picture appearing
  .html                 a player of every step with all its numbers, one file that works offline

examples:
  python -m diffusion_lib figure reverse
  python -m diffusion_lib figure reverse --data mnist --n 4 --out digits.gif
  python -m diffusion_lib figure reverse --data flowers --eta 0 --steps 20 --out flowers.html
and with pictures of your own:
  python -m diffusion_lib figure reverse --image a.jpg b.jpg c.jpg --out mine.png
"""


PROMPT = """Draw how words become pictures: a network walks from noise to what you ask for. Which of your words it understands, and
which it does not, is printed.

The ending of --out decides what you get:
  .png .svg .pdf .jpg   a strip for each picture: x_t, step by step
  .gif                  a film of the pictures appearing
  .html                 a player of every step, one file that works offline

examples:
  python -m diffusion_lib figure prompt --text "blue and yellow flower at night"
  python -m diffusion_lib figure prompt --text "sleeping cat" --negative "black" --n 8 --out cats.gif
"""


# fmt: off
def add_figure(commands) -> None:
    figure = commands.add_parser("figure", help="a strip, a film or an offline player of a diffusion model")
    figure.set_defaults(run=lambda args: figure.print_help())
    kinds = figure.add_subparsers(title="figures", metavar="FIGURE")
    for add in SCENES:
        add(kinds)


def add_forward(kinds) -> None:
    p = kinds.add_parser("forward", help="a picture becomes noise", usage="%(prog)s [options]", description=FORWARD)
    p.set_defaults(run=forward)
    one = p.add_mutually_exclusive_group()
    one.add_argument("--image", type=there, metavar="FILE", help="your own picture")
    one.add_argument("--kind", choices=KINDS, help="a built-in picture (default: cat)")
    one.add_argument("--caption", metavar="TEXT", help='a picture that we draw for you: "sleepy black cat at night"')
    p.add_argument("--T", type=number(2, 5000), default=1000, metavar="N", help="steps from picture to noise (default: 1000)")
    p.add_argument("--spacing", choices=("t", "noise"), help="of a strip or GIF: even in t (default), or in how noisy it looks: "
                   "good with linear, which is all noise long before T")
    _common(p, "forward", "128; in a GIF 96", "cosine")


def add_reverse(kinds) -> None:
    p = kinds.add_parser("reverse", help="noise becomes a picture", usage="%(prog)s [options]", description=REVERSE)
    p.set_defaults(run=reverse)
    one = p.add_mutually_exclusive_group()
    one.add_argument("--image", type=there, metavar="FILE", nargs="+", help="your own pictures")
    one.add_argument("--folder", type=there, metavar="DIR", help="a folder of your own pictures")
    one.add_argument("--data", choices=Names("data:DATASETS"), metavar="NAME", help="built-in pictures, one of %(choices)s, but no points (default: cats)")
    p.add_argument("--steps", type=number(2, 1000), default=50, metavar="N", help="steps from noise to picture, T (default: 50)")
    p.add_argument("--eta", type=number(0, 1, float), default=1.0, metavar="N", help="fresh noise, 1: DDPM (default), 0: DDIM")
    p.add_argument("--n", type=number(1, 16), default=1, metavar="N", help="how many walks to show (default: 1)")
    # linear spends half its steps where the denoiser has not yet made up its mind, which is what there is to see
    _common(p, "reverse", "64", "linear")


def add_prompt(kinds) -> None:
    p = kinds.add_parser("prompt", help="words become pictures", usage="%(prog)s [options]", description=PROMPT)
    p.set_defaults(run=prompt)
    p.add_argument("--text", metavar="TEXT", default="blue and yellow flower at night", help="what to draw (default: %(default)s)")
    p.add_argument("--negative", metavar="TEXT", default="", help="what shall not be there")
    p.add_argument("--w", type=number(0, 20, float), default=2.0, metavar="N", help="how strongly the words count: 0 not at all, 1 as learned (default: 2)")
    p.add_argument("--n", type=number(1, 16), default=4, metavar="N", help="how many pictures (default: 4)")
    p.add_argument("--steps", type=number(2, 1000), default=20, metavar="N", help="network calls (default: 20)")
    p.add_argument("--weights", type=there, default="sprites32", metavar="FILE|NAME", help="that know words (default: sprites32)")
    p.add_argument("--out", type=place(*ENDINGS), default="prompt.png", metavar="FILE", help="the file to write (default: prompt.png)")
    p.add_argument("--frames", type=number(2, 300), metavar="N", help="how many pictures of a walk in a strip or GIF (default: 6, and all)")
    p.add_argument("--fps", type=number(1, 50), metavar="N", help="pictures per second in a GIF (default: 10)")
    p.add_argument("--background", choices=("white", "dark", "transparent"), help="of a strip (default: white)")
    p.add_argument("--title", metavar="TEXT", help="a heading for an HTML page")
    p.add_argument("--seed", type=number(0, 10**9), default=0, metavar="N", help="of the first picture, the others have the next ones (default: 0)")


def _common(p: Parser, name: str, size: str, schedule: str) -> None:
    p.add_argument("--out", type=place(*ENDINGS), default=f"{name}.png", metavar="FILE", help=f"the file to write (default: {name}.png)")
    p.add_argument("--size", type=number(8, 512), metavar="N", help=f"pixels along a side (default: {size}); what we draw ourselves has up to 256, and digits have their own")
    p.add_argument("--schedule", choices=Names("diffusion:SCHEDULES"), default=schedule, metavar="NAME", help=f"how noise grows, one of %(choices)s (default: {schedule}; DDPM's is linear)")
    p.add_argument("--frames", type=number(2, 300), metavar="N", help="how many pictures (default: 6 in a strip, 40 in a GIF)")
    p.add_argument("--fps", type=number(1, 50), metavar="N", help="pictures per second in a GIF (default: 10)")
    p.add_argument("--background", choices=("white", "dark", "transparent"), help="of a strip (default: white)")
    p.add_argument("--title", metavar="TEXT", help="a heading for an HTML page")
    p.add_argument("--seed", type=number(0, 10**9), default=0, metavar="N", help="another number draws other noise (default: 0)")
# fmt: on


# Add a scene here: a function that adds its parser and names what it runs.
SCENES = [add_forward, add_reverse, add_prompt]
STRIP, GIF, HTML = (".png", ".svg", ".pdf", ".jpg"), (".gif",), (".html",)
# options that mean something in some files: for others they are refused, not ignored
ONLY = {"spacing": STRIP + GIF, "frames": STRIP + GIF, "fps": GIF, "background": STRIP, "title": HTML}


def _refuse(args) -> None:
    for option, endings in ONLY.items():
        if getattr(args, option, None) is not None and _ending(args) not in endings:
            raise ValueError(
                f"--{option} is for {', '.join(endings)}, and {args.out.name} is none of them: leave it out."
            )
    if getattr(args, "size", None) is not None and getattr(args, "kind", None) == "digit":
        raise ValueError("digit has pixels of its own: leave --size out.")


def forward(args) -> None:
    """x_t = sqrt(alpha_bar_t) x0 + sqrt(1 - alpha_bar_t) eps, one picture and one eps at many t."""
    import torch

    from ..course import lesson01 as views
    from ..diffusion import Schedule, add_noise, randn_like
    from ..viz import figures

    _refuse(args)
    x0, schedule = _picture(args), Schedule.of(args.schedule, args.T)
    if _ending(args) == ".html":
        view = views.explore_forward({"x_{t}": x0}, schedule, upload=False, seed=args.seed)
        return _report(view.player.save_html(args.out, title=args.title or ""))
    eps = randn_like(x0, torch.Generator().manual_seed(args.seed))
    # how noisy x_t looks is its angle between picture and noise, a quarter turn in all
    ruler = schedule.alpha_bar.sqrt().arccos() if args.spacing == "noise" else torch.arange(args.T + 1.0)
    marks = torch.linspace(0, float(ruler[-1]), _frames(args, args.T + 1, x0.numel()))
    times = sorted({int((ruler - mark).abs().argmin()) for mark in marks})
    x = torch.cat([add_noise(x0, t, eps, schedule) for t in times])
    _draw(args, [x], times, figures.FORWARD)


def _picture(args):
    """The one picture (1, C, H, W) that the options ask for."""
    from .. import data
    from ..data import captions, drawn

    size = args.size or (96 if _ending(args) == ".gif" else 128)
    if args.image is not None:
        return data.photo(args.image, size).x
    if args.kind in ("photo", "digit"):
        return data.flower_photo(size).x if args.kind == "photo" else data.mnist().x[1500:1501]
    words = KINDS[args.kind or "cat"] if args.caption is None else args.caption
    return data.photo(drawn.draw(captions.parse(words), size), size).x


def reverse(args) -> None:
    """Walks from x_T to x_0 with the perfect denoiser of some pictures."""
    import numpy as np
    import torch

    from ..course.lesson03.glass import glass_box
    from ..diffusion import Schedule
    from ..oracle import ideal_denoiser
    from ..sampling import sample
    from ..trace import Trace
    from ..viz import figures
    from ..viz.player import FramePlayer

    _refuse(args)
    x, schedule = _pictures(args), Schedule.of(args.schedule, args.steps)
    count = _frames(args, args.steps + 1, args.n * x[0].numel())
    # seeded as step_reverse is, so that the page shows the walk of the strip, and lesson 03 both
    xT = torch.randn(args.n, *x.shape[1:], generator=torch.Generator().manual_seed(args.seed))
    g = torch.Generator().manual_seed(1000 * args.seed)
    model = ideal_denoiser(x, schedule)
    walk = sample(model, xT, schedule, generator=g, eta=args.eta)
    if _ending(args) == ".html":
        film = glass_box(Trace(keep=args.steps + 1).record(walk), model)
        name = f"Reverse process on {args.data or 'pictures'}, step by step"
        page = FramePlayer(**film, name=name, fps=6, panel_width=200)
        return _report(page.save_html(args.out, title=args.title or ""))
    wanted, shown = {round(i * args.steps / (count - 1)) for i in range(count)}, []
    for i, step in enumerate(walk):
        shown += [(step.t, step.xt, step.x0_hat)] * (i in wanted)
    times, xt, x0_hat = zip(*shown, (0, step.xs, step.xs), strict=True)
    rows, titles = list(torch.stack(xt, 1)), None
    if _ending(args) == ".gif":
        rows = [np.stack([figures.grid(x) for x in xt])]
    elif args.n == 1:
        rows, titles = [torch.cat(xt), torch.cat(x0_hat)], ["$x_t$", r"$\hat{x}_0$"]
    _draw(args, rows, times, figures.REVERSE, titles)


def _pictures(args):
    """The pictures (N, C, H, W) that the options ask for."""
    import torch

    from .. import data
    from ..data.catalog import takes

    size = args.size or 64
    if args.image is None and args.folder is None:
        name = args.data or "cats"
        x = data.load(name, **{k: v for k, v in {"n": 200, "size": size}.items() if k in takes(name)}).x
        if x.ndim == 2:
            raise ValueError(f"{name} are points, and a figure shows pictures: choose another --data.")
        if args.size is not None and "size" not in takes(name):
            raise ValueError(f"{name} has pixels of its own: leave --size out.")
        return x
    x = data.folder(args.folder, size).x if args.folder else torch.cat([data.photo(p, size).x for p in args.image])
    which = "your picture" if len(x) == 1 else f"one of your {len(x)} pictures"
    tell(f"The perfect denoiser can only end at {which}: it remembers, and invents nothing.")
    return x


def prompt(args) -> None:
    """Walks from x_T to the pictures that some words ask for."""
    import numpy as np

    from .. import store
    from ..course.lesson10 import drawing
    from ..data.prompts import understand
    from ..viz import figures
    from ..viz.player import FramePlayer

    _refuse(args)
    p, model = understand(args.text, args.negative), drawing.painter(store.load(args.weights))
    tell("\n".join(p.says()))
    seeds = range(args.seed, args.seed + args.n)
    steps = list(drawing.walk(p, seeds, args.steps, args.w, model=model))
    if _ending(args) == ".html":
        film = drawing.film(steps, columns=math.ceil(args.n**0.5))
        page = FramePlayer(**film, captions=p.says()[0], name=args.text or "prompt", fps=6)
        return _report(page.save_html(args.out, title=args.title or args.text))
    count = min(args.steps + 1, args.frames or (args.steps + 1 if _ending(args) == ".gif" else 6))
    wanted = sorted({round(i * args.steps / (count - 1)) for i in range(count)})
    path = [*((s.t, s.xt) for s in steps), (0, steps[-1].xs)]
    times, xt = zip(*(path[i] for i in wanted), strict=True)
    rows = [np.stack([figures.grid(x, columns=math.ceil(args.n**0.5)) for x in xt])]
    if _ending(args) != ".gif":
        import torch

        rows = list(torch.stack(xt, 1))
    _draw(args, rows, times, figures.REVERSE)


def _ending(args) -> str:
    return args.out.suffix.lower()


def _frames(args, most: int, numbers: int) -> int:
    """How many pictures of so many numbers each: at most one for each t, and no more than a page or the memory holds."""
    if _ending(args) == ".html":
        count = 6 * most  # its panels
        if args.n > 1:
            raise ValueError("An HTML page shows all the numbers of one walk: leave --n out.")
    else:
        count = min(most, args.frames or (40 if _ending(args) == ".gif" else 6))
    if count * numbers > MOST:
        what = f"{count} pictures of {numbers:,} numbers"
        raise ValueError(f"{what} are too much for one file: take a smaller --size, or fewer of them.")
    return count


def _draw(args, rows, times, arrow: str, titles=None) -> None:
    from ..viz.figures import save, save_gif, strip

    if _ending(args) == ".gif":
        scale = max(1, 384 // rows[0].shape[2])  # by the width of (F, H, W[, 3]) or of a square (F, C, H, W)
        save_gif(rows[0], args.out, args.fps or 10, scale, 1.2, hold_first=0.8, labels=[f"t = {t}" for t in times])
    else:
        labels = [f"$t = {t}$" for t in times]
        save(strip(rows, labels, titles, above=arrow, background=args.background or "white"), args.out)
    _report(args.out)


def _report(out: Path) -> None:
    from PIL import Image

    size = f"{math.ceil(out.stat().st_size / 1024):,} KB"
    with suppress(Exception), Image.open(out) as image:  # an SVG has no pixels
        size = f"{image.width} x {image.height} pixels, {size}"
    tell(f"Wrote {out} ({size}).")
