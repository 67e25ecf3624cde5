"""Every number that a lesson or the README states in words: computed here again, quoted from a paper that is named once more,
or declared to be no measurement (`claims`). A new number fails until it is one of the three."""

import importlib
import re
from collections import Counter

import claims
import pytest
from claims import CELLS, LESSONS, absolutes, exercises, numbers, readme, text

TABLES = {name: importlib.import_module(f"claims.lesson{name[:2]}") for name in LESSONS}
TABLES = {name: module for name, module in TABLES.items() if not getattr(module, "UNFINISHED", False)}
SAID = {c["id"]: text(c) for name in TABLES for c in claims.notebook(name)} | exercises.SAID
SAID = {place: said for place, said in SAID.items() if numbers(said)}
# cells whose numbers are trainings or drawn pictures: seconds
COSTLY = (
    "02-pictures-reveal 04-break-after 05-break-saturate 05-break-strong 07-sprites 07-mnist 07-fair-guess 07-fair-reveal 08-ode-after 08-noise-reveal 10-weight-reveal"
).split()


def together(place, *more):
    """What is computed for one of these is kept for the others: they go to one worker."""
    of_readme = place in readme.HEADINGS
    marks = [pytest.mark.heavy] if of_readme or place in COSTLY else []
    group = "README" if of_readme else f"claims {place[:2]}"
    return pytest.param(*more, place, id="-".join((*more, place)), marks=[*marks, pytest.mark.xdist_group(group)])


def said_in(place: str) -> str:
    return readme.sections()[place] if place in readme.HEADINGS else SAID[place]


def known(module, place: str) -> Counter:
    quoted = " ".join(values for _, _, values in module.QUOTED.get(place, ())).split()
    return Counter([*module.MEASURED.get(place, list)(), *quoted, *module.PLAIN.get(place, "").split()])


def home(place: str):
    """The module of a cell, of an exercise or of a section of the README."""
    lessons = (m for name, m in TABLES.items() if place.startswith(f"{name[:2]}-"))
    return exercises if place in exercises.SAID else next(lessons, readme)


@pytest.mark.parametrize("place", [*map(together, [*SAID, *readme.HEADINGS])])
def test_every_number_in_the_text_is_measured_quoted_or_declared(place):
    said, why = Counter(numbers(said_in(place))), known(home(place), place)
    assert said == why, f"said but not known: {said - why}; known but not said: {why - said}"


@pytest.mark.parametrize(
    ("name", "place"), [together(p, n) for n, m in TABLES.items() for p in getattr(m, "SHOWN", ())]
)
def test_what_a_text_says_without_a_number_is_so(name, place):
    assert place in CELLS
    TABLES[name].SHOWN[place]()


@pytest.mark.heavy
@pytest.mark.xdist_group("README")
def test_nothing_is_declared_for_a_cell_that_is_gone():
    there = SAID.keys() | {heading for heading, said in readme.sections().items() if numbers(said)}
    for module in (*TABLES.values(), exercises, readme):
        places = {*module.MEASURED, *module.QUOTED, *module.PLAIN}
        assert places <= there and {home(p) for p in places} <= {module}, (module.__name__, places - there)


def test_a_number_that_changes_is_noticed():
    said = SAID["09-kept-reveal"].replace("0.126", "0.125")
    assert Counter(numbers(said)) != known(home("09-kept-reveal"), "09-kept-reveal")
    said = "In section 3, $2x$, R3GAN, 1,500 of .87 (0.71 to 4.09), 98.9 %."
    assert numbers(said) == "1,500 .87 0.71 4.09 98.9".split()


@pytest.mark.heavy
@pytest.mark.xdist_group("README")
def test_every_row_of_figures_is_made_from_a_record():
    for row in readme.rows():
        assert row in readme.TABLES, f"benchmarks/README.md should have {row}"


@pytest.mark.parametrize("name", TABLES)
def test_every_paper_that_a_lesson_names_stands_among_its_sources(name):
    cells = claims.notebook(name)
    (last,) = (text(c) for c in cells if c["id"].endswith("-symbols"))
    sources = set(claims.cited(last[last.index("*Source") :]))
    named = {key for c in cells for key in claims.cited(text(c))}
    assert named <= sources, named - sources


def test_a_citation_is_known_by_author_and_year():
    said = "Ho, Jain, Abbeel 2020; Dhariwal and Nichol (2021); Carlini et al. 2023, November 2026"
    assert claims.cited(said) == ["Ho 2020", "Dhariwal 2021", "Carlini 2023"] and numbers(said) == ["2026"]


def test_words_that_allow_no_exception_were_looked_at():
    found = {
        i: " ".join(absolutes.WORDS.findall(re.sub(r"`[^`]*`", "", text(c))))
        for n in TABLES
        for c in claims.notebook(n)
        if (i := c["id"])
    }
    looked_at = {place: words for place, (words, why) in absolutes.LOOKED_AT.items() if why}
    assert {place: words for place, words in found.items() if words} == looked_at


@pytest.mark.parametrize(
    "name", [*LESSONS, pytest.param("README", marks=[pytest.mark.heavy, pytest.mark.xdist_group("README")])]
)
def test_lessons_to_come_are_those_that_are_not_there(name):
    """Text that names a lesson: it is there, or it says that it is to come."""
    said = (
        " ".join(readme.sections().values()) if name == "README" else " ".join(text(c) for c in claims.notebook(name))
    )
    there = {lesson[:2] for lesson in LESSONS}
    for m in re.finditer(r"[Ll]esson (\d\d)(, to come| \(to come\))?", said):
        assert (m[1] in there) != bool(m[2]), m[0]
