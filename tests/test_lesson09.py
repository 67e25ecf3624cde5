"""Lesson 09 without a browser: the map, the walks, what is kept and lost, the dial, and every number that the text states."""

import copy
import json
import math
import re
from pathlib import Path

import latent_weights
import numpy as np
import pytest
import torch
from films import at, line, numbers, panel, pictures, stored
from small import dice

from diffusion_lib import data, store, vae
from diffusion_lib.course import lesson09
from diffusion_lib.course.lesson09 import blurring, copying, latents, measures
from diffusion_lib.course.lesson09.blurring import bars, s_table
from diffusion_lib.course.lesson09.copying import DISGUISES, is_it_a_copy
from diffusion_lib.course.lesson09.latents import LatentMap, bound_parts, speeds, unfold, walk_frames
from diffusion_lib.course.lesson09.measures import (
    again,
    dial,
    edges,
    from_noise,
    lost,
    outright,
    seen_and_unseen,
    shares,
    slerp,
    squared_error,
    straight,
)
from diffusion_lib.evaluation import records
from diffusion_lib.evaluation.metrics import copied, nearest
from diffusion_lib.train import MAX_STEPS
from diffusion_lib.viz import still
from diffusion_lib.viz.figures import grid, to_uint8

pytestmark = pytest.mark.usefixtures("one_thread")

ROOT = Path(__file__).parent.parent
LEARN, UNSEEN = seen_and_unseen()
BOOK = records.read("latents")

# ---------------------------------------------------------------------------------------- the map


def test_the_map_holds_what_the_decoder_draws():
    net = store.load("digits_vae2")
    box = lesson09.latent_map()
    film, n = box.film, box.film["steps"]
    assert len(film["decoded"]) == n * n * 64 and len(film["real"]) == 64 * 1000 and len(film["label"]) == 1000
    axis = torch.linspace(-film["limit"], film["limit"], n)
    row, column = 7, 40  # the row is the second number of z
    z = torch.stack([axis[column], axis[row]])[None]
    drawn = ((net.decode(z)[0, 0] + 1) * 127.5).clamp(0, 255).round().byte().numpy().ravel()
    at = (row * n + column) * 64
    assert np.abs(np.frombuffer(film["decoded"], np.uint8)[at : at + 64].astype(int) - drawn).max() <= 1
    xy = np.frombuffer(film["points"], "<f4").reshape(-1, 2)
    assert np.allclose(xy, net.encode(LEARN.x)[0], atol=1e-5) and np.abs(xy).max() < film["limit"]
    bundle, _ = box._repr_mimebundle_()
    assert "1000 real digits" in bundle["text/plain"] and len(bundle["image/png"]) > 1000


def test_a_map_is_a_plane():
    with pytest.raises(ValueError, match="latent = 2"):
        LatentMap(store.load("digits_vae"), LEARN)


def test_no_class_is_told():
    for name in ("digits_vae2", "digits_vae", "digits_vae_wide", "digits_gan"):
        assert store.load(name).config["classes"] == 0
    assert store.load("digits_twenty").net.config["classes"] == 0
    assert "20 of the 1,000" in store.load("digits_twenty").card["data"]


@pytest.mark.heavy
def test_the_map_unfolds_and_can_be_walked_on(monkeypatch):
    monkeypatch.setenv(MAX_STEPS, "6")
    box = unfold(seconds=60)
    box.join()
    assert box.state == "done" and box.step == 6 and box.resume.disabled and box.stop.disabled
    assert box.player.value == box.player.n_frames - 1 and "step 6" in box.player.film["captions"][-1]
    assert box.model.config["classes"] == 0 and LatentMap(box.model, LEARN.subset(50)).film["steps"] == 61


def test_the_two_parts_are_the_bound():
    net = store.load("digits_vae2")
    parts = bound_parts(net, UNSEEN.x[:200], UNSEEN.levels)
    assert parts["reconstruction"] + parts["KL"] == pytest.approx(
        vae.bits_per_dimension(net, UNSEEN.x[:200], 17), rel=0.02
    )


# ---------------------------------------------------------------------------------------- walks


