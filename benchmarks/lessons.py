"""How long each lesson runs from top to bottom, and how much memory its kernel takes: writes benchmarks/lessons.json.

    python benchmarks/lessons.py          # `make lessons-time`: all, one after the other, every training whole
    python benchmarks/lessons.py 01 04    # these; the others stay in the record
    python benchmarks/lessons.py --table  # run nothing: what the record says, held to the same goals
    python benchmarks/lessons.py --texts  # run nothing: write the record's seconds into the three tables that quote them

Seconds are said twice: on the wall, where other work on the machine counts too (its load, before and after, stands beside
them), and those that the kernel's own threads computed. A race by the clock takes its seconds on the wall on every machine.
The goals are seconds on the wall: at most EACH for a lesson and ALL for the course. Who misses one, or breaks, makes the
command fail.
"""

import json
import os
import re
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
import torch
from book import opened, put_rows, save
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

ROOT = Path(__file__).parent.parent
AVX2 = os.environ.get("ATEN_CPU_CAPABILITY") == "avx2"  # as `make lessons-time-avx2` asks: another book
NOTEBOOKS, RECORD = ROOT / "notebooks", ROOT / "benchmarks" / ("lessons_avx2.json" if AVX2 else "lessons.json")
HEAD = "| lesson | on the wall, s | computing, s | memory, MB | load before and after |\n|---|---|---|---|---|\n"
EACH, ALL = 240, 1200  # seconds
PROBE = r"""
import json, os, re
print(json.dumps([sum(os.times()[:2]), int(re.search(r"VmHWM:\s+(\d+)", open("/proc/self/status").read())[1]) / 1000]))
"""


def progress(path: Path, cells: int):
    """A function that says, at each cell that begins, which it is and how many seconds have gone: one line that is written over."""
    start = time.perf_counter()
    end = "\r" if sys.stderr.isatty() else "\n"
    said = [-5.0]

    def tell(cell, cell_index: int, **_) -> None:
        gone = time.perf_counter() - start
        if sys.stderr.isatty() or gone - said[0] >= 5:  # a file or a pipe gets a line at most every five seconds
            said[0] = gone
            print(
                f"{path.stem}: cell {cell_index + 1} of {cells}, {gone:.0f} s   ", end=end, file=sys.stderr, flush=True
            )

    return tell


def measured(path: Path) -> dict:
    """A row of the record. Raises what a cell raised."""
    notebook = nbformat.read(path, 4)
    cells = len(notebook.cells)
    notebook.cells.append(nbformat.v4.new_code_cell(PROBE))
    load, start = os.getloadavg()[0], time.perf_counter()
    with TemporaryDirectory() as folder:
        NotebookClient(
            notebook,
            timeout=3600,
            kernel_name="python3",
            store_widget_state=False,
            resources={"metadata": {"path": folder}},
            on_cell_execute=progress(path, cells),
        ).execute()
    wall = time.perf_counter() - start
    processor, peak = json.loads(notebook.cells[-1].outputs[0].text)
    return {
        "wall_s": round(wall, 1),
        "processor_s": round(processor, 1),
        "peak_mb": round(peak),
        "load": [round(x, 1) for x in (load, os.getloadavg()[0])],
    }


def table(rows: dict[str, dict]) -> list[str]:
    """A line for each lesson, and one for all."""
    lines = ["lesson   wall s   processor s   peak MB   load"]
    for name, r in rows.items():
        late = f"   over {EACH} s" if r["wall_s"] > EACH else ""
        before, after = r["load"]
        lines.append(
            f"{name:6} {r['wall_s']:8.1f} {r['processor_s']:13.1f} {r['peak_mb']:9} {before:6.1f} to {after:.1f}{late}"
        )
    wall, busy = (sum(r[k] for r in rows.values()) for k in ("wall_s", "processor_s"))
    return [*lines, f"all    {wall:8.1f} {busy:13.1f}" + (f"   over {ALL} s" if wall > ALL else "")]


def markdown(rows: dict[str, dict]) -> list[str]:
    """The rows of benchmarks/README.md."""
    lines = [
        f"| {n} | {r['wall_s']:.0f} | {r['processor_s']:.0f} | {r['peak_mb']} | {r['load'][0]} to {r['load'][1]} |"
        for n, r in rows.items()
    ]
    wall, busy = (sum(r[k] for r in rows.values()) for k in ("wall_s", "processor_s"))
    return [*lines, f"| all | {wall:.0f} | {busy:.0f} | {max(r['peak_mb'] for r in rows.values())} | |"]


def texts(rows: dict[str, dict]) -> None:
    """Seconds in the tables of the README and of the tour, and all of them in benchmarks/README.md. (`make words` comes after it.)"""
    row = r"(\]\((?:notebooks/)?(\d\d)_\w+\.ipynb\) \|.*\| )\d+( s \|)"
    for path in (ROOT / "README.md", ROOT / "notebooks" / "00_tour.ipynb"):
        text = path.read_text(encoding="utf-8")
        path.write_text(re.sub(row, lambda m: f"{m[1]}{rows[m[2]]['processor_s']:.0f}{m[3]}", text), encoding="utf-8")
    put_rows(ROOT / "benchmarks" / "README.md", HEAD, markdown(rows))


def missed(rows: dict[str, dict]) -> list[str]:
    """Which goals were missed, a sentence each."""
    late = [
        f"Lesson {n} took {r['wall_s']:.0f} s, wanted at most {EACH}." for n, r in rows.items() if r["wall_s"] > EACH
    ]
    if (wall := sum(r["wall_s"] for r in rows.values())) > ALL:
        late.append(f"All lessons took {wall:.0f} s, wanted at most {ALL}.")
    return late


def main(words: list[str]) -> int:
    record = opened(RECORD, lambda: {"lessons": {}})
    there = {path.stem[:2]: path for path in sorted(NOTEBOOKS.glob("[0-9]*.ipynb"))}
    asked = [word for word in words if word not in ("--table", "--texts")] or list(there)
    if unknown := [word for word in asked if word not in there]:
        print(f"There is no lesson {unknown[0]}; there are {', '.join(there)}.", file=sys.stderr)
        return 2
    if "--texts" in words:
        texts(record["lessons"])
    failed = []
    for name in asked if not {"--table", "--texts"} & {*words} else ():
        try:
            row = measured(there[name])
        except CellExecutionError as error:
            failed.append(f"Lesson {name} broke: {error.ename}: {error.evalue}")
            print(failed[-1], flush=True)
            continue
        today = {"date": time.strftime("%Y-%m-%d"), "cores": os.cpu_count(), "threads": torch.get_num_threads()}
        record["lessons"] = dict(sorted((record["lessons"] | {name: today | row}).items()))
        save(RECORD, record)
        print(f"{there[name].stem}: {row['wall_s']:.0f} s, {row['processor_s']:.0f} of them computing", flush=True)
    rows = {name: record["lessons"][name] for name in asked if name in record["lessons"]}
    print("\n".join(["", *table(rows)]))
    failed += missed(rows)
    failed += [f"Lesson {name} stands in no record." for name in asked if name not in rows]
    print("\n".join(["", *failed]) if failed else f"\nGoals met: {EACH} s a lesson, {ALL} s in all.")
    return int(bool(failed))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
