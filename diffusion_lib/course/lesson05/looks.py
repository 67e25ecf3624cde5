"""What there is to see of a duel: `look(pair)` takes a moment down, `panels(frames)` shows them; a class for points, one for pictures."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ...dataset import Data
from ...gan import optimal_score
from ...nets import Discriminator, Generator
from ...values import dice
from ...viz.figures import grid
from ...viz.panels import pixels, scatter
from ...words import _
from ..common import comet, shortened
from .pair import Pair, kernel_log_density, real_log_density

ORANGE, WHITE, BLUE = (np.array(c, float) for c in ((250, 196, 140), (255, 255, 255), (150, 203, 236)))
EMPTY = np.array((226, 229, 232), float)
REAL, FAKE, INK = 0, 1, 6  # of the player's palette: blue, orange, dark


def tint(probability: np.ndarray, known: np.ndarray | float = 1.0) -> np.ndarray:
    """D's answer as a colour, (...) -> (..., 3) uint8: orange 0 (fake), white 1/2, blue 1 (real); grey where known = 0."""
    p = np.asarray(probability, float)[..., None]
    color = WHITE + np.where(p > 0.5, (2 * p - 1) * (BLUE - WHITE), (1 - 2 * p) * (ORANGE - WHITE))
    known = np.asarray(known, float)[..., None]
    return (known * color + (1 - known) * EMPTY).round().astype(np.uint8)


def border(score: np.ndarray, axis: np.ndarray, most: int = 150) -> np.ndarray:
    """Places where a score on the grid axis x axis (rows are y) changes its sign, i.e. D says 1/2: (most, 2), filled up with nan."""
    places = []
    for s, turned in ((score, False), (score.T, True)):
        row, col = np.nonzero((s[:, :-1] > 0) != (s[:, 1:] > 0))
        a, b = s[row, col], s[row, col + 1]
        at = axis[col] + (axis[1] - axis[0]) * a / (a - b)
        places.append(np.stack([axis[row], at] if turned else [at, axis[row]], 1))
    found = np.concatenate(places)
    found = found[np.linspace(0, len(found) - 1, min(most, len(found))).astype(int)]
    return np.concatenate([found, np.full((most - len(found), 2), np.nan)])


def _sigmoid(score: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.tanh(np.asarray(score, float) / 2))


class Points:
    """D's surface with reals, fakes and arrows; beside it, the best D there is against these fakes."""

    side, n_arrows, blur, n_density, loss_shape = 36, 40, 0.12, 1000, 0.95

    def __init__(self, data: Data):
        self.limit = 1.2 * float(data.x.abs().max())
        step = self.limit / self.side  # a value stands in the middle of its pixel
        self.axis = torch.linspace(-self.limit + step, self.limit - step, self.side)
        x, y = torch.meshgrid(self.axis, self.axis, indexing="xy")
        self.places = torch.stack([x, y], -1).flatten(0, 1)
        self.log_p = real_log_density(data, self.axis, self.blur)
        self.backdrop = data.x[torch.randperm(len(data), generator=dice(0))[:400]]

    def surface(self, d: Discriminator) -> np.ndarray:
        """D's score on the grid, (side, side), rows are y, upwards."""
        with torch.no_grad():
            return d(self.places).reshape(self.side, self.side).numpy()

    def best(self, g: Generator) -> tuple[np.ndarray, np.ndarray]:
        """The score log p - log q of the optimal D against 1,000 fakes, and how much there is to judge, 0..1: (side, side)."""
        with torch.no_grad():
            q = kernel_log_density(g(g.noise(self.n_density, dice(0))), self.axis, self.blur)
        score, there = optimal_score(self.log_p, q), torch.logaddexp(self.log_p, q) - self.log_p.max()
        known = ((there + 9) / 4).clamp(0, 1)  # grey below e^-9 of the densest place
        return score.reshape(self.side, -1).numpy(), known.reshape(self.side, -1).numpy()

    def look(self, pair: Pair) -> dict[str, np.ndarray]:
        """This moment: arrays for the panels, and their notes."""
        score, (best, known) = self.surface(pair.d.model), self.best(pair.g.model)
        axis, arrows = self.axis.numpy(), pair.arrows(self.n_arrows).numpy()
        length = np.linalg.norm(arrows, axis=1)
        return {
            "fakes": pair.fakes.numpy().astype(np.float16),
            "arrows": shortened(arrows, 0.16 * self.limit).astype(np.float16),
            "field": tint(_sigmoid(score))[::-1],
            "border": border(score, axis).astype(np.float16),
            "best": tint(_sigmoid(best), known)[::-1],
            "best_border": border(np.where(known > 0.5, best, np.nan), axis).astype(np.float16),
            "note": _("comet: G's pull there (median {length:.2g})").format(length=np.median(length)),
        }

    def panels(self, frames: list[dict]) -> list[dict]:
        """Two panels of these moments."""
        seen = {k: np.stack([f[k] for f in frames]) for k, v in frames[0].items() if isinstance(v, np.ndarray)}
        notes = [f["note"] for f in frames]
        places = (seen[k].astype(np.float32) for k in ("fakes", "arrows", "border", "best_border"))
        fakes, arrows, edge, best_edge = places
        plane = {"xlim": (-self.limit, self.limit), "ylim": (-self.limit, self.limit)}
        tails = comet(fakes[:, : arrows.shape[1]], arrows, INK, thin=1.0, thick=3.5)
        cloud = {"points": fakes, "colors": FAKE, "size": 6, "name": _("fake")}
        line = {"colors": INK, "size": 2, "name": _("D says ½")}
        now = {"colors": REAL, "size": 4, "name": _("real"), "field": seen["field"], "notes": notes} | plane
        layers = [{"points": edge, **line}, cloud, *tails]
        best = {"layers": [{"points": fakes, "colors": FAKE, "size": 3}], "field": seen["best"]} | line | plane
        said = _("p, q: data and 1,000 fakes, both blurred by {blur}; grey: neither").format(blur=self.blur)
        return [
            scatter(self.backdrop, _("D now (blue: “real”)"), layers=layers, **now),
            scatter(best_edge, _("Best D: p / (p + q)"), notes=said, **best),
        ]


