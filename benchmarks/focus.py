"""What does a focus on a few words buy, and what does it cost the others? Writes benchmarks/focus.json.

    python benchmarks/focus.py                three throws of the dice, with and without, each 100 processor seconds of one thread
    python benchmarks/focus.py --seconds 60

Both start from the same weights; as the seconds are the processor's, neighbours count little. The error is that of the moving
average on sprites that it has never seen, told every word, at three noises: the mean square of what is answered minus what is true
(v). Once of the cats whose eyes are in focus, where cats' eyes show (each place counts as `telling.Focus` says, less its even half),
and once of all sprites, at all places.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import optimizers
import torch
from optimizers import learned, unseen
from torch import Tensor

from diffusion_lib import ddpm
from diffusion_lib.data.factors import TOLD
from diffusion_lib.evaluation.shortfall import time_of
from diffusion_lib.telling import Focus

OUT = Path(__file__).with_name("focus.json")
WORDS, THING = ("happy", "sleepy", "winking"), "eyes"
NOISES = (0.5, 1.0, 2.0)  # sigma, as sqrt(1 / alpha_bar - 1)


@torch.no_grad()
def errors(model, d, where: Tensor) -> dict:
    """Of the average, for each noise: at the eyes in focus, where (1, H, W) they show, and of everything. The same noise for everybody."""
    values = torch.tensor([TOLD[THING].index(word) for word in WORDS])
    cats = d.subset(torch.isin(d.y[:, list(TOLD).index(THING)], values))
    out = {}
    for s in NOISES:
        out[f"{s:g}"] = {}
        for name, part, places in (("eyes", cats, where), ("all", d, 1.0)):
            t = torch.full((len(part),), time_of(s, model.schedule))
            eps = torch.randn(part.x.shape, generator=torch.Generator().manual_seed(1))
            loss = ddpm.ddpm_loss(model.net, part.x, t, eps, model.schedule, model.predicts, part.y, places)
            out[f"{s:g}"][name] = float(loss)
    return out


HEAD = "| σ | at the eyes: without, with | with less without | of everything: without, with | with less without |\n|---|---|---|---|---|\n"


table = partial(optimizers.table, key="focus", both=(False, True), columns=("eyes", "all"))


def main() -> None:
    told = lambda focused: {"optimizer": "muon", "focus": WORDS if focused else ()}
    look = lambda model: errors(model, unseen(), 2 * Focus(learned(), WORDS).places - 1)
    optimizers.race(OUT, __doc__, "focus", (False, True), NOISES, told, look, 100.0)


if __name__ == "__main__":
    main()
