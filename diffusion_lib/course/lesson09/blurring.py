"""Lesson 09: what an encoder keeps, why the pictures of a VAE blur, and what the decoder's s has to do with it."""

from __future__ import annotations

import numpy as np
import torch

from ... import store
from ...diffusion import randn_like
from ...evaluation import records
from ...vae import VAE
from ...values import dice
from ...viz.figures import grid
from ...viz.panels import curve, pixels
from ...viz.player import FramePlayer
from ...viz.tables import Table, table
from ...words import N_, _
from .measures import again, drawn_by_all, edges, seen_and_unseen, shares, squared_error

# ---------------------------------------------------------------------------------------- what is kept


KEPT = {N_("2 numbers"): "digits_vae2", N_("16 numbers"): "digits_vae"}


def kept(n: int = 12, seed: int = 0) -> FramePlayer:
    """n unseen digits, and below each what comes back from 2 and from 16 numbers."""
    unseen = seen_and_unseen()[1].x
    x = unseen[torch.randperm(len(unseen), generator=dice(seed))[:n]]
    rows, errors = [x], {N_("the mean digit"): squared_error(seen_and_unseen()[0].x.mean(0), unseen)}
    for name, weights in KEPT.items():
        model = store.load(weights)
        rows.append(again(model, x))
        errors[name] = squared_error(again(model, unseen), unseen)
    found = "; ".join(f"{_(k)} {v:.3f}" for k, v in errors.items())
    panel = pixels(grid(torch.cat(rows), columns=n, pad=2)[None], _("unseen digits;  from 2 numbers;  from 16 numbers"))
    says = _("squared error a pixel, 797 unseen digits:  {found}").format(found=found)
    return FramePlayer(panel, captions=says, name=_("What comes back from the encoder's numbers"))


# ---------------------------------------------------------------------------------------- why it blurs


@torch.no_grad()
def why_blurred(model: VAE | None = None, frames: int = 12, seed: int = 0) -> FramePlayer:
    """A film of some z: the eight real digits that most probably made it, their weighted mean, and what the decoder draws."""
    model, x = model or store.load("digits_vae2"), seen_and_unseen()[0].x
    # twice as many as are shown: one z in two stands for a single digit or for a place where there is none
    mu, logvar = model.encode(x[torch.randperm(len(x), generator=dice(seed))[: 2 * frames]])
    z = mu + (0.5 * logvar).exp() * randn_like(mu, dice(seed))
    weights = shares(model, z, x)
    order = torch.special.entr(weights).sum(1).argsort(descending=True)[:frames]
    z, weights = z[order], weights[order]
    top, which = weights.topk(8, 1)
    mean, drawn = (weights @ x.flatten(1)).reshape(len(z), *x.shape[1:]), model.decode(z)
    real = np.stack([grid(x[i], columns=4, pad=1) for i in which])
    shares_of = [", ".join(f"{v:.0%}" for v in t) for t in top]
    panels = [
        pixels(real, _("digits that may have made this z"), notes=shares_of),
        pixels(np.stack([grid(v[None]) for v in mean]), _("their weighted mean")),
        pixels(np.stack([grid(v[None]) for v in drawn]), _("what the decoder draws")),
    ]
    gap, single = ((v - drawn).flatten(1).pow(2).mean(1).sqrt() for v in (mean, x[which[:, 0]]))
    said = _(
        "root-mean-square difference a pixel, decoder's picture to the mean: {mean:.2f}; to the most probable digit: {digit:.2f}"
    )
    says = [said.format(mean=a, digit=b) for a, b in zip(gap, single, strict=True)]
    more = ", …" * (z.shape[1] > 2)
    labels = [f"z = ({', '.join(f'{v:.2f}' for v in one[:2])}{more})".replace("-", "−") for one in z.tolist()]
    name = _("One z, the real digits behind it, their mean, and the decoder's picture")
    return FramePlayer(panels, captions=says, labels=labels, name=name, fps=1)


# ---------------------------------------------------------------------------------------- sharpness, and the decoder's s


def bars(names: list[str], heights: list[float], title: str, line: dict[str, float], **more) -> dict:
    """A panel with a bar for each name, a dashed line across, {its name: its height}, and a cursor that goes from bar to bar.

    more: of `curve`.
    """
    at, ((said, height),) = np.arange(1.0, len(names) + 1), line.items()
    ys = {"": np.array(heights), said: np.full(len(at), height)}
    room = {"xlim": (0.3, len(at) + 0.7), "ylim": (0, 1.1 * max(1.0, *heights))}
    ticks = list(zip(at, names, strict=True))
    return curve(at, ys, title, kind=["bars", "line"], cursor=at, xticks=ticks, **room, **more)


def sharpness(n: int = 797) -> FramePlayer:
    """A film whose frames are makers: 24 pictures of each, and how sharp n of them are: `edges`, real digits = 1."""
    found = drawn_by_all(n)
    sharp = {name: edges(x) / edges(found["real"]) for name, x in found.items()}
    pictures = pixels(np.stack([grid(x[:24], columns=8) for x in found.values()]), _("real or drawn"))
    short = [_("real"), "s=0.1", "s=0.5", _("grain"), "GAN", "DDPM"]
    panel = bars(short, list(sharp.values()), _("edges, real digits = 1"), {_("real"): 1.0})
    says, name = ([_("edges {v:.2f}").format(v=v) for v in sharp.values()], _("How sharp each maker's pictures are"))
    return FramePlayer([pictures, panel], captions=says, labels=[_(k) for k in found], name=name, fps=1)


def lost_table() -> Table:
    """Where the error of the recorded networks comes from, see `lost`."""
    rows = []
    for name, row in records.read("latents")["kept"].items():
        several, decoder = row["several"], row["decoder"]
        error = f"{several + decoder:.3f}"
        rows.append([name, f"{row['alike']:.1f}", f"{several:.3f}", f"{decoder:.3f}", error])
    return table([N_("network"), N_("digits a z"), N_("several x for one z"), N_("+ the decoder"), N_("= error")], rows)


# of `s_table`: a number of a run, and how it is written
COLUMNS = {"error": ".3f", "width": ".2f", "alike": ".1f", "bits": ".2f"}
COLUMNS |= {"frechet_clouds": ".1f", "frechet": ".1f"}


def s_table() -> Table:
    """The recorded runs with s learned and s fixed, every seed."""
    book, rows = records.read("latents"), []
    for r in book["s"]:
        name = f"{r['s']:.2f}, {_('fixed') if r['fixed'] else _('learned')}"
        cells = [f"{r[k]:{form}}" for k, form in COLUMNS.items()]
        rows.append([name, *cells])
    head = ["s", N_("error"), N_("width of q"), N_("digits a z"), N_("bits")]
    head += [N_("Fréchet: from clouds"), N_("Fréchet: from N(0, I)")]
    floor = book["frechet_floor"]
    note = _("Fréchet distance of as many real digits: {low:.1f} to {high:.1f}").format(low=min(floor), high=max(floor))
    return table(head, rows, [note])
