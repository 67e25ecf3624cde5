"""Every sentence that a learner reads goes through gettext, and the catalogues have it."""

import ast
import importlib.util
import json
import re
from pathlib import Path

import pytest

import diffusion_lib
from diffusion_lib import words
from diffusion_lib.course.common import counted
from diffusion_lib.course.exercise import Exercise

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "diffusion_lib"
spec = importlib.util.spec_from_file_location("catalogues", ROOT / "locale" / "words.py")
catalogues = importlib.util.module_from_spec(spec)
spec.loader.exec_module(catalogues)
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture(scope="module")
def found():
    return catalogues.catalogues()


@pytest.fixture(scope="module")
def pseudo(tmp_path_factory):
    return catalogues.write_pseudo(tmp_path_factory.mktemp("words"))


@pytest.fixture
def english(monkeypatch):
    monkeypatch.setattr(words, "_chosen", None)
    monkeypatch.delenv("DIFFUSION_LIB_LANGUAGE", raising=False)


# ---------------------------------------------------------------------------------------- choosing a language


def test_a_language_counts_from_when_it_is_chosen(pseudo, english, monkeypatch):
    said = lambda: words._("That is too large.")
    assert said() == "That is too large."
    monkeypatch.setenv("DIFFUSION_LIB_LANGUAGE", str(pseudo))
    assert said() == "⟦Tháát íís tóóóó láárgéé.⟧"
    diffusion_lib.language("en")  # a call has the last word
    assert said() == "That is too large." and words.code() == "en"
    diffusion_lib.language(str(pseudo))
    assert said().startswith("⟦") and words.code() == "xx-pseudo"
    assert words._("never said") == "never said" and words._("") == ""


def test_a_language_that_is_not_there_is_one_sentence(english, monkeypatch):
    with pytest.raises(ValueError, match="no words in the language 'xy': choose one of en"):
        diffusion_lib.language("xy")
    assert words._("Stop") == "Stop"
    monkeypatch.setenv("DIFFUSION_LIB_LANGUAGE", "xy")
    with pytest.raises(ValueError, match="no words in the language 'xy'"):
        words._("Stop")


def test_plurals_are_the_languages_own(pseudo, english):
    said = "0 lessons; 1 lesson; 1.5 lessons; 2,207 lessons"
    assert "; ".join(counted(n, "lesson") for n in (0, 1, 1.5, 2207)) == said
    diffusion_lib.language(str(pseudo))
    assert [counted(n, "lesson") for n in (1, 2)] == ["⟦1 lééssóón⟧", "⟦2 lééssóóns⟧"]


# ---------------------------------------------------------------------------------------- nothing is forgotten

SENTENCE = re.compile(r"[A-Za-z]{2,}[^A-Za-z]*\s[^A-Za-z]*[A-Za-z]{2,}")
MARKED = {"_", "N_", "ngettext"}
# for programmers: what is wrong with an argument, and the help of the shell; "row wrap" and its like are CSS, "--" is a command
FOR_PROGRAMMERS = {"ValueError", "warn", "check_batch", "choice", "integer", "one_picture", "need", "Option", "seed"}
NO_SENTENCE = re.compile(r"\s*<|--|.*(?:px|row wrap|DejaVu Sans)|can be converted to|must be real number")


