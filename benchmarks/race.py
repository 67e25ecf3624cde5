"""Seconds of training to equal quality, on the same data and machine: our recipe against three public ones.

    python benchmarks/race.py             about an hour and a half on two cores; writes benchmarks/race.json
    python benchmarks/race.py --smoke     everything once in a minute or two, with far too little training; writes nothing

Everybody learns the same 5,000 MNIST digits without their classes, alone on the machine, with the same number of threads.
Ours trains for --ours-seconds; the score it then has is the target (or --target). A peer trains up to --cap times as
long, and is judged at times that grow geometrically, until it reaches the target or is out of time. Judging is not on
the clock, building the network is. Score: the Frechet distance, on the features of our own digit classifier, between
1,000 samples and 2,500 real digits: no FID. What 1,000 other real digits score stands beside it.
Drawing 1,000 samples takes a peer minutes, so a first look takes 200: if they are hopeless, the other 800 are not
drawn, except at the end. The peers are in benchmarks/peers; what was changed in their recipes is in the JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch
from book import rounded, save

from diffusion_lib import data, store
from diffusion_lib.evaluation import classifier
from diffusion_lib.evaluation.metrics import frechet
from diffusion_lib.train import fit

HERE = Path(__file__).parent
OUT = HERE / "race.json"
HOME = HERE / ".peers"  # the environment that peers with dependencies of their own run in
REAL = 2500  # pictures that samples are compared with
# denoising-diffusion-pytorch asks for torchvision too, which is not needed (see peers/lucidrains.py) and would bring its own torch
NEEDS = ("accelerate==1.15.0", "ema-pytorch==0.8.3", "einops==0.8.2", "numpy", "pillow", "scipy", "tqdm", "packaging")
ALONE = ("denoising-diffusion-pytorch==2.3.4",)
# name: (its script, whether it needs the environment above). The last one is not in the race unless it is asked for
PEERS = {
    "lucidrains": ("lucidrains.py", True),
    "course_unit1": ("course.py", False),
    "course_unit2": ("course.py", False),
    "lucidrains_small": ("lucidrains.py", True),
}


# ---------------------------------------------------------------------------------------- bookkeeping


def checkpoints(seconds: float, cap: float, n: int) -> list[float]:
    """n times from `seconds` to cap * seconds, each the same factor later than the one before."""
    return [seconds * cap ** (i / (n - 1)) for i in range(n)]


def verdict(curve: list[dict], target: float) -> dict:
    """When was the target reached? reached: seconds at the first checkpoint that scored it, or None; missed: at the last before."""
    missed = 0.0
    for point in curve:
        if point["complete"] and point["frechet"] <= target:
            return {"reached": point["seconds"], "missed": missed}
        missed = point["seconds"]
    return {"reached": None, "missed": missed}


def times_ours(ours: list[dict], peer: list[dict], seed: int = 0) -> dict | None:
    """How many times our seconds a peer needed, from the verdicts of each seed; None if we do not always reach the target.

    ratio: of the medians, where a run that never reached the target counts with the seconds it had, so that the truth is
    larger (`more`: so it is with the median). at_least: the same, with the last checkpoint at which each peer had still
    missed. interval: 95 % of bootstraps over the seeds of both, if both have several.
    """
    if any(v["reached"] is None for v in ours) or not ours or not peer:
        return None
    mine = [v["reached"] for v in ours]
    theirs = [v["missed"] if v["reached"] is None else v["reached"] for v in peer]
    result = {
        "ratio": statistics.median(theirs) / statistics.median(mine),
        "more": 2 * sum(v["reached"] is None for v in peer) >= len(peer),
        "at_least": statistics.median(v["missed"] for v in peer) / statistics.median(mine),
    }
    if min(len(mine), len(theirs)) > 1:
        dice = random.Random(seed)
        ratios = sorted(
            statistics.median(dice.choices(theirs, k=len(theirs))) / statistics.median(dice.choices(mine, k=len(mine)))
            for _ in range(2000)
        )
        result["interval"] = [ratios[50], ratios[1949]]
    return result


# ---------------------------------------------------------------------------------------- the track


class Judge:
    """Scores samples against a fixed half of the real pictures."""

    def __init__(self, eye, x: torch.Tensor):
        self.eye, self.all = eye, classifier.features(eye, x)
        self.real = self.all[self._order(0)[:REAL]]

    def _order(self, seed: int) -> torch.Tensor:
        return torch.randperm(len(self.all), generator=torch.Generator().manual_seed(seed))

    def score(self, samples: np.ndarray) -> float:
        x = torch.from_numpy(samples)
        return frechet(classifier.features(self.eye, x), self.real) if bool(x.isfinite().all()) else float("inf")

    def floor(self, n: int) -> list[float]:
        """What n real pictures score against 2,500 others, in five splits."""
        orders = [self._order(seed) for seed in range(5)]
        return [frechet(self.all[o[:n]], self.all[o[n : n + REAL]]) for o in orders]


class Broken(Exception):
    """One sentence why a competitor has no result."""


def compete(python, script: str, job: dict, judge: Judge, target: float | None, hopeless: float | None) -> dict:
    """One competitor from start to end: {"about", "curve"}. Stops it at the target; hopeless: from which score on a first look is enough."""
    job = job | {"pilot": job["pilot"] if hopeless else job["samples"]}
    threads = str(job["threads"])
    about, curve = {}, []
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+") as errors:
        np.save(Path(folder) / "data.npy", job["x"])
        told = {k: v for k, v in job.items() if k != "x"} | {"folder": folder, "data": f"{folder}/data.npy"}
        quiet = {"TQDM_DISABLE": "1", "HF_HUB_OFFLINE": "1"}
        process = subprocess.Popen(
            [str(python), str(HERE / "peers" / script), json.dumps(told)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=os.environ | quiet | {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads},
        )
        try:
            for line in process.stdout:
                if not line.startswith("race: "):
                    continue
                facts = json.loads(line.removeprefix("race: "))
                if "about" in facts:
                    about = facts["about"]
                    continue
                point = {k: v for k, v in facts.items() if k not in ("samples", "lap")}
                point["frechet"] = judge.score(np.load(facts["samples"]))
                point["complete"] = point["n"] == job["samples"]
                curve[facts["lap"] :] = [point]  # in place of its first look, if it had one
                few = "" if point["complete"] else f" ({point['n']} samples)"
                print(
                    f"  {point['seconds']:7.1f} s  {point['images']:8,} pictures  score {point['frechet']:8.1f}{few}",
                    flush=True,
                )
                if not point["complete"]:
                    answer = "more" if point["frechet"] < hopeless else "on"
                else:
                    answer = "stop" if target is not None and point["frechet"] <= target else "on"
                process.stdin.write(answer + "\n")
                process.stdin.flush()
            process.stdin.close()
        except BrokenPipeError:  # it has died, and says below why
            pass
        except BaseException:
            process.kill()
            raise
        finally:
            code = process.wait()
        errors.seek(0)
        said = [line.strip() for line in errors.read().splitlines() if line.strip()]
    if code or not curve:
        raise Broken(said[-1][:300] if said else f"it ended with exit status {code} and said nothing")
    return {"seed": job["seed"], "about": about, "curve": curve}


def environment() -> Path:
    """The Python of the peers' own environment, made on first use. Raises Broken."""
    python = HOME / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    wanted = "\n".join((f"torch=={torch.__version__}", *NEEDS, *ALONE))
    ready = HOME / "ready"
    if ready.exists() and ready.read_text() == wanted:
        return python
    print(f"Installing {ALONE[0]} into {HOME} (a minute or more, once) ...", flush=True)
    _quietly([sys.executable, "-m", "venv", "--clear", str(HOME)])
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    same = f"torch=={torch.__version__}"  # the very build that we run on, e.g. 2.13.0+cpu
    try:
        _quietly([*pip, same])
    except Broken:  # PyPI has no CPU builds for Linux; PyTorch's own index, which `make lab CPU=1` asks too, has
        _quietly([*pip, same, "--extra-index-url", "https://download.pytorch.org/whl/cpu"])
    _quietly([*pip, *NEEDS])
    _quietly([*pip, "--no-deps", *ALONE])
    ready.write_text(wanted)
    return python


