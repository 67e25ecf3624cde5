"""The book that the benchmarks write: opened, filled with what is missing, rounded, saved whole."""

import math

import pytest
from book import missing, opened, put_rows, rounded, save, watched

from diffusion_lib.train import Record


def test_a_book_is_begun_once_and_goes_on(tmp_path):
    path = tmp_path / "book.json"
    assert opened(path) == {} and opened(path, lambda: {"rows": []}) == {"rows": []}
    for close in (True, False):
        save(path, {"rows": [1, "ö"]}, close)
        assert opened(path, lambda: {"rows": []}) == {"rows": [1, "ö"]}
        assert path.read_text().count("\n") == (1 if close else 7 - 1)
    assert opened(path, dict, fresh=True) == {}


def test_only_what_is_missing_is_done():
    rows = [{"seed": 0, "loss": "a"}, {"seed": 1, "loss": "b", "error": ""}]
    plan = [(0, "a"), (0, "b"), (1, "a"), (1, "b")]
    assert missing(plan, rows, "seed", "loss") == [(0, "b"), (1, "a")]
    assert missing(zip(range(3), strict=False), rows, "seed") == [(2,)]


def test_numbers_are_written_with_few_digits_and_none_where_there_is_none():
    row = {"a": 1 / 3, "b": [math.nan, (math.inf, 200 / 3)], "n": 7, "ok": True, "word": "x", "none": None}
    assert rounded(row, 2) == {"a": 0.33, "b": [None, [None, 66.67]], "n": 7, "ok": True, "word": "x", "none": None}
    assert rounded(row, 2, behind=False)["b"][1] == [None, 67.0] and rounded(1 / 3) == 0.33333
    assert rounded(row)["ok"] is True


def test_a_training_is_watched_and_goes_through_unchanged(capsys):
    steps = [("net", Record(n, 1.0, 0.5, 1.0, {"loss": 0.3})) for n in (1, 500, 999, 1000)]
    assert list(watched(steps)) == steps
    assert capsys.readouterr().out.splitlines() == [str(steps[1][1]), str(steps[3][1])]


def test_the_rows_of_a_table_are_exchanged_and_nothing_else(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("a\n\n| x |\n|---|\n| 1 |\n| 2 |\n\n| y |\n|---|\n| 1 |\n")
    put_rows(page, "| x |\n|---|\n", ["| 7 |"])
    assert page.read_text() == "a\n\n| x |\n|---|\n| 7 |\n\n| y |\n|---|\n| 1 |\n"
    with pytest.raises(ValueError, match="has no table that begins with"):
        put_rows(page, "| z |\n|---|\n", [])
