"""The rules of `benchmarks/ladder.py`."""

import ladder
import pytest

from diffusion_lib import data
from diffusion_lib.evaluation import records

pytestmark = pytest.mark.usefixtures("one_thread")

# ---------------------------------------------------------------------------------------- ladder


def test_budgets_are_equal_in_what_they_say():
    plan = ladder.budgets({"GAN": 300, "DDPM": 200}, {"GAN": 1e9, "DDPM": 4e9})
    assert plan["seconds"] == {"GAN": 300, "DDPM": 200}
    assert plan["steps"] == {"GAN": 200, "DDPM": 200}
    assert plan["flops"] == {"GAN": 300, "DDPM": 75}  # 3e11 each: the smaller of 3e11 and 8e11


def test_both_families_options_come_from_one_rule(monkeypatch):
    draw = data.sprites
    monkeypatch.setattr(ladder.data, "sprites", lambda n, size: draw(8, size))
    search = records.read("arena_sprites")["search"]
    for family in ladder.FAMILIES:
        assert len(search[family]) == 6
        first = min(search[family], key=lambda r: (r["fails"], r["frechet"]))
        assert ladder.searched()[family] == first["options"]
        for size in ladder.SIZES:
            told = ladder.options(size, family)
            asked = {k: v for k, v in ladder.searched()[family].items() if k != "patch"}
            assert told["batch"] == 64 and told.items() >= asked.items()
    for size in (8, 16):
        patches = {f: ladder.built(size, f, 0)[1].learners[0].model.config["patch"] for f in ladder.FAMILIES}
        assert set(patches.values()) == {1 if size == 8 else 2}
    assert ladder.built(8, "DDPM", 0)[1].learners[0].precision == "float32"


def test_a_seed_that_is_not_at_the_top_stands_apart():
    rows = [{"seed": s, "size": size, "family": f} for s in (0, 1) for size in ladder.SIZES for f in ladder.FAMILIES]
    book = ladder.apart({"runs": rows[:-1]})
    assert book["runs"] == rows[:8] and book["unfinished"] == rows[8:-1]
    assert ladder.apart({"runs": rows}) == {"runs": rows}
