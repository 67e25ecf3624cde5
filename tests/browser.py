"""A real JupyterLab and a real Chromium, for tests that must see what a learner sees.

    with opened(folder, "a.ipynb") as p:  # a notebook that has been run from top to bottom
        assert ask_kernel(p, "1 + 1") == "2"

    with lesson("01_forward_noise") as p: ...

All tests of a process share one JupyterLab, one Chromium and one page (`desk`): loading them costs more than most tests.
Everything waits for events (a kernel status, an element), never for a time. Nothing of the user's own Jupyter
settings is read or written, and nothing is fetched from outside this machine.
"""

from __future__ import annotations

import atexit
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import warm

from diffusion_lib.course.progress import PLACE
from diffusion_lib.files import asked
from diffusion_lib.train import MAX_STEPS

ROOT = Path(__file__).parent.parent
# lessons that train: so many steps each; `make slow` runs them whole
CAPS = {"00": 12, "04": 6, "06": 12, "07": 6, "08": 12, "09": 12}
# Views of a lesson that draw samples by the hundred: so few here; what is shown where is held by tests without a browser.
FEWER = {
    "02": {"course.lesson02.picture_test": {"n": 4}},
    "03": {
        "course.lesson03.ancestors": {"n": 2},
        "course.lesson03.memory": {"n": 4},
        "course.lesson03.few_steps": {"counts": (1, 2, 5), "n": 50},
    },
    "04": {
        "course.lesson04.three_questions": {"n": 10, "counts": (1, 3)},
        "course.lesson04.variances": {"n": 10, "counts": (3, 10)},
        "course.lesson04.network_or_optimal": {"n": 50, "count": 6},
        "course.lesson04.bound": {"n": 2, "count": 10},
    },
    "06": {"course.lesson06.winning": {"steps": 10}},
    "07": {"evaluation.cost.counted_flops": {"steps": 1}, "course.lesson07.blind_spots": {"n": 200, "repeats": 4}},
    "08": {
        "course.lesson08.same_cloud": {"n": 50, "frames": 3},
        "course.lesson08.one_noise": {"calls": (1, 2, 3), "n": 4},
    },
    "09": {
        "vae.bits_per_dimension": {"n": 2},
        "course.lesson09.sharpness": {"n": 60},
        "course.lesson09.straight_or_round": {"frames": 9},
        "course.lesson09.walks": {"frames": 9},
        "course.lesson09.copying.makers": {"n": 60},
    },
    "10": {
        "course.lesson10.same_dice": {"n": 3, "steps": 4},
        "course.lesson10.by_weight": {"n": 4, "steps": 4},
        "course.lesson10.two_scores": {"n": 60},
    },
    "13": {"course.lesson13.film_sizes": {"frames": 2}, "course.lesson13.article": {"n": 1}},
}
# Loops that a lesson writes out itself: so many rounds of them.
ROUNDS = {"04": {"islice(points.batches(512), 800)": "islice(points.batches(512), 20)"}}
ARTEFACTS = ROOT / "artefacts"
PICTURES = "DIFFUSION_LIB_SCREENSHOTS"  # set it to 1 to find pictures of what the tests see in artefacts/
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def need(condition, why: str):
    """Skip the test with a reason, or fail it where DIFFUSION_LIB_REQUIRE_BROWSER=1 says that skipping is no option."""
    if not condition:
        (pytest.fail if asked("DIFFUSION_LIB_REQUIRE_BROWSER") else pytest.skip)(why)


