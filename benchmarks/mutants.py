"""Would the tests notice? Makes one classic slip at a time in a copy of the package and runs the tests of the mathematics on it.

    python benchmarks/mutants.py          # about eight minutes on two cores; writes benchmarks/mutants.json

A slip that no test catches is a hole in the tests; the program then exits with 1.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from slips import SLIPS, A, D, G, M, O, V

ROOT = Path(__file__).parent.parent
TESTS = ["tests/test_diffusion.py", "tests/test_oracle.py", "tests/test_against_diffusers.py"]
TRAINING = ["tests/test_training.py"]
OWN = {
    G: ["tests/test_gan.py"],
    V: ["tests/test_vae.py"],
    A: ["tests/test_arena.py"],
    M: ["tests/test_metrics.py"],
}


def tests_of(file: str) -> list[str]:
    return OWN.get(file) or ([*TESTS, *TRAINING] if file in (D, O) else TRAINING)


def tried(tests: list[str], slip=None) -> subprocess.CompletedProcess:
    """Run the tests on a copy of everything, with this one slip."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for part in ("diffusion_lib", "tests", "benchmarks", "notebooks", "README.md", "pyproject.toml"):
            if (ROOT / part).is_dir():
                shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns(".*", "__pycache__"))
            else:
                shutil.copy(ROOT / part, copy / part)
        if slip:
            what, file, right, wrong = slip
            source = (copy / file).read_text(encoding="utf-8")
            if source.count(right) != 1:
                raise SystemExit(
                    f"{what}: the line to break stands {source.count(right)} times in {file}: mend this list."
                )
            (copy / file).write_text(source.replace(right, wrong), encoding="utf-8")
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-x", "-q", "-m", "not slow", "-p", "no:cacheprovider", *tests],
            cwd=copy, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(copy), "OMP_NUM_THREADS": "1"},
        )  # fmt: skip


def caught(slip) -> dict:
    """Which test noticed this slip first?"""
    what, file, _, _ = slip
    run = tried(tests_of(file), slip)
    failed = [
        line.split()[1].split("::")[-1]
        for line in run.stdout.splitlines()
        if line.startswith(("FAILED", "ERROR"))
    ]
    return {"slip": what, "file": file, "caught": run.returncode == 1, "by": failed[0] if failed else ""}


def main() -> int:
    start = time.time()
    everything = tried([*TESTS, *TRAINING, *(t for own in OWN.values() for t in own)])
    if everything.returncode:
        raise SystemExit("The tests fail without any slip, so they would seem to catch every one:\n" + everything.stdout[-2000:])  # fmt: skip
    with ThreadPoolExecutor(2) as pool:
        results = []
        for result in pool.map(caught, SLIPS):
            results.append(result)
            print(
                f"{'caught' if result['caught'] else 'MISSED':7} {result['slip']:55} {result['by']}",
                flush=True,
            )
    n = sum(r["caught"] for r in results)
    print(f"{n} of {len(results)} slips caught in {time.time() - start:.0f} s")
    report = {"caught": n, "of": len(results), "seconds": round(time.time() - start), "slips": results}
    (ROOT / "benchmarks" / "mutants.json").write_text(json.dumps(report, indent=1) + "\n")
    return 0 if n == len(results) else 1


if __name__ == "__main__":
    sys.exit(main())
