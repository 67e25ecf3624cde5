"""What a network is built on: a device that is here, dice that disturb nobody's, a precision that is quick here."""

from __future__ import annotations

import copy
import math
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace

import torch
from torch import Tensor, nn

from .dataset import Data
from .diffusion import randn_like
from .nets import Net
from .values import integer, need, seeded


def pick_device(wanted: str | None = None) -> torch.device:
    """CUDA, else MPS, else the CPU; `wanted` or the environment variable DIFFUSION_LIB_DEVICE overrides.

    Raises ValueError for a device that is not here.
    """
    who = "" if wanted else " (DIFFUSION_LIB_DEVICE asks for it)"
    wanted = wanted or os.environ.get("DIFFUSION_LIB_DEVICE")
    here = [d for d, ok in (("cuda", torch.cuda.is_available()), ("mps", torch.backends.mps.is_available())) if ok]
    here.append("cpu")
    try:
        device = torch.device(wanted or here[0])
        if device.type not in here:
            raise ValueError
        torch.zeros(1, device=device)  # cuda:7 is a name, but is it there?
    except Exception as error:
        said = f"There is no device {wanted!r} here{who}: choose one of {', '.join(here)}, or leave it out."
        raise ValueError(said) from error
    return device


def check_build(data: Data, device, several: bool = False, **whole: int | None) -> None:
    """What every `build` refuses before it begins: what is no Data, a device that is not here, whole numbers that are none."""
    said = f"A network is built for a Data, such as data.digits() or data.Data(x), but got {type(data).__name__}."
    need(isinstance(data, Data), said)
    data.check()
    said = "Only a DDPM can be told several things at once: for others, leave words out of the data."
    need(not isinstance(data.counts, list) or several, said)
    for name, n in whole.items():
        if n is not None:
            says = f"{name} is a whole number of at least 1, or None for what suits the data, but got {f'{n!r:.60}'.splitlines()[0]}."
            integer(n, 1, math.inf, says)
    said = f'device is a name such as "cpu" or "cuda", but got {device!r:.60}.'
    need(device is None or isinstance(device, str | torch.device), said)
    pick_device(device)


def settle(told: dict, suited: Callable[[Data], dict], several: bool = False) -> SimpleNamespace:
    """The options of a `build`: told, its locals(), in which None becomes what suits the data; raises what `check_build` does.

    Beside them stand shape, that of one item; points: are they?; classes, as `Data.counts` says, and 0 for points.
    """
    data = told["data"]
    check_build(data, told["device"], several, **{k: told[k] for k in ("latent", "channels", "batch") if k in told})
    told |= {k: v for k, v in suited(data).items() if told[k] is None}
    points = data.x.ndim == 2
    return SimpleNamespace(**told, shape=tuple(data.x.shape[1:]), points=points, classes=0 if points else data.counts)


@contextmanager
def seeded_weights(seed: int) -> Iterator[None]:
    """Inside, a new network's weights are those of this seed; the reader's own dice lie afterwards as they lay before."""
    with torch.random.fork_rng(devices=[]):  # weights are made on the CPU
        torch.default_generator.manual_seed(seeded(seed))
        yield


def randn_there(x: Tensor, generator: torch.Generator) -> Tensor:
    """N(0, I) of x's shape, drawn where x lives from a seed that the generator gives: for training, in which each kind of device may
    have noise of its own. A processor takes longer to draw it than a CUDA card to learn from it."""
    if x.device.type == "cpu":
        return randn_like(x, generator)
    seed = int(torch.randint(2**62, (), generator=generator, device="cpu"))
    return randn_like(x, torch.Generator(x.device).manual_seed(seed))


_gate, _all, _beside = threading.Lock(), 0, 0  # how many threads torch has when nobody leaves one, and how many do


@contextmanager
def beside_the_browser() -> Iterator[None]:
    """Inside, torch leaves one core to the browser that paints meanwhile: threads that wait for each other wait for it, too.

    Threads of Python may be inside together.
    """
    global _all, _beside
    with _gate:
        _all, _beside = _all if _beside else torch.get_num_threads(), _beside + 1
        torch.set_num_threads(max(1, _all - 1))
    try:
        yield
    finally:
        with _gate:
            _beside -= 1
            torch.set_num_threads(_all)


PRECISIONS = ("float32", "bfloat16", "auto")


def faster_precision(model: nn.Module, x: Tensor, seconds: float = 0.5) -> str:
    """ "bfloat16" if a short race on this machine shows that the network learns from x (B, ...) faster with it, else "float32"."""
    model, t, least = copy.deepcopy(model), torch.ones(len(x), dtype=torch.long, device=x.device), {}
    for precision in ("float32", "bfloat16"):
        start, best = time.perf_counter(), math.inf
        while time.perf_counter() - start < seconds:
            tick = time.perf_counter()
            with torch.autocast(x.device.type, torch.bfloat16, enabled=precision == "bfloat16"):
                loss = model(x, t).float().pow(2).mean()
            loss.backward()
            loss.item()  # waits for a GPU
            best = min(best, time.perf_counter() - tick)
        least[precision] = best
    return "bfloat16" if least["bfloat16"] < 0.9 * least["float32"] else "float32"


class Replayed:
    """work(), which changes tensors in place and decides nothing: on a CUDA card its kernels are recorded the second time and from
    then on begun by one command instead of hundreds (a CUDA graph). Elsewhere it is simply done. tensors: some that it changes."""

    def __init__(self, work: Callable[[], object], tensors: Sequence[Tensor]):
        self.work, self.here = work, bool(tensors) and tensors[0].is_cuda
        self.forget()

    def forget(self) -> None:
        """What was recorded works with tensors that are others now."""
        self.done, self.graph = 0, None

    def __call__(self) -> None:
        if self.here and self.done == 1:  # the first time made what it keeps from one time to the next
            self.graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self.graph):
                self.work()
        self.work() if self.graph is None else self.graph.replay()
        self.done += 1


def replayed(net: nn.Module, precision: str, data: Data, batch: int) -> Callable:
    """net(x, t, y), there and back: on a CUDA card recorded once, for batches of these data and this precision, as `Replayed` is.

    Elsewhere the network itself, and so with one of the reader's own: it may decide something on the way, which cannot be recorded.
    """
    if not data.x.is_cuda or not isinstance(net, Net):
        return net
    x, y = next(data.batches(batch))
    y = y if net.classes else None
    inputs = [x, torch.ones(len(x), dtype=torch.long, device=x.device), *([] if y is None else [y])]
    if quiet := getattr(torch.autograd.graph, "set_warn_on_accumulate_grad_stream_mismatch", None):
        quiet(False)  # what is recorded keeps its own stream: on purpose, and every learner would be told of it
    with torch.autocast("cuda", torch.bfloat16, enabled=precision == "bfloat16", cache_enabled=False):
        ask = torch.cuda.make_graphed_callables(_Asked(net), tuple(x.clone() for x in inputs))
    return lambda *now: ask(*now[: len(inputs)])


class _Asked(nn.Module):
    """Stands before a network, which so stays as it is: what is recorded puts itself in the place of a `forward`."""

    def __init__(self, net: nn.Module):
        super().__init__()
        self.net = net

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.net(*inputs)
