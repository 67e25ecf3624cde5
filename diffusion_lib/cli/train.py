"""Training from a shell: python -m diffusion_lib train --data digits --seconds 120 --out w.safetensors

The heavy imports stand where they are used, so that --help is answered at once.
"""

from __future__ import annotations

import inspect
import os
import shlex
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from .. import files
from .options import Names, complain, number, place, sentence, tell, wrote

# What --model's `build` is told, if it has such a keyword; the models that have not refuse it.
TOLD = ("predicts", "learn_variance", "even", "precision", "optimizer", "loss", "latent", "sd", "channels", "batch")
TOLD += ("focus", "lr")
SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name)
)  # by which a terminal or a system asks to end, those that this system has

TRAIN = """Train a model on a data set and write its weights, with a card that says how they were made.

Ctrl+C ends the training early and keeps what was learned; so do SIGTERM and SIGHUP, a loss that is no number, and
any other fault. With --checkpoint the same command, given again, goes on from there; if nothing is left to learn, it
writes the weights. What was made with other data or options is refused.

The exit code is 0 if the weights are written and you had the last word, 1 if a fault ended the training or put the
weights elsewhere (one sentence says where), 128 + n after signal n, 2 if nothing was written.

examples:
  python -m diffusion_lib train --data grid --seconds 60 --out grid.safetensors
  python -m diffusion_lib train --data digits --seconds 120 --out digits.safetensors
  python -m diffusion_lib train --data mnist --seconds 1500 --checkpoint mnist.pt --out mnist.safetensors
  python -m diffusion_lib train --data digits --start digits --seconds 60 --out more.safetensors
  python -m diffusion_lib train --model gan --data digits --seconds 120 --out gan.safetensors
  python -m diffusion_lib train --model vae --data digits --seconds 60 --latent 2 --out vae.safetensors
"""


# fmt: off
def add_train(commands) -> None:
    """`train` and its options."""
    p = commands.add_parser("train", help="train a model and keep its weights", usage="%(prog)s [options]", description=TRAIN)
    p.set_defaults(run=train)
    p.add_argument("--data", choices=Names("data:DATASETS"), default="digits", metavar="NAME", help="what to learn, one of %(choices)s (default: digits)")
    p.add_argument("--items", type=number(2, 10**7), metavar="N", help="learn from N items of a fixed shuffle; the rest stays unseen. What we draw ourselves: so many are drawn, if N is more than they are by default")
    p.add_argument("--size", type=number(8, 128), metavar="N", help="pixels along a side, of cats, flowers and sprites (default: 32)")
    p.add_argument("--words", action="store_true", help="ddpm on sprites and on the thousand: tell it every word of the caption, some of them kept back")
    p.add_argument("--focus", nargs="+", metavar="WORD", help="with --words: learn these words more than others, and the places that they change, such as: happy sleepy winking; one that stands twice counts twice")
    p.add_argument("--model", choices=Names("cli.train:models"), default="ddpm", metavar="NAME", help="one of %(choices)s (default: ddpm)")
    p.add_argument("--predicts", choices=("v", "eps", "x0", "flow"), help="ddpm: what the network is asked for (default: v)")
    p.add_argument("--learn-variance", action="store_true", help="ddpm: learn the variance too, as Improved DDPM does")
    p.add_argument("--even", choices=("t", "snr", "bell"), help="ddpm: draw times evenly, evenly in decibels, or mostly from the middle (default: what suits the data)")
    p.add_argument("--precision", choices=Names("machine:PRECISIONS"), metavar="NAME", help="ddpm: one of %(choices)s; auto: the quicker one, by a race of a second (default: float32)")
    p.add_argument("--optimizer", choices=Names("muon:OPTIMIZERS"), metavar="NAME", help="ddpm: one of %(choices)s; muon learns more in a step, and is slow without bfloat16 in the processor (default: adamw)")
    p.add_argument("--lr", type=number(1e-8, 1, float), metavar="N", help="the highest learning rate (default: what suits the data)")
    p.add_argument("--loss", choices=Names("gan:LOSSES"), metavar="NAME", help="gan: what G and D want to be small, one of %(choices)s (default: relativistic)")
    p.add_argument("--latent", type=number(1, 1024), metavar="N", help="gan, vae: how many numbers z has; 2 makes a map (default: what suits the data)")
    p.add_argument("--sd", type=number(1e-4, 10, float), metavar="N", help="vae: the decoder's standard deviation (default: it is learned)")
    p.add_argument("--start", metavar="FILE", help="ddpm: go on from these weights, a file or a name as of sample --weights, with the same data or others of their kind")
    p.add_argument("--depth", type=number(2, 16), metavar="N", help="with --start: make its U-Net deeper, from one block at each size to N; the new ones change nothing until they learn")
    p.add_argument("--biases", action="store_true", help="with --start: learn the biases and norms alone, and leave the matrices as they were rounded to 8 bits")
    p.add_argument("--channels", type=number(8, 512), metavar="N", help="width of the networks; ddpm on pictures: a multiple of 8 (default: what suits the data)")
    p.add_argument("--batch", type=number(1, 10**6), metavar="N", help="samples a step takes (default: what suits the data)")
    long = p.add_mutually_exclusive_group()
    long.add_argument("--seconds", type=number(0.1, 10**6, float), metavar="N", help="how long to train (default: 120)")
    long.add_argument("--steps", type=number(1, 10**9), metavar="N", help="or: how many steps, the same on every machine")
    p.add_argument("--device", metavar="NAME", help="cpu, cuda or mps (default: the fastest one here)")
    p.add_argument("--checkpoint", type=place(), metavar="FILE", help="write all that is needed to go on; if it exists, go on from there")
    p.add_argument("--bits", type=int, choices=(32, 16, 8), default=32, help="of a stored number: with 16 half the size, with 8 a quarter (default: 32)")
    p.add_argument("--half", dest="bits", action="store_const", const=16, help="the same as --bits 16")
    p.add_argument("--seed", type=number(0, 10**9), default=0, metavar="N", help="another number starts elsewhere (default: 0)")
    p.add_argument("--out", type=place(".safetensors"), default="weights.safetensors", metavar="FILE", help="(default: weights.safetensors)")
