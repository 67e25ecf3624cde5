"""Would the tests notice? Makes one slip of `slips.py` at a time in a copy of the package, and runs the tests that concern its file.

    python benchmarks/mutants.py                    # what is not in the record yet, or has changed since; two at a time
    python benchmarks/mutants.py --only duel        # of these only those whose name or file holds this word
    python benchmarks/mutants.py --all              # everything anew, or with --only all of that

First the tests run without any slip, for a test that fails anyway would seem to catch everything. Then each slip is tried,
first with the test that caught it the last time. benchmarks/mutants.json is written after each, so a run may be interrupted:
it says which test caught what. A slip that no test catches is a hole in the tests; the program then exits with 1.
"""

from __future__ import annotations

import argparse
import itertools
import json
import multiprocessing
import os
import queue
import re
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from slips import SLIPS

ROOT = Path(__file__).parent.parent
RECORD = ROOT / "benchmarks" / "mutants.json"
PATIENCE = 300  # seconds; a slip after which the tests never end is noticed too
HEAVY = (
    "torch torch._dynamo torch.nn.utils.parametrizations torch.utils.flop_counter numpy scipy.special sklearn.datasets "
    "matplotlib.figure matplotlib.style PIL.Image ipywidgets anywidget IPython.display safetensors.torch nbclient pytest "
    "playwright.sync_api"
).split()
# which tests concern a file or a folder of the package beside those that bear its name; a whole path counts alone
ALSO = {
    "diffusion.py": "oracle against_diffusers trace",
    "solvers.py": "sampling diffusion against_diffusers",
    "telling.py": "factors nets ddpm",
    "muon.py": "train",
    "deeper.py": "nets",
    "guidance.py": "ddpm lesson10",
    "sampling.py": "diffusion oracle against_diffusers trace ddpm one_place",
    "oracle.py": "diffusion against_diffusers",
    "nets.py": "gan vae ddpm",
    "train.py": "kept ddpm gan vae",
    "ddpm.py": "guidance factors train muon bound store cost kept",
    "bound.py": "ddpm",
    "gan.py": "nets train cures cost kept",
    "vae.py": "nets train cost gan kept",
    "machine.py": "train ddpm kept",
    "checkpoint.py": "train kept gan",
    "store.py": "kept one_place",
    "files.py": "kept",
    "trace.py": "oracle live lesson04",
    "dataset.py": "own drawn catalog kept",
    "values.py": "dataset diffusion ddpm gan vae",
    "families.py": "one_place arena",
    "course/lesson03/field.py": "lesson08",
    "course/lesson07/recorded.py": "one_place",
    "__main__.py": "options kept cli",
    "scenes.py": "scenes options cli figures drawings",
    "course/making.py": "scenes options figures lesson13",
    "viz/waiting.py": "waiting lesson13",
    "viz/about.py": "scenes",
    "viz/look.py": "scenes options",
    "viz/moving.py": "scenes figures",
    "viz/paper.py": "drawings scenes",
    "viz/printed.py": "scenes paper",
    "viz/stories.py": "scenes options printed",
    "cli/figure.py": "options scenes cli figures files one_place",
    "cli": "options files kept cli figures one_place scenes",
    "course/maps.py": "drawings paper lesson00",
    "course/sheet.py": "maps drawings",
    "course/scenes.py": "options lesson13",
    "course/progress.py": "lesson00 prediction checking",
    "data/prompts.py": "captions",
    "evaluation/reader.py": "nets",
    "data": "painters drawn captions own catalog",
    "viz": "film player still panels figures tables scenes options",
    "evaluation": "arena kept metrics lesson06 lesson07",
    "course": "checking prediction exercises live lesson03 lesson04 lesson05 lesson07",
}


def tests_of(file: str) -> list[str]:
    """The test files that concern a file, those that there are: its own first (by its name, or its lesson's number)."""
    path, lesson = Path(file.removeprefix("diffusion_lib/")), re.search(r"lesson\d\d", file)
    if path.suffix == ".js":
        names = ["javascript_browser"]
    elif lesson:
        own = ["exercises", "checking"] * (path.stem == "exercises")
        names = [*own, lesson[0], *ALSO.get(path.as_posix(), ALSO.get(path.name, "")).split()]
    else:
        own = [] if path.parts[0] == "cli" else [path.stem]
        names = [*own, *(ALSO.get(path.as_posix()) or ALSO.get(path.parts[0], "")).split()]
    paths = (f"tests/test_{name}.py" for name in dict.fromkeys(names))
    return [test for test in paths if (ROOT / test).exists()]