def test_slerp_keeps_length_and_pace():
    g = torch.Generator().manual_seed(0)
    a, b = torch.randn(2, 5, 1, 8, 8, generator=g, dtype=torch.float64)
    torch.testing.assert_close(slerp(a, b, 0.0), a)
    torch.testing.assert_close(slerp(a, b, 1.0), b)
    b = b * (a.flatten(1).norm(dim=1) / b.flatten(1).norm(dim=1)).reshape(-1, 1, 1, 1)
    path = torch.stack([slerp(a, b, u) for u in np.linspace(0, 1, 9).tolist()]).flatten(2)
    torch.testing.assert_close(path.norm(dim=2), path[:1].norm(dim=2).expand(9, -1))
    pace = path.diff(dim=0).norm(dim=2)
    torch.testing.assert_close(pace, pace[:1].expand_as(pace))
    assert bool((straight(a, b, 0.5).flatten(1).norm(dim=1) < 0.9 * path[0].norm(dim=1)).all())
    for other in (2 * a, -a):
        with pytest.raises(ValueError, match="no single arc"):
            slerp(a, other, 0.5)


def test_the_walks_begin_and_end_where_they_should():
    found = walk_frames(n=2, frames=5, seed=3)
    assert all(x.shape == (5, 2, 1, 8, 8) and speeds(x).shape == (4,) for x in found.values())
    i = torch.randperm(len(UNSEEN), generator=torch.Generator().manual_seed(3))[:4]
    torch.testing.assert_close(found["VAE"][0], again(store.load("digits_vae"), UNSEEN.x[i[:2]]))
    torch.testing.assert_close(found["VAE"][-1], again(store.load("digits_vae"), UNSEEN.x[i[2:]]))