def chromium() -> str:
    """Path of an installed Chromium or Chrome."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    need(found, f"no browser found (looked for {', '.join(NAMES)}): install chromium to run the browser tests")
    return found


@contextmanager
def browser():
    """A headless Chromium; share one among many pages."""
    chromium()
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        need(False, "playwright is not installed: pip install playwright (its own browsers are not needed)")
    with sync_playwright() as p:
        chrome = p.chromium.launch(executable_path=chromium(), headless=True, args=FLAGS)
        try:
            yield chrome
        finally:
            chrome.close()


@contextmanager
def page(chrome=None, *, width=1440, height=1000, dark=False, calm=False, touch=False, offline=False, scale=1):
    """A page in a context of its own; ``page.errors`` gathers what JavaScript threw (with its stack) and logged as an error.

    dark: prefers a dark theme. calm: prefers reduced motion. touch: has a touch screen. scale: device pixel ratio.
    offline: no network, and every attempt is a line in ``page.requests``.
    """
    if chrome is None:
        with (
            browser() as chrome,
            page(
                chrome, width=width, height=height, dark=dark, calm=calm, touch=touch, offline=offline, scale=scale
            ) as p,
        ):
            yield p
        return
    context = chrome.new_context(
        viewport={"width": width, "height": height},
        device_scale_factor=scale,
        has_touch=touch,
        offline=offline,
        color_scheme="dark" if dark else "light",
        reduced_motion="reduce" if calm else "no-preference",
    )
    p = context.new_page()
    p.set_default_timeout(30_000)
    p.errors, p.requests = [], []
    p.on("pageerror", lambda error: p.errors.append(f"{error}\n{error.stack}"))
    p.on("console", lambda message: p.errors.append(message.text) if message.type == "error" else None)
    p.on(
        "request",
        lambda request: (
            p.requests.append(request.url) if not request.url.startswith(("data:", "blob:", "file:")) else None
        ),
    )
    try:
        yield p
    finally:
        context.close()


def screenshot(p, name: str) -> None:
    """Save what the page shows as artefacts/name.png, if DIFFUSION_LIB_SCREENSHOTS=1 asks for it."""
    if asked(PICTURES):
        ARTEFACTS.mkdir(exist_ok=True)
        p.screenshot(path=ARTEFACTS / f"{name}.png")


def startup(number: str = "", **environ: str) -> str:
    """What a kernel of this lesson runs before its first cell: `environ`, and the views in `FEWER` draw less."""
    lines = [f"import os\nos.environ.update({environ!r})"]
    for name, less in FEWER.get(number, {}).items():
        module, view = f"diffusion_lib.{name}".rsplit(".", 1)
        lines.append(f"import {module}, functools\n{module}.{view} = functools.partial({module}.{view}, **{less!r})")
    return "\n".join(lines) + "\n"


def shortened(notebook: Path | str) -> Path:
    """This copy of a lesson, its loops cut to `ROUNDS`."""
    notebook = Path(notebook)
    text = notebook.read_text(encoding="utf-8")
    for loop, short in ROUNDS.get(notebook.name[:2], {}).items():
        assert loop in text, f"{notebook.name} has no {loop} any more: bring ROUNDS up to it"
        text = text.replace(loop, short)
    notebook.write_text(text, encoding="utf-8")
    return notebook


class JupyterServer:
    """JupyterLab on a free port of 127.0.0.1, without token, news, update checks and autosave.

    root: the folder it serves. Everything it writes besides lives in a temporary folder and goes away with it.
    """

    def __init__(self, root: Path | str = ROOT, *, timeout: float = 60, dark: bool = False):
        self.root, self.timeout, self.dark = Path(root).resolve(), timeout, dark

    def __enter__(self) -> JupyterServer:
        self._home = tempfile.TemporaryDirectory(prefix="lab-")
        home = Path(self._home.name)
        self._settings(home / "settings")
        self.startup = home / "ipython" / "profile_default" / "startup"  # every kernel runs these files first
        self.startup.mkdir(parents=True)
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        folders = {
            "JUPYTERLAB_SETTINGS_DIR": "settings",
            "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
            "JUPYTER_CONFIG_DIR": "config",
            "JUPYTER_RUNTIME_DIR": "runtime",
            "JUPYTER_DATA_DIR": "data",
            "IPYTHONDIR": "ipython",
        }
        options = {
            "--ServerApp.root_dir": self.root,
            "--ServerApp.port": self.port,
            "--ServerApp.port_retries": 0,
            "--ServerApp.ip": "127.0.0.1",
            "--IdentityProvider.token": "",
            "--ServerApp.open_browser": False,
            "--ServerApp.allow_root": True,
            "--LabApp.expose_app_in_browser": True,
            "--LabApp.news_url": "None",
            "--LabApp.check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
            "--LabApp.extension_manager": "readonly",
        }
        self.log = home / "log"
        warm.wake()
        command = [*warm.leashed("jupyterlab"), "--no-browser", *(f"{k}={v}" for k, v in options.items())]
        self._process = subprocess.Popen(
            command,
            cwd=home,
            env=os.environ | {k: str(home / v) for k, v in folders.items()},
            stdout=self.log.open("w"),
            stderr=subprocess.STDOUT,
        )
        try:
            self._wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _settings(self, folder: Path) -> None:
        quiet = {
            "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
            "docmanager-extension/plugin": {"autosave": False},
            "apputils-extension/themes": {
                "theme": "JupyterLab Dark" if self.dark else "JupyterLab Light",
                "adaptive-theme": False,
            },
        }
        for name, values in quiet.items():
            path = folder / "@jupyterlab" / f"{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(values))

    def _wait(self) -> None:
        """Until the server answers."""
        end = time.monotonic() + self.timeout
        while time.monotonic() < end:
            if self._process.poll() is not None:
                raise RuntimeError(f"JupyterLab ended at once:\n{self.log.read_text()[-3000:]}")
            try:
                urllib.request.urlopen(f"{self.url}/api", timeout=2).close()
                return
            except OSError:
                time.sleep(0.05)
        raise TimeoutError(f"JupyterLab did not answer in {self.timeout} s:\n{self.log.read_text()[-3000:]}")

    def __exit__(self, *_):
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._home.cleanup()

    def open_notebook(self, p, path: str, timeout: float = 60) -> None:
        """Open root/path in JupyterLab, alone on the screen, and wait until its kernel is idle."""
        p.goto(f"{self.url}/doc/tree/{path}")
        p.wait_for_function(OPEN, timeout=timeout * 1000)
        p.evaluate(IDLE, timeout * 1000)


OPEN = "window.jupyterapp?.shell?.currentWidget?.content?.widgets?.length"
# Resolves when a kernel has done what the page told it so far. The page waits longer than a widget, which speaks at most every 80 ms.
# Widgets have a thread of their own in the kernel, the cells another, and either calls the kernel idle: each is asked.
HEARD = """async (kernel) => {
  await new Promise((done) => setTimeout(done, 120));
  const others = new Set([...kernel._comms.values()].map((comm) => comm._subshellId).filter(Boolean));
  const threads = [kernel, ...[...others].map((id) => Object.create(kernel, { _subshellId: { value: id } }))];
  for (const _ of [1, 2])  // what a widget held back until its first word was heard comes behind the first
    await Promise.all(threads.map((one) => one.requestExecute({ code: '', silent: true }).done));
}"""
# Resolves when the kernel of the current notebook has heard the page and been idle for some animation frames; says what it waited for.
IDLE = f"""async (limit) => {{
  const kernel = () => window.jupyterapp.shell.currentWidget.sessionContext?.session?.kernel;
  const end = performance.now() + limit;
  async function rest() {{
    for (let calm = 0; calm < 3; ) {{
      const status = kernel()?.status ?? 'no kernel';
      calm = status === 'idle' ? calm + 1 : 0;
      if (performance.now() > end) throw new Error(`the kernel is not idle but "${{status}}"`);
      await new Promise(requestAnimationFrame);
    }}
  }}
  await rest();
  const late = new Promise((_, reject) => setTimeout(() => reject(new Error('the kernel does not answer')), end - performance.now()));
  await Promise.race([({HEARD})(kernel()), late]);
  await rest();
}}"""

# Runs a command of JupyterLab and waits until no code cell is pending; returns [execution_count, errors] per code cell.
RUN_ALL = """async ([command, limit]) => {
  const { commands, shell } = window.jupyterapp;
  const cells = () => shell.currentWidget.content.widgets.filter((cell) => cell.model.type === 'code');
  const late = new Promise((_, reject) => setTimeout(() => {
    const stuck = cells().findIndex((cell) => cell.model.executionState === 'running' || cell.promptNode?.textContent === '[*]:');
    reject(new Error(`code cell ${stuck} still runs after ${limit / 1000} s: ${cells()[stuck]?.model.sharedModel.source.slice(0, 200)}`));
  }, limit));
  await Promise.race([commands.execute(command), late]);
  return cells().map((cell) => cell.model.sharedModel.toJSON().outputs
    .filter((output) => output.output_type === 'error').map((output) => `${output.ename}: ${output.evalue}`)).flat();
}"""


def run_all(p, timeout: float = 120, command: str = "notebook:run-all-cells") -> list[str]:
    """Run every cell of the open notebook; the errors in their outputs, "ValueError: ..." each.

    Raises playwright's Error, naming the cell, when one is not done within ``timeout`` seconds.
    """
    errors = p.evaluate(RUN_ALL, [command, timeout * 1000])
    p.evaluate(IDLE, timeout * 1000)
    return errors


# Runs in a kernel before the first cell: whoever asks for a host that is not this machine gets an error.
NO_NETWORK = """
import socket
_connect, _lookup = socket.socket.connect, socket.getaddrinfo
def _local(host):
    return not isinstance(host, (str, bytes)) or str(host) in ("127.0.0.1", "localhost", "::1", "")
