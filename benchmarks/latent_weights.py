"""Train the networks of lesson 09, and measure what its text says: five weights and records/latents.json.

    python benchmarks/latent_weights.py                  everything, about 15 minutes of one core
    python benchmarks/latent_weights.py digits_vae2      one of the weights
    python benchmarks/latent_weights.py --measure        the JSON again, with the weights that are there (1 minute)
    python benchmarks/latent_weights.py --s              nine trainings of a VAE, with s learned and s fixed (4 minutes on two cores)
    python benchmarks/latent_weights.py --audit          the JSON once more, and does it say the same? (5 minutes)

No network is told a class: what is learned of "3" and "8" is learned from the pictures alone. What is measured is what the lesson
measures, by its own functions.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import product
from multiprocessing import get_context
from pathlib import Path

import torch
from book import opened, rounded, save

from diffusion_lib import ddpm, gan, store, vae
from diffusion_lib.course.lesson09.measures import (
    again,
    dial,
    drawn_by_all,
    edges,
    from_noise,
    lost,
    makers,
    seen_and_unseen,
    slerp,
    squared_error,
    straight,
)
from diffusion_lib.diffusion import randn_like
from diffusion_lib.evaluation import classifier
from diffusion_lib.evaluation.metrics import frechet
from diffusion_lib.evaluation.records import RECORDS, read
from diffusion_lib.files import expanded
from diffusion_lib.train import fit

LEARN, UNSEEN = (replace(part, y=None) for part in seen_and_unseen())
STEPS, SDS, SEEDS = 3000, (None, 0.3, 0.5), (0, 1, 2)  # of the comparison of decoders' s
JOBS = {  # name: what builds it, from which pictures, its options, its steps
    "digits_vae2": (vae.build, LEARN, {"latent": 2}, 4000),
    "digits_vae": (vae.build, LEARN, {"latent": 16}, 4000),
    "digits_vae_wide": (vae.build, LEARN, {"latent": 16, "sd": 0.5}, 4000),
    "digits_gan": (gan.build, LEARN, {}, 5000),
    "digits_twenty": (ddpm.build, LEARN.subset(20), {"channels": 16, "batch": 64, "precision": "float32"}, 3000),
}


def train(name: str, out: Path) -> None:
    build, learn, options, steps = JOBS[name]
    model, parts = build(learn, **options)
    for record in fit(*parts, steps=steps):
        if record.step % 500 == 0:
            print(name, record, flush=True)
    facts = {
        "data": f"digits, {len(learn)} of the 1,000 learned, no classes",
        "steps": steps,
        "seconds": round(record.seconds),
        "seed": 0,
        "command": f"python benchmarks/latent_weights.py {name}",
    }
    store.save(out / f"{name}.safetensors", model, store.card(**facts), bits=16)


# ---------------------------------------------------------------------------------------- what the text says


@torch.no_grad()
def judge(model: vae.VAE, n: int = len(UNSEEN)) -> dict[str, float]:
    """Of a VAE. error, named (the share that a classifier reads as what they were), bits: of unseen digits, encoded and decoded.

    frechet: distance of n decoded z ~ N(0, I); frechet_clouds: of z ~ q(z | x) of n seen x instead; width: of q, on average;
    and `lost` on the digits it has seen.
    """
    eye, truth = store.load("classifier_digits"), seen_and_unseen()[1].y
    real, back = classifier.features(eye, UNSEEN.x), again(model, UNSEEN.x)
    mu, logvar = model.encode(LEARN.x[:n])
    width = (0.5 * logvar).exp()
    clouds = model.decode(mu + width * randn_like(mu, torch.Generator().manual_seed(0))).clamp(-1, 1)
    drawn = {"frechet": torch.cat(list(vae.draw(model, n))), "frechet_clouds": clouds}
    found = {name: frechet(classifier.features(eye, x), real) for name, x in drawn.items()}
    found |= {"s": float(model.log_s.exp()), "width": float(width.mean()), "error": squared_error(back, UNSEEN.x)}
    found |= {
        "named": classifier.accuracy(eye, back, truth),
        "bits": vae.bits_per_dimension(model, UNSEEN.x, UNSEEN.levels),
    }
    return found | {k: v for k, v in lost(model, LEARN.x).items() if k != "error"}


def run(sd: float | None, seed: int) -> dict:
    model, parts = vae.build(LEARN, latent=16, sd=sd, seed=seed)
    for _ in fit(*parts, steps=STEPS, seed=seed):
        pass
    return {"fixed": sd is not None, "seed": seed, "steps": STEPS} | judge(model)


def nine() -> list[dict]:
    """Every s with every seed, a process with one thread for each core."""
    sds, seeds = zip(*product(SDS, SEEDS), strict=True)
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn"), torch.set_num_threads, (1,)) as pool:
        return list(pool.map(run, sds, seeds))


def floors(times: int = 8) -> list[float]:
    """Frechet distances of as many real digits as are unseen from those, chosen at random from the others."""
    eye, found = store.load("classifier_digits"), []
    for seed in range(times):
        i = torch.randperm(len(LEARN), generator=torch.Generator().manual_seed(seed))[: len(UNSEEN)]
        found.append(frechet(classifier.features(eye, LEARN.x[i]), classifier.features(eye, UNSEEN.x)))
    return found


def midpoints(n: int = 797) -> list[dict]:
    """Frechet distance of n pictures from the ends of walks, and from the middles of straight ones and of arcs; three seeds."""
    eye, denoiser, net = (store.load(name) for name in ("classifier_digits", "digits", "digits_gan"))
    real, found = classifier.features(eye, UNSEEN.x), []
    for name, draw, shape in (("diffusion", partial(from_noise, denoiser), denoiser.shape), ("GAN", net, (32,))):
        for seed in SEEDS:
            a, b = torch.randn(2, n, *shape, generator=torch.Generator().manual_seed(seed))
            places = {"ends": a, "straight": straight(a, b, 0.5), "arc": slerp(a, b, 0.5)}
            row = {where: frechet(classifier.features(eye, draw(z)), real) for where, z in places.items()}
            found.append({"name": name, "seed": seed} | row)
    return found


@torch.no_grad()
def halfway(n: int = 200, seed: int = 0) -> dict[str, dict[str, float]]:
    """Contrast (standard deviation of the pixels of a picture, the mean over n) at the ends of walks, half way on arcs and on
    straight lines, and of a plain cross-fade of the two ends; and how long the codes are."""
    g, (box, net, denoiser) = (
        torch.Generator().manual_seed(seed),
        map(store.load, ("digits_vae", "digits_gan", "digits")),
    )
    x = UNSEEN.x[torch.randperm(len(UNSEEN), generator=g)[: 2 * n]]
    codes = {
        "VAE": (box.decode, box.encode(x)[0]),
        "GAN": (net, net.noise(2 * n, g)),
        "diffusion": (partial(from_noise, denoiser), torch.randn(2 * n, *denoiser.shape, generator=g)),
    }
    found = {}
    for name, (draw, code) in codes.items():
        a, b = code.chunk(2)
        ends = draw(a), draw(b)
        seen = {
            "ends": ends[0],
            "arc": draw(slerp(a, b, 0.5)),
            "straight": draw(straight(a, b, 0.5)),
            "fade": sum(ends) / 2,
        }
        found[name] = {k: float(v.flatten(1).std(1).mean()) for k, v in seen.items()}
        found[name] |= {"length": float(code.flatten(1).norm(dim=1).mean()), "numbers": a[0].numel()}
    return found


def measure() -> dict:
    pictures = drawn_by_all()
    return {
        "command": "python benchmarks/latent_weights.py",
        "machine": store.card()["machine"],
        "kept": {name: judge(store.load(name)) for name in ("digits_vae2", "digits_vae", "digits_vae_wide")},
        "real_named": classifier.accuracy(store.load("classifier_digits"), UNSEEN.x, seen_and_unseen()[1].y),
        "mean_digit": squared_error(LEARN.x.mean(0), UNSEEN.x),
        "edges": {name: edges(x) / edges(pictures["real"]) for name, x in pictures.items()},
        "copying": {name: dial(*sets) for name, sets in makers().items()},
        "frechet_floor": floors(),
        "midpoints": midpoints(),
        "halfway": halfway(),
    }


def compare() -> dict[str, list]:
    """Which numbers of the JSON are not the same, to the last digit, when they are made once more: {where: [then, now]}."""
    then = read("latents")
    now = rounded({"s": nine()} | measure())
    then, now = (dict(leaves({k: v for k, v in d.items() if k not in ("command", "machine")})) for d in (then, now))
    return {k: [then.get(k), now.get(k)] for k in then | now if then.get(k) != now.get(k)}


def leaves(value, path: str = "") -> Iterator[tuple[str, object]]:
    """(where, number) of everything in nested dicts and lists."""
    if isinstance(value, (dict, list)):
        for k, v in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(v, f"{path}/{k}")
    else:
        yield path, value


def audit() -> int:
    """`compare`, written to benchmarks/audit_latents.json. How many numbers differ; 0 on another processor than recorded."""
    start, differ = time.perf_counter(), compare()
    then, now = read("latents")["machine"], store.card()["machine"]
    report = {
        "numbers": len(list(leaves(read("latents")))) - 2,
        "numbers_that_differ": len(differ),
        "differ": differ,
        "minutes": round((time.perf_counter() - start) / 60, 1),
    }
    save(Path(__file__).with_name("audit_latents.json"), report | store.card())
    print(
        f"latents: {report['numbers']} numbers again in {report['minutes']} minutes; {len(differ)} differ {differ or ''}"
    )
    if then != now:  # another processor rounds otherwise, and a training magnifies that
        print(f"They were recorded on {then}, and this is {now}: not to be expected to the last digit.")
        return 0
    return len(differ)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("names", nargs="*", help=f"which weights: {', '.join(JOBS)}; none: all")
    parser.add_argument("--measure", action="store_true", help="train nothing, only measure")
    parser.add_argument("--s", action="store_true", help="only the nine trainings that compare decoders")
    parser.add_argument("--audit", action="store_true", help="train and measure what --s and --measure do, and compare")
    parser.add_argument("--out", type=expanded, default=store.FOLDER, help="a folder for the weights")
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.audit:
        return 1 if audit() else 0
    everything = not (args.names or args.measure or args.s)
    for name in JOBS if everything else args.names:
        train(name, args.out)
    if everything or args.s:
        note({"s": nine()})
    if everything or args.measure:
        note(measure())
    return 0


def note(facts: dict) -> None:
    """Write these facts into the record; the others in it stay."""
    path = RECORDS / "latents.json"
    save(path, opened(path) | rounded(facts))


if __name__ == "__main__":
    raise SystemExit(main())
