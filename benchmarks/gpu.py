"""How many times as fast as two cores is a graphics card? Writes benchmarks/gpu.json (two minutes).

    python benchmarks/gpu.py            the card that is here, and two threads of the processor beside it
    python benchmarks/gpu.py cpu        these parts only: two threads here; the card stays in the record

The same functions as in `python -m diffusion_lib train` and `sample`, with the same options. Training: steps of the shipped network,
each with its usual batch and with a large one, in the precision that a short race on the device says is quicker (`--precision auto`).
Sampling: pictures by 20 calls of dpmpp_2m. Seconds are the clock's, so on a quiet machine only; the first ones are not counted, and the
card has finished when the clock is read. `card_one_by_one` is the same card before the network's kernels were recorded (see `machine`).
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import torch
from book import opened, rounded, save

from diffusion_lib import data, ddpm, store
from diffusion_lib.machine import pick_device
from diffusion_lib.train import fit

OUT = Path(__file__).with_name("gpu.json")
THREADS, GOAL, CALLS = 2, 10, 20
# shipped weights, and the data that they know; pictures drawn by the card, and by the processor
NETWORKS = {
    "digits": ({}, 4000, 1000),
    "mnist": ({}, 2000, 128),
    "sprites32": ({"size": 32, "words": True, "n": 4000}, 2000, 64),
}
DATA = {"sprites32": "sprites"}
LARGE = 1024


def steps_a_second(name: str, d, batch: int, device, seconds: float) -> dict:
    """Of training as `train --precision auto --start NAME` does it, on d. The first half second is not counted."""
    model = store.load(name)
    kept = {"schedule": model.schedule, "predicts": model.predicts, "words_first": False}
    _, parts = ddpm.build(d, net=model.net.requires_grad_(True), batch=batch, precision="auto", device=device, **kept)
    start = begun = None
    for record in fit(*parts, seconds=3600):
        now = time.perf_counter()
        start = start or now
        if begun is None and now - start > 0.5:
            begun = (now, record.step)
        if begun and now - begun[0] > seconds and record.step > begun[1]:
            break
    rate = (record.step - begun[1]) / (now - begun[0])  # descend has asked for the loss: the card has finished
    return {
        "batch": batch,
        "precision": parts.learners[0].precision,
        "steps_a_second": rate,
        "items_a_second": rate * batch,
    }


def pictures_a_second(name: str, n: int, device) -> dict:
    """Of drawing as `sample --steps 20` does it."""
    model = store.load(name, device)
    best = 0.0
    for _ in range(3):
        start = time.perf_counter()
        for x in ddpm.draw(model, n, CALLS, batch=1000):
            x.sum().item()
        best = max(best, n / (time.perf_counter() - start))
    return {"n": n, "pictures_a_second": best}


def measure(name: str, device: torch.device, seconds: float = 3) -> dict:
    """Training with the usual batch and a large one, and sampling."""
    options, many, few = NETWORKS[name]
    d = data.load(DATA.get(name, name), **options)
    batches = (ddpm.suited(d)["batch"], LARGE)
    rows = [steps_a_second(name, d, batch, device, seconds) for batch in batches]
    numbers = sum(p.numel() for p in store.load(name).net.parameters())
    return {
        "parameters": numbers,
        "training": rows,
        "sampling": pictures_a_second(name, few if device.type == "cpu" else many, device),
    }


# in benchmarks/README.md
HEAD = "| network | training, usual batch: steps a second, two cores and card | ratio | training, batch of 1,024 | ratio | sampling: pictures a second | ratio |\n|---|---|---|---|---|---|---|\n"


def table(book: dict) -> list[str]:
    """A row for each network; bold where the goal is reached."""
    rows = []
    for name, (slow, fast) in ((n, (book["cpu"]["networks"][n], book["card"]["networks"][n])) for n in NETWORKS):
        pairs = [
            (a["steps_a_second"], b["steps_a_second"]) for a, b in zip(slow["training"], fast["training"], strict=True)
        ]
        pairs.append((slow["sampling"]["pictures_a_second"], fast["sampling"]["pictures_a_second"]))
        cells = []
        for a, b in pairs:
            ratio = f"{b / a:.1f}"
            cells += [f"{a:,.2f}, {b:,.1f}", f"**{ratio}**" if b / a >= GOAL else ratio]
        rows.append(f"| {name} | {' | '.join(cells)} |")
    return rows


def main() -> None:
    asked = sys.argv[1:] or ["card", "cpu"]
    book, there = opened(OUT), {"card": pick_device(), "cpu": torch.device("cpu")}
    if "card" in asked and there["card"].type == "cpu":
        raise SystemExit(
            "There is no graphics card here: only the part cpu can be measured (python benchmarks/gpu.py cpu)."
        )
    torch.set_num_threads(THREADS)
    for part in asked:
        networks, load = {}, os.getloadavg()[0]
        for name in NETWORKS:
            networks[name] = rounded(measure(name, there[part]), 2)
            print(part, name, networks[name], flush=True)
        book[part] = store.card(device=there[part]) | {"load": load, "networks": networks}
        save(OUT, book)


if __name__ == "__main__":
    main()