class Pictures:
    """Fakes, each over a bar with D's probability that it is real; those that fooled D most; and real ones, judged too."""

    columns, shown, row, loss_shape = 6, 18, 6, 0.7

    def __init__(self, data: Data):
        self.real = data.x[torch.randperm(len(data), generator=dice(0))[: self.row]]

    def look(self, pair: Pair) -> dict[str, np.ndarray]:
        """This moment: arrays for the panels, and their notes."""
        with torch.no_grad():
            real = pair.d.model(self.real)
        fakes, scores = pair.fakes, pair.scores
        best = scores.argsort(descending=True)[: self.row]
        pull = pair.arrows(self.shown).flatten(1).norm(dim=1).median()
        return {
            "fakes": self._sheet(fakes[: self.shown], scores[: self.shown]),
            "best": np.concatenate([self._sheet(fakes[best], scores[best]), self._sheet(self.real, real)]),
            "note": _("blue: “real”, orange: “fake” (pull {pull:.2g})").format(pull=float(pull)),
            "best_note": _("the best fake: {share:.0%} real").format(share=float(scores.max().sigmoid())),
        }

    def _sheet(self, x: Tensor, scores: Tensor) -> np.ndarray:
        """Pictures in rows; under each, a bar: its blue part is D's probability that it is real."""
        side, p = x.shape[-1], scores.sigmoid().numpy()
        tall = grid(x, columns=1, pad=0)
        tall = np.repeat(tall[..., None], 3, 2) if tall.ndim == 2 else tall
        cells = tall.reshape(len(x), side, side, 3)
        bar = np.where(np.arange(side)[None, :, None] < (p * side).round()[:, None, None], (0, 114, 178), (213, 94, 0))
        gap = np.full((len(x), 1, side, 3), 255)
        cells = np.concatenate([cells, gap, np.repeat(bar[:, None], 2, 1), gap, gap], 1)
        cells = np.pad(cells, ((0, 0), (0, 0), (1, 1), (0, 0)), constant_values=255)
        cells = np.pad(cells, ((0, -len(x) % self.columns), *[(0, 0)] * 3), constant_values=255)
        rows = cells.reshape(-1, self.columns, *cells.shape[1:]).transpose(0, 2, 1, 3, 4)
        return rows.reshape(-1, self.columns * cells.shape[2], 3).astype(np.uint8)

    def panels(self, frames: list[dict]) -> list[dict]:
        """Two panels of these moments."""
        shown = (
            ("fakes", "note", _("Fakes, and what D thinks of each")),
            ("best", "best_note", _("Fooled D most; under them: real ones")),
        )
        return [
            pixels(np.stack([f[key] for f in frames]), title, notes=[f[note] for f in frames])
            for key, note, title in shown
        ]
