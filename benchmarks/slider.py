"""How long from a key to the painted picture? The player raced against interact + redraw, in a real JupyterLab.

    python benchmarks/slider.py            (about two minutes; writes slider.json beside this file)

Both show the same three panels: a 128 x 128 colour photo and a digit at x_t, and two curves with a cursor at t.
Both are driven by real key presses in one headless Chromium, in turns. A time runs from the key event's timeStamp to
the second requestAnimationFrame after the picture changed: by then the frame with it has been painted, so this is up to
a frame too long; the display itself is not in it. In every frame, as its paint begins, the probe hashes the picture and
looks for blanks and jumps in height. Before a key comes the page is at rest, as when somebody looks at a picture.
"""

from __future__ import annotations

import os
import platform
import random
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tests")]
from book import rounded, save  # noqa: E402
from browser import JupyterServer, browser, page, run_all, write_notebook  # noqa: E402

T, ROUNDS, STEPS, BURSTS, KEYS, APART = 200, 4, 10, 2, 50, 0.020


def scene():
    """The numbers that all approaches show: photo and digit with their noise, and alpha_bar."""
    import numpy as np
    from sklearn.datasets import load_digits, load_sample_image

    rng = np.random.default_rng(0)
    photo = load_sample_image("flower.jpg")[40:296:2, 180:436:2].transpose(2, 0, 1) / 127.5 - 1
    digit = load_digits().images[3] / 8 - 1
    alpha_bar = np.cos(np.linspace(0, np.pi / 2, T + 1)) ** 2
    return photo, rng.normal(size=photo.shape), digit, rng.normal(size=digit.shape), alpha_bar


def player():
    import numpy as np

    from diffusion_lib.viz.panels import curve, mix
    from diffusion_lib.viz.player import FramePlayer

    photo, noise, digit, grain, a = scene()
    t = np.arange(T + 1)
    curves = {"signal": np.sqrt(a), "noise": np.sqrt(1 - a)}
    return FramePlayer(
        [mix(photo, noise, a, "photo"), mix(digit, grain, a, "digit"), curve(t, curves, "shares", cursor=t)],
        labels=[f"t = {i}" for i in t],
        captions=[f"x_{{t}} = {s:.3f} x_{{0}} + {n:.3f} ε" for s, n in zip(*curves.values(), strict=True)],
    )


def redraw():
    """What most notebooks do: interact, and a new figure for every position of the slider."""
    import matplotlib.pyplot as plt
    import numpy as np
    from ipywidgets import IntSlider, interact

    photo, noise, digit, grain, a = scene()

    def show(t):
        _, axes = plt.subplots(1, 3, figsize=(9, 3))
        xt = np.sqrt(a[t]) * photo + np.sqrt(1 - a[t]) * noise
        axes[0].imshow(((xt.transpose(1, 2, 0) + 1) / 2).clip(0, 1))
        axes[1].imshow(np.sqrt(a[t]) * digit + np.sqrt(1 - a[t]) * grain, cmap="gray", vmin=-1, vmax=1)
        axes[2].plot(np.sqrt(a))
        axes[2].plot(np.sqrt(1 - a), "--")
        axes[2].axvline(t)
        axes[0].set_title(f"t = {t}")
        plt.show()

    interact(show, t=IntSlider(0, 0, T))


