"""How much of what a processor can do does a U-Net get? Writes benchmarks/rate.json, a row for each number of threads (a minute).

    python benchmarks/rate.py                   as many threads as there are cores
    python benchmarks/rate.py --threads 1
    python benchmarks/rate.py --name "AMD EPYC"      rows of a second processor, beside those of the first

The yardstick is a convolution such as these networks are made of: 3 x 3, 64 channels to 64, on 64 pictures of 16 x 16, float32, in
the layout that is fastest (channels_last). A shipped network on 64 pictures and the yardstick take turns of about as many
operations, so whatever else runs hits both; of each the quickest turn counts. Sampling: calls without slopes, both. Training:
there and back, both, without the optimizer. A multiply-add is two operations; normalisation and activations count as none.
With one thread the seconds are the processor's, so that neighbours count little; with more they are the clock's: on a quiet machine only.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from book import opened, rounded, save
from torch import Tensor, nn

from diffusion_lib import store
from diffusion_lib.evaluation.cost import forward_flops

OUT = Path(__file__).with_name("rate.json")
NETWORKS = ("digits", "mnist", "sprites32")
BATCH, CHANNELS, SIDE = 64, 64, 16
GOALS = {"sampling": 0.65, "training": 0.75}
BACK = 3  # there costs F; back 2 F, for the slopes of weights and of activations


def yardstick() -> tuple[nn.Module, tuple[Tensor]]:
    """The convolution, and what it is given."""
    layer = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1).to(memory_format=torch.channels_last)
    x = torch.randn(BATCH, CHANNELS, SIDE, SIDE).to(memory_format=torch.channels_last)
    return layer, (x.requires_grad_(),)


def network(name: str, n: int = BATCH) -> tuple[nn.Module, tuple[Tensor, ...]]:
    """A shipped network and the n pictures that it is given, with what it can be told."""
    model = store.load(name)
    t, y = torch.full((n,), model.schedule.T // 2), torch.zeros(n, dtype=torch.long)
    y = y[:, None].repeat(1, len(model.classes)) if isinstance(model.classes, list) else y
    return model.net.requires_grad_(), (torch.randn(n, *model.shape), t, y)


def call(net: nn.Module, inputs: tuple) -> None:
    """As in sampling."""
    with torch.no_grad():
        net(*inputs)


def there_and_back(net: nn.Module, inputs: tuple) -> None:
    """As in training, without the optimizer."""
    answer = net(*inputs)
    answer.backward(answer.detach())  # a slope that costs nothing
    for tensor in (*net.parameters(), *inputs):
        tensor.grad = None


WORK = {"sampling": (call, 1), "training": (there_and_back, BACK)}


def quickest(works: list[Callable], turns: int, clock: Callable[[], float]) -> list[float]:
    """Seconds of the quickest turn of each work; they take turns, and each begins with one that is not counted."""
    least = [float("inf")] * len(works)
    for turn in range(turns + 1):
        for i, work in enumerate(works):
            start = clock()
            work()
            if turn:
                least[i] = min(least[i], clock() - start)
    return least


def measure(name: str, turns: int, clock: Callable[[], float]) -> dict:
    """Operations of a call; and of each WORK the GFLOP/s of the network, of the yardstick, and their ratio."""
    net, conv = network(name), yardstick()
    flops, each = forward_flops(net[0], *net[1]), forward_flops(conv[0], *conv[1])
    often, found = max(1, round(flops / each)), {"call_flops": flops}
    for what, (work, times) in WORK.items():
        works = [partial(work, *net), lambda work=work: [work(*conv) for _ in range(often)]]
        seconds = quickest(works, turns, clock)
        mine, best = (times * f / s / 1e9 for f, s in zip((flops, often * each), seconds, strict=True))
        found[what] = {"gflops": mine, "yardstick": best, "ratio": mine / best}
    return found


HEAD = "| threads, instructions | digits: sampling, training | MNIST | sprites |\n|---|---|---|---|\n"  # in benchmarks/README.md


def table(book: dict) -> list[str]:
    """A row for each number of threads and set of instructions: the network's share of the yardstick's rate, bold where a goal is reached."""
    rows = []
    for key, row in book.items():
        cells = []
        for name in NETWORKS:
            shares = {what: row["networks"][name][what]["ratio"] for what in GOALS}
            said = (f"**{v:.1%}**" if v >= GOALS[what] else f"{v:.1%}" for what, v in shares.items())
            cells.append(", ".join(said))
        rows.append(f"| {key} | {' | '.join(cells)} |")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--turns", type=int, default=15)
    parser.add_argument("--name", default="", help="of the processor, for rows beside those of another")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    clock = time.process_time if args.threads == 1 else time.perf_counter
    rows = {name: rounded(measure(name, args.turns, clock), 3) for name in NETWORKS}
    book, about = opened(OUT), {k: v for k, v in store.card().items() if k != "versions"}
    # ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 before the command acts an older processor
    instructions = torch.backends.cpu.get_cpu_capability()
    named = f", {args.name}" if args.name else ""  # of a second kind of machine, beside the first
    book[f"{args.threads} x {instructions}{named}"] = about | {"load": os.getloadavg()[0], "networks": rows}
    for name, row in rows.items():
        print(name, *(f"{what} {row[what]['ratio']:.0%} (goal {goal:.0%})" for what, goal in GOALS.items()), flush=True)
    save(OUT, book)


if __name__ == "__main__":
    main()