def test_ddim_is_a_function_of_its_noise():
    xT = torch.randn(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    net = store.load("digits")
    assert torch.equal(from_noise(net, xT, steps=4), from_noise(net, xT, steps=4))


# ---------------------------------------------------------------------------------------- what is kept, and why it blurs


def test_the_error_splits_exactly():
    """Against a sum over every pair (z, x_i), written out."""
    net, x = store.load("digits_vae2"), LEARN.x[:60]
    mu, logvar = net.encode(x)
    z = mu + (0.5 * logvar).exp() * torch.randn(mu.shape, generator=torch.Generator().manual_seed(0))
    normal = torch.distributions.Normal(mu, (0.5 * logvar).exp())
    p = normal.log_prob(z[:, None]).sum(2).exp()
    w = p / p.sum(1, keepdim=True)
    torch.testing.assert_close(shares(net, z, x), w, atol=1e-5, rtol=1e-3)
    drawn = net.decode(z)
    pairs = (x[None] - drawn[:, None]).flatten(2).pow(2).mean(2)
    parts = lost(net, x)
    assert parts["error"] == pytest.approx(float((w * pairs).sum(1).mean()), rel=1e-3)
    assert parts["error"] == pytest.approx(parts["several"] + parts["decoder"])


def test_the_mean_of_several_is_the_best_single_answer():
    x = UNSEEN.x[:6]
    w = torch.rand(6, generator=torch.Generator().manual_seed(0)).softmax(0)
    mean = (w @ x.flatten(1)).reshape(1, 8, 8)
    cost = lambda d: float((w * (x - d).flatten(1).pow(2).sum(1)).sum())
    assert all(cost(mean) < cost(mean + 0.05 * torch.randn(1, 8, 8)) for _ in range(20))


def test_edges_see_blur_and_are_fooled_by_noise():
    x = UNSEEN.x[:100]
    blurred = torch.nn.functional.avg_pool2d(x, 3, 1, 1)
    assert edges(torch.zeros(2, 1, 8, 8)) == 0
    assert edges(blurred) < 0.5 * edges(x) < edges(x) < edges(x + 0.5 * torch.randn(x.shape))


def test_bars_have_names():
    panel = bars(["a", "b"], [0.2, 1.4], "title", {"half": 0.5})
    assert [text for _, text in panel["xticks"]] == ["a", "b"] and panel["ylim"][1] > 1.4


# ---------------------------------------------------------------------------------------- the dial


def test_outright_finds_copies_and_no_mixtures():
    seen = LEARN.x[:200]
    assert outright(seen, seen) == 1.0 and outright(UNSEEN.x[:200], seen) == 0.0
    assert outright(seen + 0.01 * torch.randn(seen.shape), seen) == 1.0
    assert outright((seen + seen.roll(1, 0)) / 2, seen) == 0.0


def test_the_film_says_what_the_dial_says():
    sets = {
        "copies": (LEARN.x[:50], LEARN.x[:100], UNSEEN.x[:100]),
        "real": (UNSEEN.x[200:260], LEARN.x[:100], UNSEEN.x[:100]),
    }
    film = is_it_a_copy(sets)
    assert film.film["labels"] == ["1. copies", "2. real"] and film.n_frames == 2
    for caption, made in zip(film.film["captions"], sets.values(), strict=True):
        d = dial(*made)
        assert f"{d['share']:.1%} of {d['n']}" in caption and f"{d['low']:.1%} to {d['high']:.1%}" in caption
    assert dial(*sets["copies"])["share"] == 1.0 and dial(*sets["copies"])["to_seen"] == 0.0


def test_each_disguise_is_a_copy_that_can_be_undone():
    x = LEARN.x[:5]
    undo = {
        "as it is": lambda v: v,
        "one pixel to the right": lambda v: v.roll(-1, 3),
        "half the contrast": lambda v: 2 * v + 1,
        "negative": lambda v: -v,
        "mirrored": lambda v: v.flip(3),
    }
    for name, change in DISGUISES.items():
        torch.testing.assert_close(undo[name](change(x)), x)


# ---------------------------------------------------------------------------------------- what the text states


def text(cell_id: str) -> str:
    book = json.loads((ROOT / "notebooks" / "09_vae_latents_and_copying.ipynb").read_text(encoding="utf-8"))
    return "".join(next(c for c in book["cells"] if c["id"] == cell_id)["source"])


def test_what_is_said_of_the_walks():
    rows = BOOK["midpoints"]
    assert {(r["name"], r["seed"]) for r in rows} == {(n, s) for n in ("diffusion", "GAN") for s in range(3)}
    assert all(r["straight"] > 1.5 * r["ends"] and r["straight"] > 1.5 * r["arc"] for r in rows)
    assert all(0.7 < r["arc"] / r["ends"] < 1.3 for r in rows)
    assert "In every run the middle of the straight line is clearly worse" in text("09-mid-after")
    a, b = torch.randn(2, 10_000, 64, generator=torch.Generator().manual_seed(0))
    short = (a.norm(dim=1).mean() - ((a + b) / 2).norm(dim=1).mean()) / a.norm(dim=1).std()
    assert short > 3 and "more than three standard deviations" in text("09-walk-reveal")
    assert math.sqrt(64 / 2) == pytest.approx(5.66, abs=0.005) and "5.66" in text("09-walk-reveal")


def test_what_is_said_half_way():
    for row in BOOK["halfway"].values():
        assert row["arc"] > 0.95 * row["ends"] and row["fade"] < 0.9 * row["ends"]
        assert row["length"] == pytest.approx(row["numbers"] ** 0.5, rel=0.03)
    box = BOOK["halfway"]["VAE"]
    assert box["straight"] == pytest.approx(box["fade"], abs=0.03)


def test_what_is_said_of_what_is_kept():
    two, many = BOOK["kept"]["digits_vae2"], BOOK["kept"]["digits_vae"]
    said = text("09-kept-reveal")
    assert f"{two['error']:.3f} against {many['error']:.3f}" in said and f"{BOOK['mean_digit']:.3f}" in said
    assert 5.5 < two["error"] / many["error"] < 6.5
    for value in (two["named"], many["named"], BOOK["real_named"]):
        assert f"{value:.0%}".replace("%", " %") in text("09-kept-after")
    net = store.load("digits_vae2")
    assert squared_error(again(net, UNSEEN.x), UNSEEN.x) == pytest.approx(two["error"], rel=0.01)


def test_what_is_said_of_blur():
    kept = BOOK["kept"]
    assert round(kept["digits_vae2"]["alike"]) == 5 and kept["digits_vae2"]["share"] > 0.5
    assert kept["digits_vae"]["alike"] < 1.01 and kept["digits_vae"]["share"] < 0.001
    for caption in lesson09.why_blurred().film["captions"]:
        mean, single = map(float, re.findall(r"\d\.\d\d", caption))
        assert mean < single


def test_what_is_said_of_s():
    runs = BOOK["s"]
    assert len(runs) == 9 and len(s_table().splitlines()) == 11 and {r["steps"] for r in runs} == {3000}
    learned, middle, wide = (
        [r for r in runs if low < r["s"] < high] for low, high in ((0, 0.2), (0.2, 0.4), (0.4, 0.6))
    )
    assert [len(rows) for rows in (learned, middle, wide)] == [3, 3, 3]
    assert not any(r["fixed"] for r in learned)

    def apart(smaller, larger, key):
        return max(r[key] for r in smaller) < min(r[key] for r in larger)

    assert apart(learned, middle, "error") and apart(middle, wide, "error")
    assert apart(wide, middle, "frechet") and apart(middle, learned, "frechet")
    assert apart(learned, middle, "width") and apart(middle, wide, "width")
    assert all(r["frechet_clouds"] < 0.4 * r["frechet"] for r in runs)
    assert apart(middle, learned, "bits") and apart(wide, learned, "bits")


def test_what_is_said_of_sharpness():
    sharp = BOOK["edges"]
    softest = sorted(sharp, key=sharp.get)[:2]
    assert set(softest) == {"VAE, s = 0.1", "VAE, s = 0.5"}
    assert abs(sharp["VAE, s = 0.5, with its grain"] - 1) < 0.05


def test_what_is_said_of_copying():
    found, said = BOOK["copying"], text("09-copy-after") + text("09-copy-between")
    assert found["optimal denoiser"]["share"] == found["DDPM of 20"]["share"] == 1.0
    assert found["optimal denoiser"]["outright"] == 1.0 and found["DDPM of 20"]["outright"] > 0.99
    d = found["DDPM"]
    assert f"{d['share']:.0%}".replace("%", " %") in said and d["outright"] == 0 and d["low"] > 0.5
    share, low, high = (f"{100 * d[k]:.1f}" for k in ("share", "low", "high"))
    assert f"{share} %, interval {low} to {high} %" in text("09-copy-reveal")
    assert all(abs(found[k]["share"] - 0.5) < 0.035 for k in ("GAN", "VAE", "real digits"))
    assert "1,500 steps" in said and store.load("digits").card["steps"] == 1500
    quality = json.loads((ROOT / "benchmarks" / "quality.json").read_text())["digits"]
    read, steps = ([s[k] for s in quality["seeds"]] for k in ("nearer_to_training", "steps"))
    assert f"{min(steps):,} to {max(steps):,} steps" in said and quality["what"].startswith("120 s")
    assert " to ".join(str(math.floor(100 * v + 0.5)) for v in (min(read), max(read))) + " %" in said and len(read) == 3


def test_what_is_said_of_disguises():
    seen = LEARN.x[: len(UNSEEN)]
    mirrored = copied(DISGUISES["mirrored"](seen), seen, UNSEEN.x)["share"]
    assert abs(mirrored - 0.5) < 0.04 and outright(DISGUISES["one pixel to the right"](seen), seen) == 0.0


def test_the_record_is_made_of_the_weights_that_ship():
    net = store.load("digits_vae_wide")
    assert float(net.log_s.exp()) == pytest.approx(BOOK["kept"]["digits_vae_wide"]["s"], abs=1e-4)
    assert lost(net, LEARN.x)["alike"] == pytest.approx(BOOK["kept"]["digits_vae_wide"]["alike"], rel=0.02)
    names = ("digits_vae2", "digits_vae", "digits_vae_wide", "digits_gan", "digits_twenty")
    for name in names:
        assert (store.FOLDER / f"{name}.safetensors").stat().st_size < 400_000
        assert store.load(name).card["command"] == f"python benchmarks/latent_weights.py {name}"


@pytest.mark.heavy
def test_the_audit_compares_what_the_record_holds(monkeypatch):
    """A name that is changed in one of them only would be a number missing here and a number too many there."""
    monkeypatch.setattr(latent_weights, "from_noise", lambda model, z: z)
    monkeypatch.setattr(latent_weights, "frechet", lambda a, b: 0.0)
    named = lambda rows: [(row["name"], row["seed"], *sorted(row)) for row in rows]
    assert named(latent_weights.midpoints(2)) == named(BOOK["midpoints"])
    halves = latent_weights.halfway(2)
    assert {k: set(v) for k, v in halves.items()} == {k: set(v) for k, v in BOOK["halfway"].items()}
    now = copy.deepcopy(dict(BOOK))
    monkeypatch.setattr(latent_weights, "nine", lambda: now["s"])
    monkeypatch.setattr(latent_weights, "measure", lambda: {k: v for k, v in now.items() if k != "s"})
    assert latent_weights.compare() == {}
    now["halfway"]["DDIM"] = now["halfway"].pop("diffusion")
    assert len(latent_weights.compare()) == 2 * len(BOOK["halfway"]["diffusion"])


SEEN, FRESH = data.digits().split(1000)

# ---------------------------------------------------------------------------------------- what the films show


@pytest.fixture(scope="module")
def small_vae():
    torch.manual_seed(1)
    return vae.VAE((1, 8, 8), latent=2, channels=8).eval().requires_grad_(False)


def test_the_map_and_its_still_have_up_above(small_vae, monkeypatch):
    box, films = latents.LatentMap(small_vae, SEEN.subset(12), steps=9), []
    monkeypatch.setattr(still, "still", lambda film, i: films.append(film) or b"")
    box.still()
    axis = torch.linspace(-box.film["limit"], box.film["limit"], 9)

    def drawn(first, second):
        return to_uint8(small_vae.decode(torch.stack([axis[first], axis[second]])[None])[0])

    for row, column in ((0, 3), (7, 2)):
        assert np.abs(to_uint8(box.tiles[row, column]).astype(int) - drawn(column, row)).max() <= 1
    # rows 2 and 6 of the nine, the higher one first
    top = stored(panel(films[0]["panels"], "what is decoded"))[0]
    assert (
        np.abs(top[:8, :8].astype(int) - drawn(2, 6)).max() <= 1
        and np.abs(top[9:17, 9:17].astype(int) - drawn(6, 2)).max() <= 1
    )


def test_the_map_that_unfolds_names_digits_and_numbers():
    box = latents.MapTraining({"steps": 20}, 5, 0)
    frame = box.history.items()[0]
    mu, y = box.model.encode(box.data.x[:600])[0], box.data.y[:600]
    marks = {m["name"]: m for m in panel(box.player, "where digits")["marks"]}
    for k in box.SHOWN:
        assert np.allclose(
            np.stack([at(marks[str(k)], "x")[0], at(marks[str(k)], "y")[0]], 1), mu[y == k].detach(), atol=1e-5
        )
    corner = box.model.decode(torch.tensor([[-2.2, 2.2], [2.2, 2.2]]))  # the first row is at the top
    sheet = pictures(box.player, "what is decoded")[0].astype(int)
    assert (
        np.abs(sheet[:8, :8] - to_uint8(corner[0])).max() <= 1
        and np.abs(sheet[:8, -8:] - to_uint8(corner[1])).max() <= 1
    )
    parts = latents.bound_parts(box.model, box.test, box.data.levels)
    said = player_numbers = numbers(box.player.film["captions"][0])[1:4]
    assert player_numbers == pytest.approx([parts["reconstruction"], parts["KL"], sum(parts.values())], abs=6e-3)
    for name in ("reconstruction", "KL"):
        assert line(box.player, "bits per pixel", name)[0, 0] == pytest.approx(frame[name], rel=1e-5), said


def test_the_straight_line_is_shorter_and_the_walks_go_from_first_to_last():
    player, g = latents.straight_or_round(n=1, frames=3, seed=3), dice(3)
    ddim = store.load("digits")
    xT = torch.randn(2, 1, 8, 8, generator=g)
    middle = {"straight": (xT[:1] + xT[1:]) / 2, "arc": measures.slerp(xT[:1], xT[1:], 0.5)}
    for name, x in middle.items():
        length = float(x.flatten(1).norm(dim=1))
        assert line(player, "length of x", name)[0, 1] == pytest.approx(length, rel=1e-4)
        assert float(re.search(rf"{name} ([\d.]+)", player.film["captions"][1])[1]) == pytest.approx(length, abs=0.06)
        shown = pictures(player, f"diffusion, {name}")[1].astype(int)
        assert np.abs(shown - grid(measures.from_noise(ddim, x), columns=2)).max() <= 1
    found = latents.walk_frames(n=1, frames=2, seed=3)
    box, unseen, g = store.load("digits_vae"), FRESH, dice(3)
    i = torch.randperm(len(unseen), generator=g)[:2]
    mu = box.encode(unseen.x[i])[0]
    assert torch.allclose(found["VAE"][0], box.decode(mu[:1]), atol=1e-5) and torch.allclose(
        found["VAE"][1], box.decode(mu[1:]), atol=1e-4
    )


def text_rows(table):
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in re.findall(r"<tr>(.*?)</tr>", table.html)]