PROBE = """() => {
  const P = (window.probe = { on: false });
  let last, height, fresh;
  const look = { // what is on the screen: its hash, and whether it is blank
    canvas(root) {
      let hash = 0, blank = 0;
      for (const c of root.querySelectorAll('canvas')) {
        const data = new Uint32Array(c.getContext('2d').getImageData(0, 0, c.width, c.height).data.buffer);
        let any = 0;
        for (let k = 0; k < data.length; k += 7) { hash = (hash * 31 + data[k]) | 0; any |= data[k]; }
        blank |= !any || !c.offsetHeight;
      }
      return [hash, blank || !root.querySelector('canvas')];
    },
    img(root) {
      const img = root.querySelector('img');
      return [img?.src, !img || !img.complete || !img.naturalWidth || !img.offsetHeight];
    },
  };
  const inspect = () => { // what the frame that begins now is going to paint
    const [hash, blank] = look[P.kind](P.root), tall = P.root.offsetHeight;
    P.frames += 1;
    P.blanks += blank ? 1 : 0;
    if (height !== undefined && tall !== height) P.jumps += 1;
    height = tall;
    if (blank || hash === last) return;
    if (last !== undefined) P.changes.push((fresh = { begun: performance.now(), painted: null }));
    last = hash;
  };
  const tick = () => {
    if (fresh) [fresh.painted, fresh] = [performance.now(), null]; // the next frame: that one has been painted
    if (!P.on) return;
    inspect();
    requestAnimationFrame(tick);
  };
  addEventListener('keydown', (event) => {
    if (!P.on) return;
    if (P.keys.push(event.timeStamp) === 1) requestAnimationFrame(tick);
  }, true);
  P.start = (root, kind) => {
    Object.assign(P, { on: true, root, kind, keys: [], changes: [], blanks: 0, jumps: 0, frames: 0 });
    last = height = fresh = undefined;
    inspect();
    return new Promise((done) => setTimeout(done, 100));
  };
  // Answers in the next frame: then the last tick has ended, and does not go on beside the next key's.
  P.stop = () => new Promise((done) => { P.on = false; requestAnimationFrame(() => done(seen())); });
  const seen = () => { return { keys: P.keys, painted: P.changes.map((c) => c.painted), begun: P.changes.map((c) => c.begun), blanks: P.blanks, jumps: P.jumps, frames: P.frames }; };
  // Blanks the picture for exactly one frame, times times: the probe must see every one of them.
  P.inject = (times) => new Promise((done) => {
    requestAnimationFrame(tick);
    const img = P.root.querySelector('img'), canvas = P.root.querySelector('canvas');
    const turn = (n, hide) => requestAnimationFrame(() => {
      if (!n) return setTimeout(done, 100);
      if (hide && canvas) P.kept = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      if (canvas) hide ? canvas.getContext('2d').clearRect(0, 0, 9999, 9999) : canvas.getContext('2d').putImageData(P.kept, 0, 0);
      else img.style.display = hide ? 'none' : '';
      setTimeout(() => turn(hide ? n : n - 1, !hide), hide ? 0 : 40);
    });
    turn(times, true);
  });
}"""


class Arm:
    """One approach on one page, and everything measured of it."""

    def __init__(self, name: str, p, root: str, focus: str, kind: str):
        self.name, self.page, self.kind, self.focus = name, p, kind, focus
        self.root = p.locator(root).first.element_handle()
        self.steps, self.begun, self.settled, self.shown = [], [], [], []
        self.blanks = self.jumps = self.frames = 0

    def start(self):
        self.page.bring_to_front()
        self.page.locator(self.focus).first.focus()
        self.page.evaluate("([root, kind]) => window.probe.start(root, kind)", [self.root, self.kind])

    def stop(self) -> dict:
        seen = self.page.evaluate("() => window.probe.stop()")
        self.blanks, self.jumps, self.frames = (
            self.blanks + seen["blanks"],
            self.jumps + seen["jumps"],
            self.frames + seen["frames"],
        )
        return seen

    def step(self, key: str) -> None:
        """One key; the milliseconds to its painted picture go to steps."""
        self.start()
        time.sleep(random.uniform(0.05, 0.1))  # keys come at any moment of a frame
        self.press(key)
        self.page.wait_for_function("() => window.probe.changes.some((c) => c.painted)", timeout=10_000)
        self.page.wait_for_timeout(150)  # blanks and jumps may come late
        seen = self.stop()
        self.steps.append(seen["painted"][0] - seen["keys"][0])
        self.begun.append(seen["begun"][0] - seen["keys"][0])

    def press(self, key: str) -> None:
        """What a learner does."""
        self.page.keyboard.press(key)

    def burst(self, key: str) -> tuple[float, int]:
        """Milliseconds from the last of 50 fast keys to the last new picture, and how many pictures there were."""
        self.start()
        begin = time.perf_counter()
        for n in range(KEYS):
            time.sleep(max(0, begin + n * APART - time.perf_counter()))
            self.page.keyboard.press(key)
        self.page.wait_for_timeout(1200)
        seen = self.stop()
        return max(0.0, seen["painted"][-1] - seen["keys"][-1]), len(seen["painted"])

    def check(self) -> int:
        """How many of ten injected blank frames the probe sees."""
        self.start()
        self.page.evaluate("() => window.probe.inject(10)")
        return self.page.evaluate("() => window.probe.stop()")["blanks"]

    def round(self, key: str):
        for _ in range(STEPS):
            self.step(key)
        for n in range(BURSTS):
            settled, shown = self.burst(["ArrowRight", "ArrowLeft"][n % 2])
            self.settled.append(settled)
            self.shown.append(shown)

    def result(self) -> dict:
        return {
            "key_to_painted_ms": {"median": statistics.median(self.steps), "p95": _p95(self.steps), "all": self.steps},
            "settle_after_50_keys_ms": {
                "median": statistics.median(self.settled),
                "max": max(self.settled),
                "all": self.settled,
            },
            "pictures_of_50": statistics.median(self.shown),
            "frames_watched": self.frames,
            "blank_frames": self.blanks,
            "height_changes": self.jumps,
        }