# fmt: on


class Bar:
    """One line that says how far the work is: rewritten in a terminal, every 5 s in a log. Nothing for work of two seconds.

    It is shorter than the terminal is wide at that moment, and of plain letters, which every terminal has.
    """

    def __init__(self):
        self.start, self.first, self.last, self.shown = time.monotonic(), None, 0.0, False

    def __call__(self, share: float, words: str = "") -> None:
        now, width = time.monotonic(), _columns()
        # a training that goes on does not begin at 0
        self.first = share if self.first is None else self.first
        early = now - self.start < 2 or now - self.last < (0.2 if width else 5)
        if early if share < 1 else not self.shown:
            return
        self.last, self.shown = now, True
        cells = min(24, width // 4 or 24)
        bar = "#" * round(cells * share) + "-" * (cells - round(cells * share))
        seconds = (now - self.start) * (1 - share) / max(share - self.first, 1e-6)
        text = f"{bar} {share:4.0%}  {seconds:,.0f} s left  {words}"
        tell(f"\r{text[: width - 1]:{width - 1}}" if width else text, "stderr", end="" if width else "\n")


def _columns() -> int:
    """How wide the terminal is now; 0 if stderr is none."""
    try:
        return (os.get_terminal_size(sys.stderr.fileno()).columns or 80) if sys.stderr.isatty() else 0
    except (OSError, ValueError, AttributeError):  # closed, or no such thing
        return 0


@contextmanager
def stops() -> Iterator[list[int]]:
    """The signals that ask to stop, in a list instead of in the middle of a step or of a file: the loop looks at it."""
    came, before = [], {}
    if threading.current_thread() is threading.main_thread():
        for number in SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup: it shall not stop
                before[number] = signal.signal(number, lambda number, _: came.append(number))
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def train(args) -> int:
    """fit(*parts) with a bar around it. Whatever ends it, what was learned is written."""
    from .. import store
    from ..machine import pick_device

    build, told = _asked(args)
    if args.checkpoint and os.path.realpath(args.checkpoint) == os.path.realpath(args.out):
        raise ValueError("--checkpoint and --out are two files: give one of them another name.")
    device = pick_device(args.device)
    d = _data(args)
    if args.items and args.items > len(d):
        raise ValueError(f"--items is at most {len(d):,}, all that {args.data} has.")
    learned = d.split(args.items)[0] if args.items and args.items < len(d) else d
    told, before = _started(args, told, learned) if args.start else (told, {})
    model, parts = build(learned, seed=args.seed, device=device, **told)
    words = [Path(w).name if "/" in w or "\\" in w else w for w in sys.argv[1:]]  # no folders of this machine
    about = {"data": args.data, "items": len(learned), "model": args.model, "seed": args.seed, "device": device}
    card = store.card(**about, **before, command="python -m diffusion_lib " + shlex.join(words))
    with stops() as came:
        record, fault = _learn(args, parts, came)
        if record is None:
            raise fault or ValueError("Nothing was learned, so nothing was written.")
        card |= {"steps": record.step, "seconds": round(record.seconds, 1), "batch": parts.batch}
        if record.progress < 1 and not args.checkpoint:
            _spare(args.out)
        out, elsewhere = _keep(args, model, card, came)
        if elsewhere:
            complain(elsewhere)
        wrote(out, f"{record.step:,} steps in {record.seconds:,.0f} s on {device}")
    by_hand = not came or came[0] == signal.SIGINT
    return 1 if fault or elsewhere else 0 if by_hand else 128 + came[0]


def _data(args):
    """What the options ask to learn from."""
    from .. import data
    from ..data.catalog import default, takes

    if args.words and args.model != "ddpm":
        raise ValueError(f"--words is an option of --model ddpm, not of {args.model}: leave it out.")
    options = {"size": args.size} if args.size else {}
    if args.words:
        options["words"] = True
    if args.items and "n" in takes(args.data) and args.items > default(args.data, "n"):
        options["n"] = args.items
    return data.load(args.data, **options)


def models() -> dict:
    """What --model may name: the module that has its `build`."""
    from ..evaluation import classifier
    from ..families import FAMILIES

    return {name.lower(): family for name, family in FAMILIES.items()} | {"classifier": classifier}


def _asked(args) -> tuple[Callable, dict]:
    """The `build` of the model that the options ask for, and what it is told."""
    takes = {name: inspect.signature(model.build).parameters for name, model in models().items()}
    told = {option: value for option in TOLD if (value := getattr(args, option))}
    for option in told:
        if option not in takes[args.model]:
            having, name = " and ".join(name for name in takes if option in takes[name]), option.replace("_", "-")
            raise ValueError(f"--{name} is an option of --model {having}, not of {args.model}: leave it out.")
    if args.start and args.model != "ddpm":
        raise ValueError(f"--start is an option of --model ddpm, not of {args.model}: leave it out.")
    if args.depth and not args.start:
        raise ValueError("--depth makes the network of --start deeper: give --start, too, or leave it out.")
    if args.biases and (not args.start or args.depth):
        raise ValueError(
            "--biases leaves the matrices of --start as they are: give --start, and no --depth, or leave it out."
        )
    return models()[args.model].build, told


def _started(args, told: dict, d) -> tuple[dict, dict]:
    """What `ddpm.build` is told, with the network of the weights that --start names; and their card, for the new one."""
    from .. import ddpm, store
    from ..deeper import deeper
    from ..machine import seeded_weights

    for option in [o for o in ("channels", "predicts", "learn_variance") if o in told]:
        raise ValueError(f"--{option.replace('_', '-')} is as the weights of --start have it: leave it out.")
    source = args.start
    model = store.load(source)
    if not isinstance(model, ddpm.MODEL):
        raise ValueError(
            f"--start needs weights of --model ddpm, but those in {source} are a {type(model).__name__}'s."
        )
    known, here = (model.shape, model.classes), (tuple(d.x.shape[1:]), d.counts if d.x.ndim > 2 else 0)
    if known != here:
        said = "The weights in {} know samples of shape {} and classes {}, but the data have {} and {}"
        raise ValueError(said.format(source, *known, *here) + ": choose --data, --size and --words to suit.")
    with seeded_weights(args.seed):
        net = deeper(model.net, args.depth) if args.depth else model.net
    kept = {"schedule": model.schedule, "predicts": model.predicts, "learn_variance": model.learns_variance}
    for p in net.parameters():
        p.requires_grad_(p.ndim < 2 or not args.biases)
    more = {"net": net, "words_first": False}
    return told | kept | more, {"start": model.card}


def _learn(args, parts, came: list[int]):
    """The last Record, None if nothing was learned; and what ended the training, None if it was its end or a signal."""
    from ..train import fit

    bar, record, fault = Bar(), None, None
    length = {"steps": args.steps} if args.steps else {"seconds": args.seconds or 120.0}
    try:
        with closing(fit(*parts, **length, seed=args.seed, checkpoint=args.checkpoint)) as records:
            for record in records:
                values = "  ".join(f"{k} {v:.4f}" for k, v in record.values.items())
                bar(record.progress, f"step {record.step:,}   {values}")
                if came:
                    break
    except KeyboardInterrupt:
        came.append(signal.SIGINT)
    except Exception as error:  # a loss that is no number, too little memory, a slip of ours
        fault = error
    if record is not None and came and record.progress < 1:
        tell("Stopped: what was learned so far is kept.", "stderr")
    if record is not None and fault:
        complain(f"{sentence(fault).rstrip('.')}. What was learned until step {record.step:,} is kept.")
    return record, fault


def _spare(out: Path) -> None:
    """A training that was broken off takes the name, but not the place of weights that may have learned for hours."""
    old = out.with_name(f"{out.stem[:80]}-before-{os.getpid()}{out.suffix}")
    with suppress(OSError):
        os.replace(out, old)
        tell(f"The weights that were in {out} before are now in {old}.", "stderr")


def _keep(args, model, card: dict, came: list[int]) -> tuple[Path, str]:
    """Write the weights at --out, or else where it is possible (see files.keep), or else wait for room while somebody looks on."""
    from .. import store

    bits, why, asked = args.bits, "", len(came)
    while True:
        try:
            out, elsewhere = files.keep(args.out, lambda path: store.save(path, model, card, bits))  # noqa: B023
            return out, f"{why} {elsewhere}".strip()
        except ValueError as error:
            if bits == 32:
                raise
            bits, why = 32, f"{error} They are kept with 32 bits instead."
        except OSError as error:
            if not _columns() or set(came) - {signal.SIGINT}:
                raise
            complain(f"{error} What was learned waits for that: it is tried again and again, until Ctrl+C gives it up.")
            _wait(came, asked)
            if len(came) > asked:
                raise


def _wait(came: list[int], asked: int, seconds: float = 5) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and len(came) == asked:
        time.sleep(0.1)