def connect(self, address):
    if isinstance(address, tuple) and not _local(address[0]):
        raise OSError(f"a lesson asked the network for {address}")
    return _connect(self, address)
def getaddrinfo(host, *rest, **more):
    if not _local(host):
        raise OSError(f"a lesson asked the network for {host}")
    return _lookup(host, *rest, **more)
socket.socket.connect, socket.getaddrinfo = connect, getaddrinfo
"""

# Ends what is open, its kernel too, and opens another notebook on the same page.
ANOTHER = """async (path) => {
  const { commands, shell } = window.jupyterapp;
  const old = [...shell.widgets('main')].filter((widget) => widget.context);
  for (const widget of old) {
    widget.context.model.dirty = false;  // or JupyterLab asks whether to save it
    await widget.sessionContext?.shutdown().catch(() => {});
    widget.dispose();
  }
  await commands.execute('apputils:change-theme', { theme: 'JupyterLab Light' });
  await commands.execute('docmanager:open', { path, factory: 'Notebook' });
}"""


def jupyters(error: str) -> bool:
    """Was it thrown by JupyterLab's own scripts alone? What a widget of ours does has a frame in a blob: or in anywidget.

    Seen under load, once in some hundred runs: React takes a node away that is gone already.
    """
    frames = [line for line in error.splitlines() if line.startswith("    at ")]
    return bool(frames) and all("/static/lab/" in frame for frame in frames)


# anywidget gives up a widget whose module has not been loaded in 2 seconds. That is a matter of the machine: three workers are
# busy here, and a widget that never comes fails its test anyway.
PATIENT = "const limit = AbortSignal.timeout.bind(AbortSignal); AbortSignal.timeout = (ms) => limit(30 * ms);"


class Desk:
    """One JupyterLab, one Chromium and one page of it, on which one notebook after the other is opened.

    ``open`` is the lesson that the page shows, or None.
    """

    def __init__(self):
        self._stack, self._page, self.page, self.open = ExitStack(), ExitStack(), None, None
        self.chrome = self._stack.enter_context(browser())

    def server(self) -> JupyterServer:
        """The one JupyterLab; it serves the whole disk, so that a test may keep its notebook where it likes."""
        if not hasattr(self, "_server"):
            self._server = self._stack.enter_context(JupyterServer(Path(__file__).anchor or "/"))
            (self._server.startup / "no_network.py").write_text(NO_NETWORK)
        return self._server

    def notebook(self, path: Path, *, width=1440, height=1000, dark=False, calm=False, number=""):
        """Open this notebook alone, its kernel idle and nothing run; returns the page, without errors and requests.

        number: that of a lesson, whose trainings end at `CAPS` and whose views draw `FEWER`.
        """
        server, self.open = self.server(), None
        ours = {k: v for k, v in os.environ.items() if k.startswith("DIFFUSION_LIB_")} | {"HF_HUB_OFFLINE": "1"}
        ours[PLACE] = str(
            Path(tempfile.mkdtemp(dir=server.startup)) / "progress.json"
        )  # nothing is known of other tests' bets
        ours |= {MAX_STEPS: str(CAPS[number])} if number in CAPS else {}
        (server.startup / "ours.py").write_text(startup(number, **ours))
        where = Path(path).resolve().relative_to(server.root).as_posix()
        if self.page is None or self.page.is_closed() or self.page.locator(".jp-Dialog").count():
            self._page.close()
            self.page = self._page.enter_context(page(self.chrome))
            self.page.add_init_script(PATIENT)
            self.look(width, height, dark, calm)
            server.open_notebook(self.page, where)
        else:
            self.look(width, height, dark, calm)
            self.page.evaluate(ANOTHER, where)
            self.page.wait_for_function(OPEN, timeout=60_000)
            self.page.evaluate(IDLE, 60_000)
        self.page.errors.clear()
        self.page.requests.clear()
        return self.page

    def copy(self, name: str) -> Path:
        """A copy of this lesson in an empty folder, whose own loops end sooner (`ROUNDS`)."""
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="lesson-")))
        shutil.copytree(ROOT / "notebooks" / "images", folder / "images")
        return shortened(shutil.copy(ROOT / "notebooks" / f"{name}.ipynb", folder))

    def look(self, width=1440, height=1000, dark=False, calm=False):
        self.page.set_viewport_size({"width": width, "height": height})
        self.page.emulate_media(
            color_scheme="dark" if dark else "light", reduced_motion="reduce" if calm else "no-preference"
        )

    def fair(self):
        """Nothing went wrong in JavaScript, and nothing was asked for outside this machine."""
        here = (self.server().url, self.server().url.replace("http", "ws"))
        # JupyterLab's own; the second was seen in the file of tests that restarts a kernel
        known = ("favicon", "Kernel message validation error")
        wrong = [e for e in self.page.errors if not any(k in e for k in known) and not jupyters(e)]
        away = [url for url in self.page.requests if not url.startswith(here)]
        assert not wrong and not away, (wrong, away)

    def close(self):
        self._page.close()
        self._stack.close()


_desk: Desk | None = None


def desk() -> Desk:
    """The desk of this process, set up when the first test asks for it; `clear` takes it away."""
    global _desk
    if _desk is None:
        _desk = Desk()
        atexit.register(clear)
    return _desk


def clear() -> None:
    """Close the desk. Playwright's event loop must not run while a test that is no browser test wants one of its own."""
    global _desk
    if _desk is not None:
        _desk.close()
        _desk = None


