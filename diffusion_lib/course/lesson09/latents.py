"""Lesson 09, what is inside: a map of a two-dimensional z, and walks through the latent spaces of three families."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import anywidget
import numpy as np
import torch
import traitlets
from torch import Tensor

from ... import store, vae
from ...dataset import Data
from ...diffusion import randn_like
from ...evaluation import records
from ...train import Record, fit
from ...vae import VAE, kl_to_prior, reconstruction
from ...values import dice, need
from ...viz import still as stills
from ...viz.figures import grid, to_uint8
from ...viz.film import Film
from ...viz.panels import curve, pixels, scatter
from ...viz.player import FramePlayer
from ...viz.tables import Table, table
from ...viz.theme import heard_at_once, script
from ...words import N_, _, spoken
from ..live import Live, budget
from .measures import from_noise, seen_and_unseen, slerp, straight

# ---------------------------------------------------------------------------------------- the map


WORDS = {  # what map.js says
    "decoded": N_("decoded here"),
    "nearest": N_("nearest real digit"),
    "says": N_("z = ({x}, {y}).  The nearest real digit, a {digit}, was put {far} away."),
    "digits": N_("Where real digits lie"),
    "tiles": N_("What is decoded everywhere"),
    "map": N_("{alt} Move with the mouse, a finger or the arrow keys."),
}


class LatentMap(stills.Stilled, anywidget.AnyWidget):
    """A map of a two-dimensional z. `.at` is the place on show; what is decoded there was computed beforehand, on a grid."""

    _esm = script(__file__, "map.js")
    film = traitlets.Dict().tag(sync=True)
    words = traitlets.Dict().tag(sync=True)
    at = traitlets.List(traitlets.Float(), [0.0, 0.0], minlen=2, maxlen=2).tag(sync=True)

    @torch.no_grad()
    def __init__(self, model: VAE, data: Data, steps: int = 61):
        said = "A map needs a VAE of grey pictures with latent = 2: a plane has two directions."
        need(model.config["latent"] == 2 and len(model.shape) == 3 and model.shape[0] == 1, said)
        mu = model.encode(data.x)[0]
        limit = max(3.0, 1.05 * float(mu.abs().max()))
        axis = torch.linspace(-limit, limit, steps)
        z = torch.cartesian_prod(axis, axis).flip(1)  # row by row: the second number is the row
        self.tiles = model.decode(z).reshape(steps, steps, *model.shape)
        self.points, self.y = mu, torch.zeros(len(mu), dtype=torch.long) if data.y is None else data.y
        film = {
            "decoded": to_uint8(self.tiles.flatten(0, 1)).tobytes(),
            "real": to_uint8(data.x).tobytes(),
            "label": self.y.byte().numpy().tobytes(),
            "points": mu.numpy().astype("<f4").tobytes(),
            "steps": steps,
            "limit": limit,
            "height": model.shape[1],
            "width": model.shape[2],
            "names": list(data.names) if data.y is not None else ["·"],
        }
        super().__init__(film=film | {"alt": self._alt(limit, len(mu))}, words=spoken(WORDS))
        heard_at_once(self)

    @staticmethod
    def _alt(limit: float, n: int) -> str:
        text = _(
            "Map of a two-dimensional latent space, from −{limit:.1f} to {limit:.1f} each way, with {n} real digits where the encoder puts them."
        )
        return text.format(limit=limit, n=n)

    def still(self) -> bytes:
        """PNG: where real digits lie, and what is decoded on a coarse grid."""
        limit, every = self.film["limit"], self.tiles[2::4, 2::4].flip(0)
        plane = {"xlim": (-limit, limit), "ylim": (-limit, limit)}
        panels = [
            scatter(self.points, _("where real digits lie"), colors=self.y % 7, size=5, **plane),
            pixels(grid(every.flatten(0, 1), columns=every.shape[1])[None], _("what is decoded everywhere")),
        ]
        return Film(panels, captions=self.alt(), labels="z").still(0)

    def alt(self) -> str:
        """What the map is of, in words."""
        return self.film["alt"]


def latent_map(model: VAE | None = None) -> LatentMap:
    """Point at a place of the map, and see what the decoder draws there. model: with latent = 2; None: the shipped one."""
    return LatentMap(model or store.load("digits_vae2"), seen_and_unseen()[0])


class MapTraining(Live):
    """Made by `unfold`: the map while it is learned. `.model` is the moving average, and can be used at any time."""

    once = True
    SHOWN = (0, 1, 4, 6)  # as many colours as one can tell apart

    def __init__(self, budget: dict[str, float], keep: int, seed: int):
        super().__init__(budget)
        learn, unseen = seen_and_unseen()
        self.seed, self.data, self.test = seed, learn, unseen.x[:200]
        self.model, self.parts = vae.build(replace(learn, y=None), latent=2, seed=seed)
        axis = torch.linspace(-2.2, 2.2, 11)
        self.z = torch.cartesian_prod(-axis, axis).flip(1)  # the first row is at the top
        self._open(_("A map that unfolds"), keep)

    def _begin(self) -> Iterator[Record]:
        return fit(*self.parts, **{self.unit: self.amount}, seed=self.seed)

    @torch.no_grad()
    def _look(self) -> dict:
        mu = self.model.encode(self.data.x[:600])[0]
        if not bool(mu.isfinite().all()):
            raise FloatingPointError("The map has no numbers any more.")
        seen = {"mu": mu.numpy(), "tiles": grid(self.model.decode(self.z), columns=11)}
        parts = bound_parts(self.model, self.test, self.data.levels)
        return {"step": self.step, "seconds": self.trained} | seen | parts

    def _pictures(self, frames: list[dict]) -> list[dict]:
        mu, y = np.stack([f["mu"] for f in frames]), self.data.y[:600]
        layers = [{"points": mu[:, y == k], "colors": i, "size": 5, "name": str(k)} for i, k in enumerate(self.SHOWN)]
        plane = {"xlim": (-4, 4), "ylim": (-4, 4)}
        return [
            scatter(mu, _("where digits are put"), colors=-1, size=3, layers=layers, **plane),
            pixels(np.stack([f["tiles"] for f in frames]), _("what is decoded there")),
        ]

    def _curves(self, frames: list[dict]) -> list[dict]:
        at = self._at(frames)
        here = {"cursor": at, "xlabel": self._xlabel, "xlim": (0, self.until)}
        lines = {_(k): [f[k] for f in frames] for k in (N_("reconstruction"), "KL")}
        return [curve(at, lines, _("bits per pixel, unseen digits"), ylim=(0, 5), **here)]

    def _caption(self, f: dict) -> str:
        whole = f["reconstruction"] + f["KL"]
        said = _("step {n:,}:  reconstruction {reconstruction:.2f} + KL {KL:.2f} = {whole:.2f} bits per pixel")
        return said.format(n=f["step"], reconstruction=f["reconstruction"], KL=f["KL"], whole=whole)


def unfold(*, steps: int | None = None, seconds: float | None = None, keep: int = 25, seed: int = 0) -> MapTraining:
    """Train the network of the map before one's eyes; it is told no classes. It begins at once, beside the notebook.

    steps: how long (1,000 if nothing is said), or seconds.
    """
    box = MapTraining(budget(steps, seconds, usual=1000), keep, seed)
    box.proceed()
    return box


# ---------------------------------------------------------------------------------------- the bound


@torch.no_grad()
def bound_parts(model: VAE, x: Tensor, levels: int, seed: int = 0) -> dict[str, float]:
    """The two parts of the negative ELBO of x (N, ...), in bits per dimension; one z for each x. Keys: reconstruction, KL."""
    mu, logvar = model.encode(x)
    z = mu + (0.5 * logvar).exp() * randn_like(mu, dice(seed))
    bits = math.prod(model.shape) * math.log(2)
    return {
        "reconstruction": float(reconstruction(model, x, z, levels=levels).mean()) / bits,
        "KL": float(kl_to_prior(mu, logvar).mean()) / bits,
    }


# ---------------------------------------------------------------------------------------- walks


def midpoint_table() -> Table:
    """The recorded Fréchet distances of pictures drawn at the ends and in the middles of walks, every seed."""
    runs = records.read("latents")["midpoints"]
    rows = [[r["name"], r["seed"], *(f"{r[k]:.1f}" for k in ("ends", "arc", "straight"))] for r in runs]
    return table(["", N_("seed"), N_("ends"), N_("middle of the arc"), N_("middle of the straight line")], rows)


def halfway_table() -> Table:
    """The recorded contrast of pictures half way, and how long the codes at the ends are."""
    rows = []
    for name, r in records.read("latents")["halfway"].items():
        length = _("{length:.2f} (root of {n}: {root:.2f})")
        length = length.format(length=r["length"], n=r["numbers"], root=r["numbers"] ** 0.5)
        rows.append([name, *(f"{r[k]:.2f}" for k in ("ends", "arc", "straight", "fade")), length])
    head = [N_("contrast"), N_("ends"), N_("arc"), N_("straight"), N_("cross-fade"), N_("length of a code")]
    return table(head, rows)


@torch.no_grad()
def walk_frames(n: int = 4, frames: int = 49, seed: int = 3) -> dict[str, Tensor]:
    """{name: (frames, n, 1, 8, 8)}: n walks each through the VAE's z (between real digits), the GAN's z and the diffusion network's x_T."""
    box, net, denoiser = (store.load(name) for name in ("digits_vae", "digits_gan", "digits"))
    unseen, g = seen_and_unseen()[1], dice(seed)
    i = torch.randperm(len(unseen), generator=g)[: 2 * n]
    mu = box.encode(unseen.x[i])[0]
    z, xT = net.noise(2 * n, g), torch.randn(2 * n, *denoiser.shape, generator=g)
    ways = torch.linspace(0, 1, frames).tolist()
    noise = torch.cat([slerp(xT[:n], xT[n:], u) for u in ways])
    return {  # in the order, and so in the colours, of lesson 07
        "GAN": torch.stack([net(slerp(z[:n], z[n:], u)) for u in ways]),
        "VAE": torch.stack([box.decode(slerp(mu[:n], mu[n:], u)) for u in ways]),
        N_("diffusion"): from_noise(denoiser, noise).reshape(frames, n, *denoiser.shape),
    }