def test_the_tables_of_lesson_9_have_each_number_under_its_name():
    book = records.read("latents")
    head, *rows = text_rows(latents.midpoint_table())
    for cells, r in zip(rows, book["midpoints"], strict=True):
        for name, key in (("ends", "ends"), ("middle of the arc", "arc"), ("middle of the straight line", "straight")):
            assert cells[head.index(name)] == f"{r[key]:.1f}"
    head, *rows = text_rows(blurring.s_table())
    for cells, r in zip(rows, book["s"], strict=True):
        for name, key, form in (
            ("error", "error", ".3f"),
            ("width of q", "width", ".2f"),
            ("bits", "bits", ".2f"),
            ("Fréchet: from clouds", "frechet_clouds", ".1f"),
            ("Fréchet: from N(0, I)", "frechet", ".1f"),
        ):
            assert cells[head.index(name)] == f"{r[key]:{form}}", name


def test_what_is_kept_by_2_and_by_16_numbers():
    player = blurring.kept(n=3, seed=1)
    unseen = FRESH.x
    x = unseen[torch.randperm(len(unseen), generator=dice(1))[:3]]
    rows, said = [x], player.film["captions"][0]
    for name, weights in (("2 numbers", "digits_vae2"), ("16 numbers", "digits_vae")):
        model = store.load(weights)
        assert model.config["latent"] == int(name.split()[0])
        rows.append(model.decode(model.encode(x)[0]))
        error = float((model.decode(model.encode(unseen)[0]) - unseen).pow(2).mean())
        assert float(re.search(rf"{name} ([\d.]+)", said)[1]) == pytest.approx(error, abs=6e-4)
    assert np.abs(pictures(player, "unseen digits")[0].astype(int) - grid(torch.cat(rows), columns=3, pad=2)).max() <= 1