@contextmanager
def opened(folder: Path | str, notebook: str, chrome=None, *, timeout: float = 240, run: bool = True, **looks):
    """The desk's page with folder/notebook on it, run from top to bottom without an error (run: or not).

    looks: width, height, dark, calm, as `page` takes them.
    """
    p = desk().notebook(Path(folder) / notebook, **looks)
    if run:
        assert run_all(p, timeout) == []
    yield p
    desk().fair()


@contextmanager
def lesson(name: str, timeout: float = 600, **looks):
    """The desk's page with a copy of this lesson run from top to bottom; ``page.executed`` is the notebook as it was then.

    A lesson that is already open is not run again.
    """
    it = desk()
    if it.open == name:
        it.look(**looks)
    else:
        p = it.notebook(it.copy(name), number=name[:2], **looks)
        wrong = run_all(p, timeout)
        p.executed = p.evaluate("window.jupyterapp.shell.currentWidget.content.model.toJSON()")
        assert wrong == [], wrong
        it.open = name
    yield it.page
    it.fair()


# As by Ctrl+A, or by a drag over the text: the browser then takes a press of the mouse for the start of a drag of that.
ALL_SELECTED = "getSelection().selectAllChildren(document.body)"


def shown(p, index: int):
    """What code cell `index` of the open notebook shows, scrolled into view (JupyterLab draws only what is near)."""
    p.evaluate("(i) => window.jupyterapp.shell.currentWidget.content.scrollToItem(i, 'start')", index)
    box = p.locator(f".jp-Cell[data-windowed-list-index='{index}'] .jp-OutputArea").first
    box.locator("canvas, button").first.wait_for()
    p.evaluate(IDLE, 20_000)
    return box


