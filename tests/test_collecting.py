"""Lesson 07's album of a thousand kinds: a place is filled by the first valid sticker of its kind, and by nothing else."""

import json

import numpy as np
import pytest
import torch
from films import line, pictures, titles

from diffusion_lib.course import lesson07
from diffusion_lib.course.lesson07 import collecting
from diffusion_lib.course.lesson07.collecting import CELL, EMPTY, MOMENTS
from diffusion_lib.data import stickers
from diffusion_lib.data.paint import rgb
from diffusion_lib.evaluation import records

FAMILIES = ("GAN", "VAE", "DDPM", "shipped")


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """The film and the table of a made-up record. GAN: one kind only; VAE: no valid sticker; DDPM and shipped: each kind in turn."""
    tmp_path = tmp_path_factory.mktemp("records")
    turn = np.arange(26_000) % 1000
    kinds = {"GAN": 0 * turn + 185 + 1000, "VAE": turn, "DDPM": turn + 1000, "shipped": turn + 1000}
    some = {f"{k} pictures": np.full((40, 16, 16, 3), 10 * i, np.uint8) for i, k in enumerate(kinds)}
    np.savez(tmp_path / "thousand.npz", **{k: v.astype(np.uint16) for k, v in kinds.items()}, **some)
    row = {"valid": 0.456, "modes": 987, "kl": 0.1234}
    rows = [{"family": k, "seen": 64_000} | row for k in FAMILIES[:3]]
    shipped = {"card": {"seen": 128_000}, "rows": [row | {"modes": 1000}]}
    book = {"race": {"rows": rows}, "shipped": shipped, "floor": {"modes": 1000, "kl": 0.0192}}
    (tmp_path / "thousand.json").write_text(json.dumps(book))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records, "RECORDS", tmp_path), patch.setattr(collecting, "RECORDS", tmp_path)
        return lesson07.album(), lesson07.album_table()


def test_the_album_is_filled_by_valid_stickers_of_each_kind(shown):
    film, _ = shown
    *four, last = titles(film)
    assert four == ["GAN", "VAE", "DDPM", "DDPM that ships"] and film.n_frames == len(MOMENTS)
    count = lambda name: line(film, last, name)[0].tolist()
    assert count("GAN") == [1] * len(MOMENTS) and count("VAE") == [0] * len(MOMENTS)
    assert count("DDPM") == count("DDPM that ships") == [min(n, 1000) for n in MOMENTS]
    fair = {n: float(len(torch.randint(1000, (n,)).unique())) for n in MOMENTS}
    for n, real in zip(MOMENTS, count("real ones"), strict=True):
        assert real == pytest.approx(fair[n], abs=60)
    assert "1,000 samples: GAN 1, VAE 0, DDPM 1,000, DDPM that ships 1,000; real ones 632" in film.film["captions"]


def test_a_place_has_the_colour_of_its_kind(shown):
    """Kind 185: fish, the ninth colour, bars after plain and others: its row, its column and its cell."""
    gan, vae = (pictures(shown[0], name)[-1] for name in ("GAN", "VAE"))
    differ = (gan != vae).any(-1)
    differ[: 4 * 18 + 4] = False  # the samples above
    rows, columns = np.where(differ)
    assert len(rows) == CELL**2 and rows.max() - rows.min() == columns.max() - columns.min() == CELL - 1
    thing, colour, paper = stickers.values_of(torch.tensor([185]))[0].tolist()
    assert gan[rows[0], columns[0]].tolist() == (rgb([*stickers.COLOURS.values()][colour]) * 255).round().tolist()
    assert vae[rows[0], columns[0]].tolist() == [*EMPTY]
    top = gan.shape[0] - (10 * (2 * CELL + 3) - 3)
    assert (rows[0] - top) // (2 * CELL + 3) == thing and columns[0] // (5 * CELL + 3) == paper


def test_the_table_says_the_record(shown):
    head, *rows = shown[1].splitlines()
    assert [r.split()[-4:] for r in rows[:3]] == [["45.6%", "987", "0.123", "64,000"]] * 3
    assert rows[3].split()[-4:] == ["45.6%", "1,000", "0.123", "128,000"]
    assert rows[4].split()[-3:] == ["100.0%", "1,000", "0.019"] and "kinds found" in head