def test_what_is_lost_and_why_it_blurs(small_vae):
    x = SEEN.x[:30]
    mu, logvar = small_vae.encode(x)
    z = mu + (0.5 * logvar).exp() * torch.randn(mu.shape, generator=dice(2))
    mean = measures.shares(small_vae, z, x) @ x.flatten(1)
    found = measures.lost(small_vae, x, seed=2)
    assert found["decoder"] == pytest.approx(float((mean - small_vae.decode(z).flatten(1)).pow(2).mean()), rel=1e-4)
    assert found["several"] + found["decoder"] == pytest.approx(found["error"])
    player = blurring.why_blurred(small_vae, frames=2, seed=1)
    for i in range(2):
        mean, drawn = (pictures(player, title)[i] / 127.5 - 1 for title in ("their weighted", "what the decoder"))
        first = pictures(player, "digits that may")[i, :8, :8] / 127.5 - 1
        to_mean, to_digit = numbers(player.film["captions"][i])
        assert to_mean == pytest.approx(np.sqrt(((mean - drawn) ** 2).mean()), abs=0.02)
        assert to_digit == pytest.approx(np.sqrt(((first - drawn) ** 2).mean()), abs=0.02)
    z = torch.tensor([numbers(label) for label in player.film["labels"]])
    assert np.abs(pictures(player, "what the decoder").astype(int) - to_uint8(small_vae.decode(z))).max() <= 3


