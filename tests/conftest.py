"""Fixtures that several files share, how tests are dealt to workers, what is loaded once, and what a run says at its end."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is loaded; kernels and shells inherit it

import gc
import itertools
import json
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import warm

from diffusion_lib.files import whole

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # begun by `&` of a script: kernels could not be interrupted
    signal.signal(signal.SIGINT, signal.default_int_handler)

LIMIT = 2.0  # processor seconds that a test may take without the marker `heavy`, `browser` or `slow`
GROUPS = "DIFFUSION_LIB_TEST_GROUPS"  # names the file in which the workers say which tests belong together
PROGRESS = "DIFFUSION_LIB_PROGRESS"  # see course/progress.py
_last = time.process_time()


@pytest.fixture(scope="module")
def one_thread():
    """Nothing that a test of this module began to train goes on after it."""
    yield
    if worker := sys.modules.get("diffusion_lib.course.worker"):
        worker.only(None)


class Now:
    """A thread that has ended when `start` returns."""

    def __init__(self, target, **_):
        self.start = target

    def is_alive(self):
        return False

    def join(self, *_):
        pass


@pytest.fixture
def at_once(monkeypatch):
    """A training that one watches runs on this thread, and is over when the view is there."""
    from diffusion_lib.course import worker

    kinds = {name: getattr(threading, name) for name in ("RLock", "Event", "current_thread")}
    monkeypatch.setattr(worker, "threading", SimpleNamespace(Thread=Now, **kinds))
    yield
    worker._working.clear()


_files = itertools.count()


@pytest.fixture(autouse=True)
def progress_of_its_own(monkeypatch):
    """What a test guesses, solves and bets, no other finds. (Kernels share the file of their run.)"""
    monkeypatch.setenv(PROGRESS, f"{os.environ[PROGRESS]}.{os.getpid()}.{next(_files)}")


@pytest.fixture(scope="module")
def chrome():
    """The one Chromium of this process."""
    from browser import desk

    return desk().chrome


@pytest.fixture(scope="module")
def lesson(request):
    """The page of the lesson whose number the module has in its name, run from top to bottom, as large as its LOOK says."""
    from browser import ROOT, lesson

    (path,) = (ROOT / "notebooks").glob(f"{number(request.module)}_*.ipynb")
    with lesson(path.stem, **request.module.LOOK) as p:
        yield p


@pytest.fixture(scope="module")
def lab(request, tmp_path_factory):
    """A page on which the module's own CELLS have been run, as large as its LOOK says."""
    from browser import opened, write_notebook

    path = write_notebook(tmp_path_factory.mktemp("lab") / "lab.ipynb", *request.module.CELLS)
    with opened(path.parent, path.name, **request.module.LOOK) as p:
        yield p


def number(module) -> str:
    """Of the lesson that a module of tests is about."""
    return re.search(r"lesson(\d+)", module.__name__)[1]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item, nextitem):
    """After the last browser test in a row, JupyterLab and Chromium go: they would take time from the others."""
    result = yield
    if "browser" in sys.modules and not (nextitem and nextitem.get_closest_marker("browser")):
        sys.modules["browser"].clear()
    return result


# ---- several workers (pytest-xdist) -----------------------------------------------------------------------------------


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config):
    """`-n auto`: a worker for each processor that we may use, but not more than memory has room for.

    One more where there are tests in a browser: they wait for its frames half of their time.
    """
    ours = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min((ours or 1) + ("not browser" not in config.option.markexpr), 4)


def group(item) -> str | None:
    """Tests with one name go to one worker, so that a page or another costly fixture of a module is made once."""
    if mark := item.get_closest_marker("xdist_group"):
        return mark.args[0] if mark.args else mark.kwargs["name"]
    found = item._fixtureinfo.name2fixturedefs
    shared = [name for name, defs in found.items() if defs[-1].scope == "module" and name != "one_thread"]
    if "lesson" in shared:
        return f"lesson {number(item.module)}"
    return f"{item.module.__name__}: {' '.join(sorted(shared))}" if shared else None