def speeds(walk: Tensor) -> Tensor:
    """How far the pictures (F, n, ...) move from frame to frame, root mean square a pixel, the mean over n: (F - 1,)."""
    return walk.diff(dim=0).flatten(2).pow(2).mean(2).sqrt().mean(1)


def walks(n: int = 4, frames: int = 49, seed: int = 3) -> FramePlayer:
    """One film of three panels, n walks in each, and how fast the pictures change on the way."""
    found, u = walk_frames(n, frames, seed), np.linspace(0, 1, frames)
    titles = {"VAE": _("VAE: digit to digit"), "GAN": _("GAN: z to z"), "diffusion": _("diffusion: x_{T} to x_{T}")}
    panels = [pixels(np.stack([grid(x, columns=2) for x in walk]), titles[name]) for name, walk in found.items()]
    pace = {name: speeds(walk) for name, walk in found.items()}
    middle, top = (u[1:] + u[:-1]) / 2, 1.1 * max(float(v.max()) for v in pace.values())
    lines, here = {_(k): v.numpy() for k, v in pace.items()}, u.clip(middle[0], middle[-1])
    title = _("change from frame to frame")
    panels.append(curve(middle, lines, title, xlabel=_("share of the way"), cursor=here, ylim=(0, top)))
    most = "; ".join(f"{_(k)} {float(v.max()):.2f}" for k, v in pace.items())
    says, labels = (_("largest change in one frame, a pixel:  {most}").format(most=most), [f"{v:.0%}" for v in u])
    return FramePlayer(panels, captions=says, labels=labels, name=_("Three walks through latent space"), fps=12)