def test_edges_go_both_ways_and_each_makers_bar_has_its_name(monkeypatch):
    stripes = torch.zeros(1, 1, 8, 8)
    stripes[..., ::2, :] = 1
    assert measures.edges(stripes) == measures.edges(stripes.transpose(2, 3)) == pytest.approx(0.5)
    g = dice(0)
    names = ("real", "VAE, s = 0.1", "VAE, s = 0.5", "VAE, s = 0.5, with its grain", "GAN", "DDPM")
    found = {name: k * 0.1 * torch.rand(24, 1, 8, 8, generator=g) for k, name in enumerate(names, 1)}
    monkeypatch.setattr(blurring, "drawn_by_all", lambda n: found)
    player = blurring.sharpness(24)
    ticks = [text for _, text in panel(player, "edges")["xticks"]]
    assert ticks == ["real", "s=0.1", "s=0.5", "grain", "GAN", "DDPM"] and player.film["labels"] == list(names)
    for i, x in enumerate(found.values()):
        sharp = measures.edges(x) / measures.edges(found["real"])
        assert numbers(player.film["captions"][i])[0] == pytest.approx(sharp, abs=6e-3)
        assert line(player, "edges", "")[0, i] == pytest.approx(sharp, rel=1e-4)
        assert np.array_equal(pictures(player, "real or drawn")[i], grid(x, columns=8))