def _quietly(command: list[str]) -> None:
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode:
        said = [line for line in run.stderr.splitlines() if line.startswith("ERROR")] or [f"{command} failed"]
        raise Broken(said[-1][:300])


def gflops(seconds: float = 1.0) -> float:
    """What this machine multiplies: the best of products of 1024 x 1024 float32 matrices within a second."""
    a, b, best, start = torch.randn(1024, 1024), torch.randn(1024, 1024), float("inf"), time.perf_counter()
    while time.perf_counter() - start < seconds:
        tick = time.perf_counter()
        a @ b
        best = min(best, time.perf_counter() - tick)
    return 2 * 1024**3 / best / 1e9


def eye(d: data.Data, smoke: bool):
    """The shipped classifier; in a smoke test without it, one that has hardly learned."""
    if not smoke or "classifier_mnist" in store.names():
        return store.load("classifier_mnist")
    model, parts = classifier.build(d)
    for _ in fit(*parts, steps=60):
        pass
    return model


# ---------------------------------------------------------------------------------------- the race


def race(args) -> dict:
    d = data.mnist()
    judge = Judge(eye(d, args.smoke), d.x)
    floor, pilot_floor = judge.floor(args.samples), judge.floor(args.pilot)
    report = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "score": f"Frechet distance on {judge.real.shape[1]} features of our classifier, {args.samples:,} samples against {REAL:,} real digits",
        "real_against_real": {"n": args.samples, "mean": statistics.mean(floor), "splits": floor},
        "real_against_real_first_look": {"n": args.pilot, "mean": statistics.mean(pilot_floor), "splits": pilot_floor},
        "asked": {k: v for k, v in vars(args).items() if k != "smoke"},
        "machine": store.card() | {"cores": os.cpu_count(), "threads": args.threads},
        "finished": False,
        "competitors": {},
    }
    print(f"{args.samples:,} real digits score {statistics.mean(floor):.1f} ({min(floor):.1f} to {max(floor):.1f})")
    job = {"x": d.x.numpy(), "threads": args.threads, "samples": args.samples, "pilot": args.pilot}

    def run(name, python, script, job, target, hopeless) -> None:
        entry = report["competitors"].setdefault(name, {"runs": []})
        for seed in range(args.seeds):
            print(f"{name}, seed {seed}", flush=True)
            before = {"gemm_gflops": gflops(), "load_average": _load()}
            try:
                if callable(python):
                    python = python()
                its = compete(python, script, job | {"name": name, "seed": seed}, judge, target, hopeless)
            except Broken as why:
                print(f"  {name} is out: {why}", flush=True)
                entry["broken"] = str(why)
                return
            entry |= its.pop("about")
            entry["runs"].append(its | {"machine_before": before, "load_average_after": _load()})
            if not args.smoke:
                save(OUT, rounded(report, behind=False))

    whole_plan = [args.ours_seconds * share for share in (0.25, 0.5, 1.0)]
    run("ours", sys.executable, "ours.py", job | {"checkpoints": whole_plan}, args.target, None)
    ours = report["competitors"]["ours"]
    if not ours["runs"]:
        raise SystemExit(f"Our own training failed, so there is no race: {ours['broken']}")
    # by default what ours reaches at its end, in the worst of the seeds: so every seed reaches it
    report["target"] = max(its["curve"][-1]["frechet"] for its in ours["runs"]) if args.target is None else args.target
    # The score falls with n, by about the difference of the floors: whoever is beyond this with few samples misses with many
    hopeless = 2 * (report["target"] + statistics.mean(pilot_floor))
    laps = {"checkpoints": checkpoints(args.ours_seconds, args.cap, args.checkpoints), "precision": ours["precision"]}
    print(f"target {report['target']:.1f}; a first look of {args.pilot} samples beyond {hopeless:.0f} is hopeless")
    for name in args.peers:
        script, own = PEERS[name]
        run(name, environment if own else sys.executable, script, job | laps, report["target"], hopeless)
    for entry in report["competitors"].values():
        for its in entry["runs"]:
            its |= verdict(its["curve"], report["target"])
    for name in args.peers:
        report["competitors"][name]["times_ours"] = times_ours(ours["runs"], report["competitors"][name]["runs"])
    report["finished"] = True
    return report