def unmarked(path: Path):
    """String literals of two words or more that reach no _() and are no docstring, error, key of a slip or CSS: (line, text)."""
    tree, fine = ast.parse(path.read_text(encoding="utf-8")), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and ast.get_docstring(
            node
        ):
            fine.add(id(node.body[0].value))
        name = getattr(node.func, "attr", getattr(node.func, "id", "")) if isinstance(node, ast.Call) else ""
        if isinstance(node, ast.Raise) or name in MARKED | FOR_PROGRAMMERS:
            fine |= {id(part) for part in ast.walk(node)}
        if path.name == "exercises.py" and isinstance(node, ast.Dict):
            fine |= {id(key) for key in node.keys}
        if isinstance(node, ast.Subscript):
            fine.add(id(node.slice))
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr) and id(node) not in fine:
            fine |= {id(part) for part in node.values}
            text = "".join(p.value if isinstance(p, ast.Constant) else "{}" for p in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in fine:
            text = node.value
        else:
            continue
        if SENTENCE.search(text) and not NO_SENTENCE.match(text):
            yield node.lineno, text


@pytest.mark.parametrize("path", sorted((PACKAGE / "course").rglob("*.py")), ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_no_sentence_of_the_course_is_unmarked(path, found):
    """A literal that is marked elsewhere is a key: what is shown for it is looked up."""
    keys = {m.id for catalog in found.values() for m in catalog}
    assert [f for f in unmarked(path) if f[1] not in keys and not _for_an_error(path, f[0])] == []


def _for_an_error(path: Path, line: int) -> bool:
    """Is the string in a function that raises, and not shown: assigned to a name that a `raise` or `need` of it uses?"""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for function in [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)]:
        needs = [n for n in ast.walk(function) if isinstance(n, ast.Call) and getattr(n.func, "id", "") == "need"]
        raises = [*(n for n in ast.walk(function) if isinstance(n, ast.Raise)), *(n.args[1] for n in needs)]
        raised = {n.id for r in raises for n in ast.walk(r) if isinstance(n, ast.Name)}
        for node in ast.walk(function):
            if isinstance(node, ast.Assign) and node.lineno <= line <= node.end_lineno:
                return any(isinstance(t, ast.Name) and t.id in raised for t in node.targets)
    return False


def test_javascript_has_no_sentence_of_its_own():
    """What a script says comes from `words`: its literals hold names, CSS and selectors, no two words of prose."""
    for path in PACKAGE.rglob("*.js"):
        code = re.sub(r"(?<![:\"'`\\w])//[^\n]*", "", path.read_text(encoding="utf-8"))
        code = re.sub(r"(?s)(?:CSS|STICKY) = `.*?`;", "", code)
        for text in re.findall(r'"([^"\n]*)"', code):
            prose = re.search(r"(?:^| )[A-Za-z]{2,}[,.:]? [A-Za-z]{2,}", text)
            assert not prose or "max-" in text or "-serif" in text, f"{path.name}: {text}"
        said = re.findall(r'(?:aria-label|textContent|title)"?(?:: | = )"[A-Za-z ]{3,}"', code)
        said += re.findall(r'setAttribute\("(?:aria-label|title)", "', code)
        assert not said, f"{path.name}: {said}"


def test_nobody_calls_anything_else_by_the_name_of_gettext():
    """`for _ in ...` in a function that says _("...") would make _ a number there."""
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if not re.search(r"words import [^\n]*\b_\b", text) or path.name == "words.py":
            continue
        for node in ast.walk(ast.parse(text)):
            stored = isinstance(node, ast.Name) and node.id == "_" and isinstance(node.ctx, ast.Store)
            assert not stored and not (isinstance(node, ast.arg) and node.arg == "_"), f"{path}:{node.lineno}"


def test_sentences_with_numbers_are_filled_in_after_they_are_looked_up():
    """_(f"...") would ask for a sentence that no catalogue has."""
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in MARKED:
                assert not any(isinstance(a, ast.JoinedStr) for a in node.args), f"{path}:{node.lineno}"


def test_an_exercise_has_no_words_but_those_that_are_shown():
    fields = "name reference cases slips hints praise aside number"
    assert set(Exercise.__dataclass_fields__) == set(fields.split())


# ---------------------------------------------------------------------------------------- the catalogues


def test_the_catalogues_are_those_of_the_sentences_today(found):
    there = {p.stem: p.read_text(encoding="utf-8") for p in (ROOT / "locale").glob("*.pot")}
    stale = [
        n for n in {*found, *there} if n not in there or n not in found or catalogues.text_of(found[n]) != there[n]
    ]
    assert not stale, f"{stale}: `make words` writes them anew"


def test_a_message_stands_in_one_catalogue(found):
    keys = [(m.id, m.context) for catalog in found.values() for m in catalog if m.id]
    assert len(keys) == len({*keys}) > 1000
    assert {*found} == {"course", *(f"lesson{p.name[:2]}" for p in NOTEBOOKS)}


def test_the_language_of_marks_keeps_what_no_translator_changes(found):
    holes = lambda text: sorted(re.findall(r"\{\{|\}\}|\{[^{}]*\}|%\(\w+\)s|`[^`]*`|\$[^$\n]+\$", text))
    for catalog in found.values():
        for message in [m for m in catalog if m.id and not m.context]:
            for text in message.id if message.pluralizable else [message.id]:
                said = catalogues.pseudo(text)
                assert holes(said) == holes(text) and said.strip()[0] == "⟦" and said.strip()[-1] == "⟧", text
    assert catalogues.pseudo(" in x_{t}") == " ⟦íín x_{t}⟧"
    long = catalogues.pseudo("The generator makes fakes, and the discriminator tells them apart.")
    assert 1.25 < len(long) / 67 < 1.5


def skeleton(code: str) -> str:
    """The program without its words: strings and comments are gone."""
    tree = catalogues.parsed(code)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = ""
        if isinstance(node, ast.JoinedStr):
            node.values = [part for part in node.values if isinstance(part, ast.FormattedValue)]
    return ast.dump(tree)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_in_another_language_is_the_same_program_with_other_words(path):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    keys = {*catalogues.from_notebook(path)}
    catalog = {(m, c): (catalogues.pseudo_text if c else catalogues.pseudo)(m) for m, c in keys}
    new = catalogues.translated(notebook, catalog)
    for old, cell in zip(notebook["cells"], new["cells"], strict=True):
        a, b = "".join(old["source"]), "".join(cell["source"])
        assert old["id"] == cell["id"] and old["metadata"] == cell["metadata"]
        if old["cell_type"] == "code":
            assert skeleton(a) == skeleton(b), cell["id"]
            assert ("predict(" in a or ".reveal(" in a) <= ("⟦" in b), cell["id"]
        else:
            assert "⟦" in b and b.count("$$") == a.count("$$") and a.count("](") == b.count("]("), cell["id"]