def button(box, name: str):
    return box.locator("button", has_text=name).first


def told(p) -> None:
    """Wait until the kernel knows what the page had to say."""
    p.evaluate(f"({HEARD})(window.jupyterapp.shell.currentWidget.sessionContext.session.kernel)")


def becomes(p, expression: str, wanted: str = "True", within: float = 60) -> None:
    """Wait until the kernel gives this answer; see `ask_kernel`."""
    end = time.monotonic() + within
    while (answer := ask_kernel(p, expression)) != wanted:
        assert time.monotonic() < end, f"{expression} is {answer} and not {wanted}"
        p.wait_for_timeout(50)


def restart_kernel(p, timeout: float = 60) -> None:
    """Restart the kernel of the open notebook (nothing is run) and wait until it is idle."""
    p.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    p.evaluate(IDLE, timeout * 1000)


def ask_kernel(p, expression: str, timeout: float = 30) -> str:
    """repr of a Python expression in the notebook's kernel; runs beside the cells, changes none of them."""
    script = """async ([expression, limit]) => {
      const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
      const late = new Promise((_, reject) => setTimeout(() => reject(new Error('the kernel does not answer')), limit));
      const ask = kernel.requestExecute({ code: '', user_expressions: { answer: expression }, store_history: false });
      const { answer } = (await Promise.race([ask.done, late])).content.user_expressions;
      return answer.status === 'ok' ? answer.data['text/plain'] : `${answer.ename}: ${answer.evalue}`;
    }"""
    return p.evaluate(script, [expression, timeout * 1000])


def saved(p) -> list[dict]:
    """Save the open notebook; its cells as they then lie on the disk."""
    return p.evaluate("""async () => {
      await window.jupyterapp.commands.execute('docmanager:save');
      const { context } = window.jupyterapp.shell.currentWidget;
      return (await window.jupyterapp.serviceManager.contents.get(context.path)).content.cells;
    }""")


def write_notebook(path: Path, *cells: str) -> Path:
    """Write a notebook with these code cells."""
    empty = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = {
        "cells": [empty | {"id": f"cell{i}", "source": s} for i, s in enumerate(cells)],
        "metadata": {"kernelspec": kernel},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return path
