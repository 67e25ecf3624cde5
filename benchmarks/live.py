"""How long from a button to the painted picture, where the kernel has to work first? Lesson 05's duel in a real JupyterLab.

    python benchmarks/live.py            (about a minute; writes live.json beside this file)

A whole step of the GAN, "4 Repeat", is pressed with the mouse: on two moons and on cats of 16 x 16, in turns, with a film that is
full. It is pressed again and again (points, cats), and each time half a second or more after another button (points_first, cats_first). While
one looks, the kernel works out beforehand what the same button would do next, and, as long as none of it takes a tenth of a second,
the other three; so what is ready at the press depends on the processor. A time runs from the click's timeStamp to the second
requestAnimationFrame after the picture changed, as in slider.py; the frame that shows it begins a frame before, and that is in
live.json too. Beside it stands what the press costs in the kernel until all is sent and what is kept of it: little where its step
was ready. step_ms is the whole step, as it costs before anything is on the page; at_most_ms is 1.5 times that, and a frame.
"""

from __future__ import annotations

import ast
import os
import statistics
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tests")]
from book import rounded, save  # noqa: E402
from browser import JupyterServer, ask_kernel, becomes, browser, page, run_all, write_notebook  # noqa: E402
from slider import PROBE, ROUNDS, STEPS, Arm, _p95, about  # noqa: E402

# The picture is asked for in every frame while the kernel works; all its pixels would take the page longer than it needs to paint.
LOOK = """
  look.live = (root) => {
    let hash = root.querySelector('.fp-readout').textContent, blank = 0;
    for (const c of root.querySelectorAll('canvas')) {
      let any = 0, sum = 0;
      for (const share of [0.25, 0.5, 0.75]) {
        const row = new Uint32Array(c.getContext('2d').getImageData(0, Math.floor(share * c.height), c.width, 1).data.buffer);
        for (const v of row) { sum = (sum * 31 + v) | 0; any |= v; }
      }
      hash += ' ' + sum;
      blank |= !any || !c.offsetHeight;
    }
    return [hash, blank || !root.querySelector('canvas')];
  };
  const inspect ="""
PRESSES, FRAME = 30, 1000 / 60  # before it is measured: the film has begun to thin; an animation frame in ms
GOALS = {"points": 33, "points_first": None, "cats": 66, "cats_first": None}  # ms


def points():
    """The lesson's first duel."""
    from diffusion_lib import data
    from diffusion_lib.course import lesson05

    return _warm(lesson05.step_gan(data.load("moons")))


def cats():
    """The lesson's second duel, from nothing."""
    from diffusion_lib import data
    from diffusion_lib.course import lesson05

    x = data.sprites(2000, size=16, species="cat").x
    return _warm(lesson05.step_gan(data.Data(x, name="cats")))


points_first, cats_first = points, cats  # duels of their own, pressed otherwise


def _warm(duel):
    for _ in range(PRESSES):
        duel.press("repeat")
    duel.steps = duel.frame_ms[-20:]
    return duel


