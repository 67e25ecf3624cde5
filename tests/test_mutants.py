"""The tests, tested: each classic slip, made in a copy of the package, must turn one of them red (`make slow`)."""

import json

import mutants
import pytest


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    return mutants.Bench(tmp_path_factory.mktemp("bench"))


@pytest.mark.slow
@pytest.mark.parametrize("slip", mutants.SLIPS, ids=lambda s: s[0])
def test_the_slip_is_caught(bench, slip):
    assert mutants.caught(bench, slip, mutants.recorded().get(slip[0]))["caught"]


def test_a_copy_has_the_installed_packages_and_not_the_original():
    root = mutants.ROOT
    packages = str(root / ".venv" / "lib" / "python3.11" / "site-packages")  # where `make slips` installs them
    path = [str(root / "benchmarks"), str(root), str(root / "tests"), "/usr/lib/python3.11", packages]
    assert mutants.places("/copy", path) == ["/copy", "/copy/tests", "/usr/lib/python3.11", packages]


def test_every_slip_still_has_its_line():
    """A change of the code must not quietly make a slip impossible to make."""
    for what, file, right, _ in mutants.SLIPS:
        assert (mutants.ROOT / file).read_text(encoding="utf-8").count(right) == 1, what


def test_a_slip_outside_the_package_leaves_the_file_as_it_is(tmp_path):
    """The other folders of a bench are links to the real ones."""
    file = mutants.ROOT / "benchmarks" / "book.py"
    before = file.read_text(encoding="utf-8")
    slip = ("x", "benchmarks/book.py", before[:40], "")
    with pytest.raises(ValueError, match="slips are made in diffusion_lib"), mutants.Bench(tmp_path).broken(slip):
        pass
    assert not file.is_symlink() and file.read_text(encoding="utf-8") == before


def test_what_caught_a_slip_is_among_the_tests_of_its_file():
    """Or a slip that a change lets through would not be looked for where it was caught."""
    lines = mutants.recorded()
    for what, file, *_ in mutants.SLIPS:
        caught = {test.split("::")[0] for test in lines.get(what, {"by": []})["by"]}
        assert mutants.tests_of(file) and caught <= set(mutants.tests_of(file)), (what, caught)


def test_the_record_says_what_was_not_tried(tmp_path, monkeypatch):
    """Six slips were once in no record, which counted those that it had and called it all."""
    monkeypatch.setattr(mutants, "RECORD", tmp_path / "mutants.json")
    first, second, *others = (what for what, *_ in mutants.SLIPS)
    lines = [{"slip": first, "file": "a.py", "caught": True}, {"slip": second, "file": "a.py", "caught": False}]
    mutants.write({line["slip"]: line for line in reversed(lines)})
    book = json.loads(mutants.RECORD.read_text(encoding="utf-8"))
    assert (book["caught"], book["of"], book["not tried"]) == (1, len(mutants.SLIPS), others)
    assert book["rooms"] == {"a.py": "1 of 2"} and book["slips"] == lines
