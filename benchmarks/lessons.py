"""How long each lesson runs from top to bottom, and how much memory its kernel takes: writes benchmarks/lessons.json.

    python benchmarks/lessons.py          # all, one after the other, every training whole
    python benchmarks/lessons.py 01 04    # these; the others stay in the record

Seconds are said twice: on the wall, where other work on the machine counts too (its load, before and after, stands beside
them), and those that the kernel's own threads computed. A race by the clock takes its seconds on the wall on every machine.
"""

import json
import os
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
import torch
from book import opened, save
from nbclient import NotebookClient

ROOT = Path(__file__).parent.parent
RECORD = ROOT / "benchmarks" / "lessons.json"
PROBE = r"""
import json, os, re
print(json.dumps([sum(os.times()[:2]), int(re.search(r"VmHWM:\s+(\d+)", open("/proc/self/status").read())[1]) / 1000]))
"""


def measured(path: Path) -> dict:
    notebook = nbformat.read(path, 4)
    notebook.cells.append(nbformat.v4.new_code_cell(PROBE))
    load, start = os.getloadavg()[0], time.perf_counter()
    with TemporaryDirectory() as folder:
        NotebookClient(
            notebook,
            timeout=3600,
            kernel_name="python3",
            store_widget_state=False,
            resources={"metadata": {"path": folder}},
        ).execute()
    wall = time.perf_counter() - start
    processor, peak = json.loads(notebook.cells[-1].outputs[0].text)
    return {
        "wall_s": round(wall, 1),
        "processor_s": round(processor, 1),
        "peak_mb": round(peak),
        "load": [round(x, 1) for x in (load, os.getloadavg()[0])],
    }


def main() -> None:
    record = opened(RECORD, lambda: {"lessons": {}})
    for path in sorted((ROOT / "notebooks").glob("[0-9]*.ipynb")):
        if not sys.argv[1:] or path.stem[:2] in sys.argv[1:]:
            record["lessons"][path.stem[:2]] = {
                "date": time.strftime("%Y-%m-%d"),
                "cores": os.cpu_count(),
                "threads": torch.get_num_threads(),
            } | measured(path)
            record["lessons"] = dict(sorted(record["lessons"].items()))
            save(RECORD, record)
            print(path.stem, record["lessons"][path.stem[:2]], flush=True)


if __name__ == "__main__":
    main()