class Button(Arm):
    """A duel on the page, and its button for a whole step."""

    def __init__(self, name: str, p, n: int):
        box = f".dl-box:not(:has(.dl-box)) >> nth={n}"  # beside a pad a duel stands in a box within its box
        super().__init__(name, p, f"{box} >> .fp", f"{box} >> button:has-text('Repeat')", "live")
        self.presses, self.other = 0, p.locator(f"{box} >> button:has-text('Draw fakes')").first
        self.kernel: list[float] = []
        self.whole: list[float] = ast.literal_eval(ask_kernel(p, f"{name}.steps"))

    def step(self, key: str) -> None:
        """A press, and its times; where it shall be the first of its kind, after another button."""
        if self.name.endswith("_first"):
            self.other.click()
            self.page.wait_for_timeout(400)
        super().step(key)

    def press(self, key: str) -> None:
        """The mouse presses the button."""
        self.presses += 1
        self.page.locator(self.focus).first.click()

    def listen(self) -> None:
        """What the presses since last time cost in the kernel."""
        each = 2 if self.name.endswith("_first") else 1  # every second one is the other button's
        becomes(self.page, f"{self.name}.pair.fooled", str(PRESSES + self.presses))  # or it was another duel's button
        took = ask_kernel(self.page, f"{self.name}.frame_ms[-{STEPS * each}:]")
        self.kernel += ast.literal_eval(took)[each - 1 :: each]

    def result(self) -> dict:
        """All times, and how they stand to each other."""
        painted, kernel, whole = map(statistics.median, (self.steps, self.kernel, self.whole))
        return {
            "button_to_painted_ms": {"median": painted, "p95": _p95(self.steps), "all": self.steps},
            "button_to_its_frame_ms": {"median": statistics.median(self.begun), "all": self.begun},
            "kernel_ms": {"median": kernel, "p95": _p95(self.kernel), "all": self.kernel},
            "goal_ms": GOALS[self.name],
            "step_ms": {"median": whole, "all": self.whole},
            "at_most_ms": 1.5 * whole + FRAME,
            "frames_watched": self.frames,
            "blank_frames": self.blanks,
            "height_changes": self.jumps,
        }


def measure() -> dict:
    """All duels in one notebook."""
    setup = f"import sys; sys.path.insert(0, {str(HERE)!r}); import live"
    load = [os.getloadavg()[0]]
    with tempfile.TemporaryDirectory() as folder, browser() as chrome:
        cells = [f"{name} = live.{name}(); {name}" for name in GOALS]
        write_notebook(Path(folder) / "live.ipynb", setup, *cells)
        with JupyterServer(folder) as lab, page(chrome, height=3600) as p:
            lab.open_notebook(p, "live.ipynb")
            if errors := run_all(p):
                raise RuntimeError(f"the notebook failed: {errors}")
            p.locator(".fp canvas").nth(11).wait_for()
            p.evaluate(PROBE.replace("'keydown'", "'click'").replace("\n  const inspect =", LOOK))
            arms = [Button(name, p, n) for n, name in enumerate(GOALS)]
            seen = {arm.name: arm.check() for arm in arms}
            if any(n < 10 for n in seen.values()):
                raise RuntimeError(f"the probe missed injected blank frames: it saw {seen} of 10")
            for arm in arms:
                for _ in range(3):
                    arm.step("")  # warm up
                arm.steps, arm.begun, arm.blanks, arm.jumps, arm.frames = [], [], 0, 0, 0
            for turn in range(ROUNDS):
                for arm in arms if turn % 2 else arms[::-1]:
                    for _ in range(STEPS):
                        arm.step("")
                    arm.listen()
                load.append(os.getloadavg()[0])
            threads = int(ask_kernel(p, "__import__('torch').get_num_threads()"))
            return about(chrome, "torch", "numpy") | {
                "threads": threads,
                "load_average": load,
                "what": f"{ROUNDS * STEPS} whole steps each, in turns",
                "injected_blanks_seen_of_10": seen,
                "results": {arm.name: arm.result() for arm in arms},
            }


def main():
    """Measure, write, print."""
    measured = rounded(measure(), 1)
    save(HERE / "live.json", measured)
    print(
        f"{'':12} button->painted ms: median   p95 | its frame: median | kernel ms: median | goal | 1.5 steps + a frame | blank"
    )
    for name, r in measured["results"].items():
        painted, kernel = r["button_to_painted_ms"], r["kernel_ms"]
        print(
            f"{name:12} {painted['median']:26} {painted['p95']:5} | {r['button_to_its_frame_ms']['median']:17} | "
            f"{kernel['median']:17} | {r['goal_ms'] or '':4} | "
            f"{r['at_most_ms']:20} | {r['blank_frames']:5}"
        )


if __name__ == "__main__":
    main()