@torch.no_grad()
def straight_or_round(n: int = 4, frames: int = 41, seed: int = 3) -> FramePlayer:
    """Diffusion without dice along the straight line and along the arc between the same two x_T, and how long x_T is on the way."""
    denoiser, g = store.load("digits"), dice(seed)
    xT = torch.randn(2 * n, *denoiser.shape, generator=g)
    u, panels, lengths = np.linspace(0, 1, frames), [], {}
    for name, way in {"straight": straight, "arc": slerp}.items():
        path = torch.stack([way(xT[:n], xT[n:], v) for v in u.tolist()])
        x = from_noise(denoiser, path.flatten(0, 1)).reshape(path.shape)
        panels.append(pixels(np.stack([grid(f, columns=2) for f in x]), _("diffusion, {way}").format(way=_(name))))
        lengths[name] = path.flatten(2).norm(dim=2).mean(1).numpy()
    top = 1.2 * max(v.max() for v in lengths.values())
    lines, look = {_(k): v for k, v in lengths.items()}, {"xlabel": _("share of the way"), "ylim": (0, top)}
    panels.append(curve(u, lines, _("length of x_{T}"), cursor=u, **look))
    said = _("length of x_{{T}}:  straight {straight:.1f}, arc {arc:.1f}")
    said = [said.format(straight=a, arc=b) for a, b in zip(*lengths.values(), strict=True)]
    labels, name = [f"{v:.0%}" for v in u], _("A straight line and an arc between two noises")
    return FramePlayer(panels, captions=said, labels=labels, start=frames // 2, name=name, fps=12)