def fingerprint(slip, by: list[str]) -> str:
    """Of all that decides whether a slip is caught: itself, its file, and the tests that caught it, or that all did not."""
    digest = sha256(repr(tuple(slip)).encode())
    for file in (slip[1], *(sorted({test.split("::")[0] for test in by if "::" in test}) or tests_of(slip[1]))):
        digest.update((ROOT / file).read_bytes() if (ROOT / file).exists() else b"")
    return digest.hexdigest()[:16]


# ---------------------------------------------------------------------------------------- one run of the tests


class Bench:
    """A folder with a link to everything, in which one file at a time is another; its bytecode is kept from slip to slip."""

    def __init__(self, folder: Path):
        self.folder = folder
        for path in ROOT.iterdir():
            if not path.name.startswith(".") and path.name != "diffusion_lib":
                (folder / path.name).symlink_to(path)
        for path in (ROOT / "diffusion_lib").rglob("*"):
            here = folder / path.relative_to(ROOT)
            if path.is_file() and "__pycache__" not in path.parts:
                here.parent.mkdir(parents=True, exist_ok=True)
                here.symlink_to(path)

    @contextmanager
    def broken(self, slip):
        if not slip:
            yield
            return
        what, file, right, wrong = slip
        if not file.startswith("diffusion_lib/"):  # all else is linked by whole folders: it would be broken itself
            raise ValueError(f"{what}: slips are made in diffusion_lib, not in {file}: mend slips.py.")
        source = (ROOT / file).read_text(encoding="utf-8")
        if source.count(right) != 1:
            raise ValueError(
                f"{what}: what is to be broken stands {source.count(right)} times in {file}: mend slips.py."
            )
        here = self.folder / file
        here.unlink()
        here.write_text(source.replace(right, wrong), encoding="utf-8")
        clock = next(_clock)
        # never the time of another, or old bytecode would be taken for this file's
        os.utime(here, (clock, clock))
        try:
            yield
        finally:
            here.unlink()
            here.symlink_to(ROOT / file)


_clock = itertools.count(10**9)


class _Failed:
    """A plugin of pytest that notes which tests failed, or could not even begin."""

    def __init__(self):
        self.tests: list[str] = []

    def pytest_runtest_logreport(self, report):
        if report.failed:
            self.tests.append(report.nodeid)

    def pytest_collectreport(self, report):
        if report.failed:
            self.tests.append(report.nodeid)


def places(folder: str, path: list[str]) -> list[str]:
    """sys.path of a copy: the copy, and what was there but the original. Its .venv, where `make` installs, stays."""
    ours = {str(ROOT), *(str(ROOT / name) for name in ("tests", "benchmarks"))}
    return [folder, f"{folder}/tests", *(p for p in path if p not in ours)]


def _run(folder: str, tests: list[str], limit: list[str]) -> None:
    """In a process of its own: pytest on the copy; what failed goes into folder/failed."""
    import pytest

    share = Path("/proc/self/autogroup")  # of the processor: a session of its own would have another
    asked = share.read_text().split()[-1] if share.exists() else ""
    os.setsid()  # so that whatever the tests start can be ended with it
    with suppress(OSError):
        share.write_text(asked)
    for name in ("SIGINT", "SIGHUP"):  # ignored where this runs in the background, and some tests send them
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.default_int_handler if name == "SIGINT" else signal.SIG_DFL)
    os.chdir(folder)
    out = os.open("out", os.O_CREAT | os.O_WRONLY)
    os.dup2(out, 1), os.dup2(out, 2)
    sys.path[:] = places(folder, sys.path)
    os.environ["PYTHONPATH"] = folder
    sys.dont_write_bytecode, sys.pycache_prefix = False, f"{folder}/bytecode"
    failed = _Failed()
    code = pytest.main(["-q", "-p", "no:cacheprovider", "-m", "not slow", *limit, *tests], plugins=[failed])
    Path("failed").write_text(json.dumps([int(code), failed.tests]))
    os._exit(0)  # threads of a broken view may never end


def tried(bench: Bench, tests: list[str], slip=None, limit=("-x",)) -> tuple[int, list[str], str]:
    """(pytest's exit code, the tests that failed, the end of what was printed) with this slip."""
    context = multiprocessing.get_context("forkserver" if hasattr(os, "fork") else "spawn")
    context.set_forkserver_preload(HEAVY)
    failed, out = bench.folder / "failed", bench.folder / "out"
    with bench.broken(slip):
        failed.unlink(missing_ok=True), out.unlink(missing_ok=True)
        process = context.Process(target=_run, args=(str(bench.folder), tests, list(limit)))
        process.start()
        process.join(PATIENCE if slip else None)
        stuck = process.is_alive()
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.join()
    said = out.read_text(errors="replace")[-3000:] if out.exists() else ""
    if stuck:
        return 1, [f"(the tests did not end in {PATIENCE} s)"], said
    if not failed.exists():
        return 1, ["(Python itself broke off)"], said
    return *json.loads(failed.read_text()), said


