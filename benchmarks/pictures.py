"""Draw the pictures at the top of lessons 02, 04, 05 and 06 again, and those of the README's gallery (two minutes).

    python benchmarks/pictures.py                  # notebooks/images/{schedules,training,cats,collapse}.png, notebooks/images/gallery
    python benchmarks/pictures.py overview arrows  # only these of the gallery

The gallery's commands stand in the README and nowhere else; here each is given again, small, as a PNG.
"""

import re
import shlex
import sys
from pathlib import Path

import numpy as np
import torch

from diffusion_lib import __main__, data, ddpm
from diffusion_lib.diffusion import Schedule, add_noise
from diffusion_lib.evaluation import records
from diffusion_lib.evaluation.records import cat_film
from diffusion_lib.train import fit
from diffusion_lib.viz.figures import FORWARD, grid, save, strip

ROOT = Path(__file__).parent.parent
IMAGES = ROOT / "notebooks" / "images"
SMALL = "--width 6 --dpi 90".split()


def schedules() -> None:
    """One cat under a schedule made for 50 steps, and under one made for 1000 that is used for 50."""
    x0 = data.sprites(1, size=64, seed=3, species="cat").x
    eps = torch.randn(x0.shape, generator=torch.Generator().manual_seed(0))
    good, bad = Schedule.of("linear", 50), Schedule.from_beta(torch.linspace(1e-4, 0.02, 50))
    times = (0, 10, 20, 30, 40, 50)
    rows = [torch.cat([add_noise(x0, t, eps, s) for t in times]) for s in (good, bad)]
    names = ["β for\n50", "β for\n1000"]
    save(strip(rows, [f"$t = {t}$" for t in times], names, above=FORWARD), IMAGES / "schedules.png")


def training() -> None:
    """Samples from the same noise while a network learns 8 x 8 digits."""
    model, parts = ddpm.build(data.digits().split(1000)[0])
    at, y = [0, 30, 100, 200, 400, 1000], torch.tensor([3, 8, 5, 0, 4, 7, 2, 6, 9])

    def look() -> np.ndarray:
        return grid(torch.cat(list(ddpm.draw(model, 9, y=y, seed=3))), columns=3)

    frames = [look()]
    frames += [look() for record in fit(*parts, steps=at[-1]) if record.step in at]
    save(strip(np.stack(frames), [f"step {n:,}" for n in at]), IMAGES / "training.png")


def cats() -> None:
    """What a new G draws, and real cats. How the one becomes the other, and what comes first, is for section 7 to show."""
    film, _ = cat_film()
    real = data.sprites(10, size=film.shape[2], species="cat").x
    sheets = [grid(x, columns=5) for x in (film[0, :10].transpose(0, 3, 1, 2), real)]
    save(strip(np.stack(sheets), ["fakes before the first step", "real ones"]), IMAGES / "cats.png")


def collapse(size: int = 112) -> None:
    """Where the fakes of a recorded training with the loss of 2014 are: real islands blue, fakes orange, a dot of 2 x 2 pixels each."""
    book = records.read("cures")
    run, ring, frames = book["film"]["non-saturating"], data.ring(400, seed=0).x.numpy(), (0, 1, 4, 16)
    sheets = []
    for k in frames:
        sheet = np.full((size, size, 3), 244, np.uint8)
        for points, ink in ((ring, (140, 180, 230)), (np.array(run[k][1]).reshape(-1, 2) / 100, (213, 94, 0))):
            at = ((points * (1, -1) / book["plot"] + 1) / 2 * size).astype(int).clip(1, size - 2)
            for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)):
                sheet[at[:, 1] + i, at[:, 0] + j] = ink
        sheets.append(sheet)
    save(strip(np.stack(sheets), [f"step {run[k][0]:,}" for k in frames]), IMAGES / "collapse.png")


def gallery() -> dict[str, tuple[Path, list[str]]]:
    """Scene -> the picture that stands over its command in the README, and the words of that command after `diffusion_lib`."""
    cells = re.findall(r"<td.*?</td>", (ROOT / "README.md").read_text(encoding="utf-8"), re.S)
    pairs = [re.search(r'src="([^"]+)".*<code>python -m diffusion_lib (.+)</code>', cell, re.S) for cell in cells]
    return {Path(p[1]).stem: (ROOT / p[1], shlex.split(p[2])) for p in pairs if p}


def small(words: list[str], path: Path) -> list[str]:
    """The same command for a picture of the gallery."""
    return [*words[: words.index("--out")], *SMALL, "--out", str(path)]


def main(names: list[str]) -> None:
    if not names:
        schedules(), training(), cats(), collapse()
    for name, (path, words) in gallery().items():
        if name in (names or gallery()):
            path.parent.mkdir(exist_ok=True)
            if __main__.main(small(words, path)):
                raise SystemExit(f"{name}: the README's command was refused.")


if __name__ == "__main__":
    main(sys.argv[1:])
