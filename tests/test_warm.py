"""A fork of the warm process is what a Python of its own would be, as far as a module in it and whoever started it can see."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
import warm
from small import until

pytestmark = [pytest.mark.heavy, pytest.mark.skipif(warm.PLACE not in os.environ, reason="there is no fork here")]
MODULE = """
import json, os, random, signal, sys
import numpy as np
print(json.dumps([sys.argv, sys.path, os.getcwd(), dict(os.environ), [str(signal.getsignal(s)) for s in signal.valid_signals()],
    __name__, [name for name in sys.modules if name.startswith(("diffusion_lib", "ipywidgets", "anywidget", "warm"))]]))
print("dice", random.random(), np.random.random())
sys.stderr.write(sys.stdin.readline())
sys.exit(int(sys.argv[1]))
"""
SLEEPER = "import time\nprint('here', flush=True)\ntime.sleep(60)"
# A process with all that a run of pytest has: a warm process of its own (which loads little), a fork of it, a JupyterLab.
HOLDER = """
import os, sys, time
from pathlib import Path
from subprocess import PIPE, Popen
sys.path[:0] = [sys.argv[1]]
import warm
os.environ[warm.PLACE] = place = str(Path("small").resolve())
small = f"import sys, warm; warm.LIBRARIES = 'numpy'; warm.serve({place!r}); warm.run(sys.argv[0])"
server = Popen([sys.executable, "-c", small], stdin=PIPE, env=os.environ | {"PYTHONPATH": sys.argv[1]})
while not os.path.exists(place): time.sleep(0.01)
started = [Popen(command, stdout=PIPE) for command in (warm.python("number"), warm.leashed("number"))]
print(server.pid, *(p.pid for p in started), *(int(p.stdout.readline()) for p in started), flush=True)
time.sleep(60)
"""


@pytest.fixture(autouse=True)
def module(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(MODULE)
    (tmp_path / "sleeper.py").write_text(SLEEPER)
    (tmp_path / "number.py").write_text("import os, time\nprint(os.getpid(), flush=True)\ntime.sleep(60)")


def test_a_module_sees_no_difference():
    ask = {"input": "a line", "capture_output": True, "text": True, "env": os.environ | {"MINE": "é"}}
    commands = [warm.python("mine")] * 2 + [[sys.executable, "-m", "mine"]]
    runs = [subprocess.run([*command, "7", "ö"], **ask) for command in commands]
    said = [run.stdout.split("dice") for run in runs]
    assert said[0][0] == said[1][0] == said[2][0] and "é" in said[0][0].encode().decode("unicode_escape")
    assert len({dice for _, dice in said}) == 3  # no two forks throw alike
    assert [(run.returncode, run.stderr) for run in runs] == [(7, "a line")] * 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_signal_ends_it_and_no_fork_stays(number):
    with subprocess.Popen(warm.python("sleeper"), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as work:
        assert work.stdout.readline() == b"here\n"
        work.send_signal(number)
        assert work.stdout.read() == b""  # its end is closed: the fork is gone too
        assert work.wait() == -number


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@pytest.mark.parametrize("which", ["pytest", "the warm process", "a client"])
def test_whoever_is_killed_leaves_nothing_behind(which, tmp_path):
    """Kernels are forks of the warm process; their clients are started by JupyterLab, and that by pytest."""
    paths = os.pathsep.join((str(Path(warm.__file__).parent), str(tmp_path)))
    env = os.environ | {"PYTHONPATH": paths}
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(Path(warm.__file__).parent)], stdout=subprocess.PIPE, env=env
    ) as holder:
        server, client, lab, fork, same = map(int, holder.stdout.readline().split())
        assert lab == same and all(map(lives, (server, client, lab, fork)))
        killed = {"pytest": holder.pid, "the warm process": server, "a client": client}[which]
        os.kill(killed, signal.SIGKILL)
        gone = {"pytest": (server, client, lab, fork), "the warm process": (client, fork), "a client": (fork,)}[which]
        try:
            until(lambda: not any(map(lives, gone)))
        finally:
            for pid in (holder.pid, server, client, lab, fork):
                with suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
