"""The bookkeeping of benchmarks/race.py; its peers are not needed."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parent.parent
import race  # noqa: E402

JOB = {"name": "x", "seed": 0, "threads": 1, "samples": 4, "pilot": 2, "checkpoints": [1.0, 2.0, 3.0], "x": np.zeros(1)}

# a competitor that trains in no time and whose samples are worth 30, then 20, then 10
FAKE = """
import json, sys
from pathlib import Path
import numpy as np
job = json.loads(sys.argv[1])
print("a library prints something")
print("race: " + json.dumps({"about": {"parameters": 7}}))
for lap, score in enumerate((30, 20, 10)):
    for n in (job["pilot"], job["samples"])[lap == 2 :]:
        path = Path(job["folder"]) / "samples.npy"
        np.save(path, np.full(n, score))
        point = {"lap": lap, "seconds": lap + 1.0, "steps": lap, "images": lap, "n": n, "samples": str(path)}
        print("race: " + json.dumps(point), flush=True)
        if (answer := input()) != "more":
            break
    if answer != "on":
        break
"""


class Mean:
    def score(self, samples):
        return float(samples.mean())


def point(seconds, score, complete=True):
    return {"seconds": seconds, "frechet": score, "complete": complete}


def test_checkpoints_grow_by_one_factor_up_to_the_cap():
    times = race.checkpoints(60, 10, 5)
    assert times[0] == 60 and times[-1] == pytest.approx(600)
    assert np.allclose(np.diff(np.log(times)), np.log(10) / 4)


def test_the_first_checkpoint_that_reaches_the_target_counts_and_a_first_look_does_not():
    curve = [point(60, 90), point(120, 9, complete=False), point(240, 10), point(480, 30), point(600, 5)]
    assert race.verdict(curve, 10) == {"reached": 240, "missed": 120}
    assert race.verdict(curve, 5) == {"reached": 600, "missed": 480}
    assert race.verdict(curve, 4) == {"reached": None, "missed": 600}
    assert race.verdict([point(60, 3)], 4) == {"reached": 60, "missed": 0}


def test_a_peer_that_never_arrives_is_at_least_its_time_behind():
    ours, late = [{"reached": 60, "missed": 30}], {"reached": None, "missed": 600}
    assert race.times_ours(ours, [late]) == {"ratio": 10, "more": True, "at_least": 10}
    assert race.times_ours(ours, [{"reached": 300, "missed": 120}]) == {"ratio": 5, "more": False, "at_least": 2}
    assert race.times_ours([late], ours) is None, "ours did not reach the target either"
    several = race.times_ours(ours * 3, [late, {"reached": 300, "missed": 120}, late])
    assert several["ratio"] == 10 and several["more"] and several["interval"] == [5, 10]


@pytest.mark.parametrize(
    "pilot, target, hopeless, scores, counts",
    [
        (4, None, None, [30, 20, 10], [4, 4, 4]),  # ours: every checkpoint in full, whatever the score
        (2, 5, 25, [30, 20, 10], [2, 4, 4]),  # hopeless at a first look, then not, and in full at the end
        (2, 20, 99, [30, 20], [4, 4]),  # stopped at the target
    ],
)
def test_a_competitor_is_judged_and_stopped(tmp_path, pilot, target, hopeless, scores, counts):
    script = tmp_path / "fake.py"
    script.write_text(FAKE)
    result = race.compete(sys.executable, str(script), JOB | {"pilot": pilot}, Mean(), target, hopeless)
    assert result["about"] == {"parameters": 7}
    assert [p["frechet"] for p in result["curve"]] == scores
    assert [p["n"] for p in result["curve"]] == counts


def test_a_broken_peer_is_one_sentence(tmp_path):
    script = tmp_path / "fake.py"
    script.write_text("raise ImportError('there is no butter')")
    with pytest.raises(race.Broken, match=r"^ImportError: there is no butter$"):
        race.compete(sys.executable, str(script), JOB, Mean(), None, None)


def test_waiting_threads_do_not_spin_for_long():
    """What makes training ten times slower on a busy machine; torch reads it when it is loaded."""
    code = "import diffusion_lib, os, sys; print(os.environ['GOMP_SPINCOUNT'], 'torch' in sys.modules)"
    env = {k: v for k, v in os.environ.items() if k != "GOMP_SPINCOUNT"}
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    assert out.stdout.split() == ["10000", "False"]
    assert "export GOMP_SPINCOUNT" in (ROOT / "Makefile").read_text()