def caught(bench: Bench, slip, before: dict | None = None) -> dict:
    """Which test notices this slip first? before: its line of the record."""
    what, file, _, _ = slip
    start, by = time.time(), []
    last = [t for t in (before or {}).get("by", []) if t.startswith("tests/")]
    if last:
        by = tried(bench, last, slip)[1]
        by = [t for t in by if "::" in t]  # not a test that is no longer there
    if not by:
        by = tried(bench, tests_of(file), slip)[1]
    return {
        "slip": what,
        "file": file,
        "caught": any("::" in t for t in by),
        "by": by,
        "seconds": round(time.time() - start, 1),
        "of": fingerprint(slip, by),
    }


# ---------------------------------------------------------------------------------------- the record


def recorded() -> dict[str, dict]:
    return {line["slip"]: line for line in json.loads(RECORD.read_text())["slips"]} if RECORD.exists() else {}


def write(lines: dict[str, dict]) -> None:
    """The record: how many are caught, in all and of each room, which were not tried, and a line for each in the order of `slips.py`."""
    slips = [lines[what] for what, *_ in SLIPS if what in lines]
    rooms: dict[str, list[int]] = {}
    for line in slips:
        room = rooms.setdefault(line["file"].removeprefix("diffusion_lib/"), [0, 0])
        room[0], room[1] = room[0] + line["caught"], room[1] + 1
    head = {
        "caught": sum(line["caught"] for line in slips),
        "of": len(SLIPS),
        "not tried": [what for what, *_ in SLIPS if what not in lines],
        "rooms": {k: f"{a} of {b}" for k, (a, b) in sorted(rooms.items())},
    }
    body = ",\n".join(" " + json.dumps(line, ensure_ascii=False) for line in slips)
    part = RECORD.with_suffix(".part")
    part.write_text(json.dumps(head, indent=1)[:-2] + ',\n "slips": [\n' + body + "\n ]\n}\n", encoding="utf-8")
    os.replace(part, RECORD)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", metavar="WORD", help="slips whose name or file holds one of these")
    parser.add_argument("--all", action="store_true", help="also those that are recorded and unchanged")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--no-control", action="store_true", help="do not run the tests without a slip first")
    args = parser.parse_args()
    lines, lock, start = recorded(), threading.Lock(), time.time()
    todo = [s for s in SLIPS if not args.only or any(word in s[0] or word in s[1] for word in args.only)]
    if not args.all:
        todo = [s for s in todo if s[0] not in lines or lines[s[0]]["of"] != fingerprint(s, lines[s[0]]["by"])]
    todo.sort(key=lambda s: lines.get(s[0], {"caught": False})["caught"])  # first what was never tried, or got away
    with TemporaryDirectory() as place:
        benches = queue.SimpleQueue()
        for k in range(args.workers):
            folder = Path(place) / str(k)
            folder.mkdir()
            benches.put(Bench(folder))
        if todo and not args.no_control:
            files = list(dict.fromkeys(t for s in todo for t in tests_of(s[1])))
            bench = benches.get()
            code, failed, said = tried(bench, files, limit=())
            benches.put(bench)
            if code:
                raise SystemExit(
                    f"The tests fail without any slip, so they would seem to catch every one: {failed}\n{said}"
                )
            print(f"control: {len(files)} files of tests pass without a slip, {time.time() - start:.0f} s")

        def one(slip) -> dict:
            bench = benches.get()
            line = caught(bench, slip, lines.get(slip[0]))
            benches.put(bench)
            with lock:
                lines[slip[0]] = line
                write(lines)
                print(
                    f"{'caught' if line['caught'] else 'MISSED':7} {line['seconds']:5.1f} s  {line['slip']:60} {' '.join(line['by'])}",
                    flush=True,
                )
            return line

        with ThreadPoolExecutor(args.workers) as pool:
            found = list(pool.map(one, todo))
    missed = [line["slip"] for line in found if not line["caught"]]
    print(
        f"{len(found) - len(missed)} of {len(found)} slips caught in {time.time() - start:.0f} s; not caught: {missed}"
    )
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main())