def _load() -> float | None:
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def table(report: dict) -> str:
    """A line for each competitor."""
    rows = [("", "parameters", "pictures/s", "best score", f"seconds to {report['target']:.1f}", "times ours")]
    for name, entry in report["competitors"].items():
        if not entry["runs"]:
            rows.append((name, "no result: " + entry["broken"], "", "", "", ""))
            continue
        ends = [its["curve"][-1] for its in entry["runs"]]
        scores = [p["frechet"] for its in entry["runs"] for p in its["curve"] if p["complete"]]
        speed = statistics.median(p["images"] / p["seconds"] for p in ends)
        times = [f"{its['reached']:.0f}" if its["reached"] else f"> {its['missed']:.0f}" for its in entry["runs"]]
        ratio = entry.get("times_ours")
        shown = "1" if name == "ours" else "?" if ratio is None else f"{'> ' * ratio['more']}{ratio['ratio']:.1f}"
        if ratio and "interval" in ratio:
            shown += " ({:.1f} to {:.1f})".format(*ratio["interval"])
        size, least = f"{entry['parameters'] / 1e6:.2f} M", f"{min(scores):.1f}" if scores else "-"
        rows.append((name, size, f"{speed:,.0f}", least, ", ".join(times), shown))
    wide = [max(len(row[i]) for row in rows if row[2]) for i in range(6)]
    wide[0] = max(wide[0], 16)
    lines = [[row[0].ljust(wide[0]), *map(str.rjust, row[1:], wide[1:])] for row in rows]
    return "\n".join("  ".join(line) for line in lines)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--peers",
        nargs="*",
        choices=PEERS,
        default=list(PEERS)[:3],
        metavar="PEER",
        help=f"of {', '.join(PEERS)} (default: the first three)",
    )
    parser.add_argument("--ours-seconds", type=float, default=60, help="how long ours trains (default: 60)")
    parser.add_argument("--cap", type=float, default=10, help="a peer may train so many times as long (default: 10)")
    parser.add_argument(
        "--checkpoints", type=int, default=5, help="how often a peer is judged, at least 2 (default: 5)"
    )
    parser.add_argument("--target", type=float, help="the score to reach (default: what ours has at its end)")
    parser.add_argument("--seeds", type=int, default=1, help="runs of each competitor (default: 1)")
    parser.add_argument("--samples", type=int, default=1000, help="samples that are scored (default: 1000)")
    parser.add_argument("--pilot", type=int, default=200, help="samples of a first look (default: 200)")
    parser.add_argument(
        "--threads", type=int, default=torch.get_num_threads(), help="of each competitor (default: what torch takes)"
    )
    parser.add_argument("--smoke", action="store_true", help="everything once with tiny budgets; writes nothing")
    args = parser.parse_args()
    if args.smoke:  # a target out of reach, so that everybody goes all the way
        tiny = {"ours_seconds": 4.0, "cap": 1.5, "checkpoints": 2, "samples": 10, "pilot": 4, "seeds": 1, "target": 0.0}
        vars(args).update(tiny)
    if args.checkpoints < 2 or args.cap <= 1 or args.ours_seconds <= 0 or args.seeds < 1:
        parser.error("a race needs at least 2 checkpoints, a cap above 1, some seconds and a seed")
    return args


if __name__ == "__main__":
    args = arguments()
    report = race(args)
    print(table(report))
    if not args.smoke:
        save(OUT, rounded(report, behind=False))
