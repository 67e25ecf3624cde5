"""Does a learned variance draw better digits than beta or beta-tilde? Writes benchmarks/variances.json (minutes on one core).

One network (`digits_learned`), five throws of the dice. In each, the three variances walk from the same noise with the same dice,
200 digits each, in as many steps as lesson 04 shows. One network: this says nothing of other trainings. The variances and the
steps are the lesson's, for it is the lesson's picture that is measured.
"""

from __future__ import annotations

from pathlib import Path

import torch
from book import save

from diffusion_lib import data, store
from diffusion_lib.course.lesson04.denoisers import COUNTS, VARIANCES
from diffusion_lib.evaluation import distances
from diffusion_lib.sampling import sample

OUT = Path(__file__).with_name("variances.json")


def throw(seed: int, n: int = 200) -> dict:
    """{variance: {steps: Frechet distance to real digits}} with one throw of the dice."""
    model, y = store.load("digits_learned"), torch.arange(n) % 10
    far, *_ = distances.distances(store.load("classifier_digits"), data.digits().split(1000)[1], n)
    xT, found = torch.randn(n, *model.shape, generator=torch.Generator().manual_seed(seed)), {}
    for name, v in VARIANCES.items():
        found[name] = {}
        for count in COUNTS:
            dice = torch.Generator().manual_seed(1000 + seed)
            way = {"generator": dice, "v": v, "clip": 1.0, "y": y}
            *_, last = sample(model, xT, model.schedule, count, **way)
            found[name][str(count)] = round(far(last.xs), 2)
    return {"seed": seed} | found


if __name__ == "__main__":
    rows = []
    for seed in range(5):
        rows.append(throw(seed))
        print(rows[-1], flush=True)
    save(OUT, store.card(weights="digits_learned") | {"seeds": rows})
