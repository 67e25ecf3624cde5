"""A fork of the warm process is what a Python of its own would be, as far as a module in it and whoever started it can see."""

import os
import signal
import subprocess
import sys

import pytest
import warm

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


@pytest.fixture(autouse=True)
def module(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(MODULE)
    (tmp_path / "sleeper.py").write_text(SLEEPER)


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