def cost(item) -> int:
    return next((i for i, name in enumerate(("browser", "heavy")) if item.get_closest_marker(name)), 2)


@pytest.hookimpl(wrapper=True)
def pytest_collection(session):
    """What is loaded by now stays to the end: nobody looks through it for garbage again and again."""
    gc.disable()
    result = yield
    gc.freeze()
    gc.enable()
    return result


def pytest_collection_modifyitems(config, items):
    """The longest first, and what belongs together in a row: at the end both workers have small tests left."""
    import torch  # not above: who deals to workers does not need it

    torch.set_num_threads(1)  # tensors here are tiny, and there is a worker on every processor
    if not os.environ.get("PYTEST_XDIST_WORKER"):
        return
    groups, first = {item.nodeid: group(item) or item.nodeid for item in items}, {}
    for i, item in enumerate(items):
        first.setdefault(groups[item.nodeid], (cost(item), i))
    items.sort(key=lambda item: first[groups[item.nodeid]])
    with whole(Path(os.environ[GROUPS])) as part:  # every worker writes the same
        part.write_text(json.dumps([groups, [name for name, (costs, _) in first.items() if costs == 0]]))


def pytest_configure(config):
    if not os.environ.get("PYTEST_XDIST_WORKER"):
        folder = tempfile.TemporaryDirectory(prefix="tests-")
        config.add_cleanup(folder.cleanup)
        os.environ[GROUPS] = str(Path(folder.name) / "groups.json")  # workers inherit it
        os.environ[PROGRESS] = str(Path(folder.name) / "progress.json")
        config.warm = keep_warm(Path(folder.name))
        config.add_cleanup(config.warm)
    elif sys.platform == "linux":
        warm.leash()  # and with a worker goes what it started


def keep_warm(folder: Path):
    """One process for all workers, of which their kernels and shells are forks; returns what ends it."""
    if sys.platform != "linux":
        return lambda: None
    os.environ[warm.PLACE] = place = str(folder / "warm")
    warm.kernelspec(folder)
    os.environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, (str(folder), os.environ.get("JUPYTER_PATH"))))
    return subprocess.Popen([sys.executable, "-P", warm.__file__, place], stdin=subprocess.PIPE).communicate


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """xdist 3.8 with pytest 9.2 deals by name only (its own `loadgroup` has no effect): by our groups, in our order."""
    from xdist.scheduler import LoadScopeScheduling

    class ByGroup(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            if not hasattr(self, "groups"):
                self.groups, self.in_browser = json.loads(Path(os.environ[GROUPS]).read_text())
            return self.groups[nodeid]

        def _assign_work_unit(self, node):
            """The last worker begins with what needs no browser, while the others wait for theirs."""
            others = (name for name in self.workqueue if name not in self.in_browser)
            if len(self.nodes) > 1 and node is self.nodes[-1] and (name := next(others, None)):
                self.workqueue.move_to_end(name, last=False)
            super()._assign_work_unit(node)

    config.option.loadscopereorder = False
    return ByGroup(config, log)


# ---- what a run says at its end -----------------------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Each part of a test carries the processor seconds that it took (without its kernels and browsers)."""
    global _last
    report = yield
    now = time.process_time()
    report.processor, _last = now - _last, now
    report.light = not any(item.get_closest_marker(name) for name in ("browser", "heavy", "slow"))
    return report


def pytest_terminal_summary(terminalreporter, exitstatus, config):
    spent = {}
    for report in [r for reports in terminalreporter.stats.values() for r in reports if hasattr(r, "processor")]:
        if report.light:
            spent[report.nodeid] = spent.get(report.nodeid, 0) + report.processor
    for test in (name for name, seconds in spent.items() if seconds > LIMIT):
        terminalreporter.write_line(
            f"{test} took {spent[test]:.1f} s of a processor: make it cheaper, or mark it `heavy`."
        )
    config.warm()  # it has counted its forks
    t = os.times()
    all_of_it = t.user + t.system + t.children_user + t.children_system
    terminalreporter.write_line(f"processor: {all_of_it:.0f} s in all, kernels and browsers included")
