"""Tables: what is printed and what a notebook shows are the same numbers, and an interval that holds 0 does not look like a result."""

import re

import pytest
from films import numbers

from diffusion_lib.viz.figures import PALETTE
from diffusion_lib.viz.tables import Interval, Table, page, table

pytestmark = pytest.mark.usefixtures("one_thread")


def made() -> Table:
    rows = [("GAN", "0.93 (0.89–0.96)", 1), ("real <ones>", "0.97", 20)]
    return table(["", "covered", "calls"], rows, ["A note."], quiet=("real <ones>",))


def test_printed_columns_are_lined_up():
    head, gan, real, note = made().splitlines()
    assert head.endswith("calls") and gan.endswith("    1") and real.endswith("   20")
    assert len(head) == len(gan) == len(real) and note == "A note." and repr(made()) == str(made())
    assert gan.index("(0.89–0.96)") + len("(0.89–0.96)") == real.index("0.97") + len("0.97")


def test_a_notebook_shows_the_same_and_names_what_it_shows():
    html = made()._repr_html_()
    assert html.count('scope="col"') == 3 and html.count('scope="row"') == 2 and "A note." in html
    assert "real &lt;ones&gt;" in html and "<ones>" not in html
    assert html.count(f'stroke="{PALETTE[0]}"') == 1  # the GAN's line, as in the films; real ones have none
    words = re.sub(r"<[^>]*>", "", html)
    assert all(w in words for w in ("covered", "0.93", "(0.89–0.96)", "20"))


def test_only_an_interval_without_0_stands_out():
    shown, unsure = Interval(0.3, 0.1, 0.5, 0.5), Interval(0.1, -0.3, 0.5, 0.5)
    assert PALETTE[0] in shown.html and PALETTE[0] not in unsure.html
    assert f'aria-label="{shown}"' in shown.html and str(shown) == "+0.300  (+0.100 to +0.500)"
    zero, low, high = (
        float(re.search(rf'{at}="([\d.]+)"', unsure.html.replace('x1="120"', 'zero="120"')).group(1))
        for at in ("zero", "x1", "cx")
    )
    assert low < zero < high
    assert "nan" not in Interval(0.0, 0.0, 0.0, 0.0).html


def test_a_page_holds_tables_and_sentences():
    whole = page("One & only.", made())
    assert str(whole) == "One & only.\n\n" + made() and "One &amp; only." in whole.html and "<table" in whole.html


def test_an_interval_reads_from_low_to_high_and_stands_out_only_without_0():
    cell = Interval(0.2, 0.1, 0.35, 1.0)
    assert numbers(str(cell)) == [0.2, 0.1, 0.35]
    thick = lambda c: float(re.search(r'<line x1="[\d.]+" x2="[\d.]+" y1="12".*?stroke-width="(\d+)"', c.html)[1])
    assert thick(cell) > thick(Interval(0.0, -0.1, 0.1, 1.0)) and thick(Interval(-0.2, -0.3, -0.1, 1.0)) == thick(cell)