def test_is_it_a_copy_shows_seen_under_samples_and_unseen_under_seen():
    g = dice(5)
    seen, fresh = torch.rand(2, 9, 1, 8, 8, generator=g) * 2 - 1
    samples = torch.cat([seen[[4, 2]] + 0.01, fresh[[1]], torch.rand(3, 1, 8, 8, generator=g)])
    others = samples.repeat(2, 1, 1, 1)[:9]
    found = {
        "somebody": (samples, seen, fresh),
        "DDPM of 20": (seen, seen, fresh),
        "real digits": (fresh, seen, others),
    }
    player = copying.is_it_a_copy(found, show=4)
    rows = [samples[:4], seen[nearest(samples[:4], seen)[1]], fresh[nearest(samples[:4], fresh)[1]]]
    assert np.array_equal(
        pictures(player, "samples;  nearest seen;  nearest unseen")[0], grid(torch.cat(rows), columns=4, pad=2)
    )
    said = player.film["captions"][0]
    for words, x in (("to seen", seen), ("to unseen", fresh)):
        assert float(re.search(rf"([\d.]+) {words}", said)[1]) == pytest.approx(
            float(nearest(samples, x)[0].median()), abs=6e-3
        )
    d = measures.dial(samples, seen, fresh)
    interval = next(m for m in panel(player, "share nearer")["marks"] if m["n"] == 2 and m["colors"] == [6])
    assert at(interval, "y")[0] == pytest.approx([d["low"], d["high"]])
    shares = [measures.dial(*sets)["share"] for sets in found.values()]
    assert line(player, "share nearer")[0].tolist() == pytest.approx(shares)
    assert [text for _, text in panel(player, "share nearer")["xticks"]] == ["somebody", "of 20", "real"]


def test_outright_means_much_nearer_to_one():
    seen = torch.tensor([[0.0, 0.0], [1.0, 0.0]])
    assert measures.outright(torch.tensor([[0.1, 0.0], [0.4, 0.0]]), seen) == 0.5
    x = torch.zeros(1, 1, 8, 8)
    x[..., 2, 3] = 1
    assert copying.DISGUISES["one pixel to the right"](x)[..., 2, 4] == 1
    assert copying.DISGUISES["mirrored"](x)[..., 2, 4] == 1 and copying.DISGUISES["negative"](x)[..., 2, 3] == -1