def _p95(values) -> float:
    return statistics.quantiles(values, n=20, method="inclusive")[-1]


def measure() -> dict:
    setup = f"import sys; sys.path.insert(0, {str(HERE)!r}); import slider"
    load = [os.getloadavg()[0]]
    with tempfile.TemporaryDirectory() as folder, browser() as chrome:
        write_notebook(Path(folder) / "race.ipynb", setup, "slider.player()", "slider.redraw()")
        exported = player().save_html(Path(folder) / "film.html")
        with JupyterServer(folder) as lab, page(chrome, height=1200) as p, page(chrome, height=1200, offline=True) as q:
            lab.open_notebook(p, "race.ipynb")
            if errors := run_all(p):
                raise RuntimeError(f"the notebook failed: {errors}")
            p.locator(".widget-interact img").wait_for()
            q.goto(exported.as_uri())
            for each in (p, q):
                each.locator(".fp canvas").first.wait_for()
                each.evaluate(PROBE)
            arms = [
                Arm("player", p, ".fp", ".fp input", "canvas"),
                Arm("redraw", p, ".widget-interact .jp-OutputArea", ".widget-interact [role=slider]", "img"),
                Arm("exported page", q, ".fp", ".fp input", "canvas"),
            ]
            seen = {arm.name: arm.check() for arm in arms}
            if any(n < 10 for n in seen.values()):
                raise RuntimeError(f"the probe missed injected blank frames: it saw {seen} of 10")
            for arm in arms:
                for _ in range(3):
                    arm.step("ArrowRight")  # warm up
                arm.steps, arm.blanks, arm.jumps, arm.frames = [], 0, 0, 0
            for turn in range(ROUNDS):
                for arm in arms if turn % 2 else arms[::-1]:
                    arm.round("ArrowRight" if turn % 2 else "ArrowLeft" if turn else "ArrowRight")
                load.append(os.getloadavg()[0])
            return about(chrome, "matplotlib", "numpy") | {
                "load_average": load,
                "what": f"{ROUNDS * STEPS} steps and {ROUNDS * BURSTS} bursts of {KEYS} keys {APART * 1000:.0f} ms apart each, in turns",
                "injected_blanks_seen_of_10": seen,
                "results": {arm.name: arm.result() for arm in arms},
            }


def about(chrome, *more: str) -> dict:
    """When, on what, and with which versions something is measured; more: packages."""
    names = ("jupyterlab", "ipywidgets", "anywidget", "ipykernel", "playwright", *more)
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"processor": _processor(), "cores": os.cpu_count(), "system": platform.system()},
        "versions": {"python": platform.python_version(), "chromium": chrome.version} | {n: version(n) for n in names},
    }


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    return next((line.split(": ")[1] for line in lines if line.startswith("model name")), platform.processor())


def main():
    measured = rounded(measure(), 1)
    save(HERE / "slider.json", measured)
    print(f"{'':14} key->painted ms: median   p95 | after 50 keys ms: median   max | pictures | blank | jumps")
    for name, r in measured["results"].items():
        key, settle = r["key_to_painted_ms"], r["settle_after_50_keys_ms"]
        print(
            f"{name:14} {key['median']:23} {key['p95']:5} | {settle['median']:23} {settle['max']:5} | "
            f"{r['pictures_of_50']:8} | {r['blank_frames']:5} | {r['height_changes']:5}"
        )


if __name__ == "__main__":
    main()
