"""Rules of the house that a reader relies on: one-way imports, short cells, no stored outputs, nothing that a machine left."""

import ast
import importlib
import inspect
import json
import os
import pkgutil
import re
import shlex
import subprocess
import sys
import textwrap
import typing
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
import traitlets

import diffusion_lib.course

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "diffusion_lib"
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
TOUR = (
    ROOT / "notebooks" / "00_tour.ipynb"
)  # asks for no knowledge, so it has no exercises; it looks ahead to all lessons

# What a folder may import: "" is the top level, where lies what is taught. Each folder's own __init__ says the same in words.
MAY = {
    "": (),
    "data": ("",),
    "viz": ("",),
    "evaluation": ("", "data"),
    "course": ("", "data", "viz", "evaluation"),
    "cli": ("", "data", "viz", "evaluation", "course"),
}


def cells(path, kind=None):
    found = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [c for c in found if kind in (None, c["cell_type"])]


def source(cell):
    return "".join(cell["source"])


def rooms(module):
    """The folder of a dotted module, and its lesson's number, or ""."""
    parts = [*module.split(".")[1:], "", ""]
    folder = parts[0] if parts[0] in MAY else ""
    return folder, parts[1] if parts[1].startswith("lesson") else ""


def imported(path):
    """Modules of the package that a file imports, wherever in it, as dotted names."""
    package = ["diffusion_lib", *path.relative_to(PACKAGE).parent.parts]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            start = package[: len(package) + 1 - node.level] if node.level else []
            full = ".".join([*start, *([node.module] if node.module else [])])
            if full.startswith("diffusion_lib"):
                yield from (f"{full}.{a.name}" for a in node.names)


@pytest.mark.heavy
def test_imports_point_one_way():
    """What is taught knows no folder, a lesson only earlier lessons, and nobody the shell (but `python -m diffusion_lib`)."""
    for path in PACKAGE.rglob("*.py"):
        if path == PACKAGE / "__main__.py":
            continue
        here, lesson = rooms("diffusion_lib." + ".".join(path.relative_to(PACKAGE).with_suffix("").parts))
        for module in imported(path):
            there, other = rooms(module)
            assert there in (here, *MAY[here]), f"{path} imports {module}: {here or 'the top level'} may not"
            if here == "course" and other != lesson:
                assert other < lesson, f"{path} imports {module}, which is no earlier lesson"


def test_every_room_says_its_idea_and_what_it_may_import():
    for folder in [f for f in MAY if f]:
        text = ast.get_docstring(ast.parse((PACKAGE / folder / "__init__.py").read_text(encoding="utf-8")))
        assert "May import" in text, folder
    assert {p.name for p in PACKAGE.iterdir() if (p / "__init__.py").exists()} == {f for f in MAY if f}


def test_no_face_hides_a_module():
    """`from lesson04 import watch` gives the function, and would do so if a module of that name were meant."""
    for face in PACKAGE.rglob("__init__.py"):
        names = {
            a.asname or a.name
            for n in ast.walk(ast.parse(face.read_text(encoding="utf-8")))
            if isinstance(n, ast.ImportFrom)
            for a in n.names
        }
        assert not names & {p.stem for p in face.parent.glob("*.py")}, face


def defined(body):
    """Every name that a module or a class gives a meaning to, as often as it does."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            if not any(isinstance(d, ast.Attribute) for d in node.decorator_list):  # x.setter belongs to x
                yield node.name
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from (a.asname or a.name for a in node.names)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            read = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
            for target in getattr(node, "targets", None) or [node.target]:
                names = {n.id for n in ast.walk(target) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
                yield from names - read  # x = f(x) goes on with what x means


@pytest.mark.heavy
def test_no_name_is_defined_twice():
    """The second meaning wins without a word: `_half` was Wilson's half width and, 360 lines on, the maker of an exercise."""
    for path in [f for folder in ("diffusion_lib", "tests", "benchmarks") for f in (ROOT / folder).rglob("*.py")]:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for part in [tree, *(n for n in ast.walk(tree) if isinstance(n, ast.ClassDef))]:
            count = Counter(defined(part.body))
            twice = [name for name, n in count.items() if n > 1 and name != "_"]
            assert not twice, f"{path.name} defines {twice} twice"


@pytest.mark.heavy
def test_no_view_hides_what_its_class_says():
    """`self.x = ...` over a class's own `x` hides it without a word: the lab's button `cure` hid the sentence `cure`.

    A class attribute that instances are meant to set carries its type (`model: nn.Module | None = None`), or is a trait.
    """
    for _, name, _ in pkgutil.walk_packages(diffusion_lib.course.__path__, "diffusion_lib.course."):
        module = importlib.import_module(name)
        for cls in [c for c in vars(module).values() if inspect.isclass(c) and c.__module__ == name]:
            tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
            stored = [n for n in ast.walk(tree) if isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Store)]
            for x in {n.attr for n in stored if isinstance(n.value, ast.Name) and n.value.id == "self"}:
                for base in [b for b in cls.__mro__ if x in vars(b)]:
                    meant = x in inspect.get_annotations(base) or isinstance(vars(base)[x], traitlets.TraitType)
                    setter = isinstance(vars(base)[x], property) and vars(base)[x].fset
                    assert meant or setter, f"{cls.__name__} sets self.{x}, which {base.__name__} has already"


# What is taught, and what lessons 08 and 10 teach beside it; all else that lies on top is the workshop.
TAUGHT = "diffusion sampling oracle nets train ddpm bound gan vae dataset trace".split()
LATER = "solvers guidance telling".split()
WORKSHOP = "__init__ __main__ checkpoint deeper families files machine muon store values words".split()


def test_what_is_taught_stays_short_enough_to_be_read():
    on_top = {path.stem: len(path.read_text(encoding="utf-8").splitlines()) for path in PACKAGE.glob("*.py")}
    assert {*on_top} == {*TAUGHT, *LATER, *WORKSHOP}, "A new module on top belongs to one of the three lists."
    assert sum(on_top[name] for name in TAUGHT) <= 2400 and sum(on_top[name] for name in LATER) <= 250
    table = (ROOT / "README.md").read_text(encoding="utf-8").split("### Where things are")[1].split("| wing")[0]
    assert all(f"`{name}`" in table for name in on_top if name[0] != "_")


def test_a_long_module_says_why():
    """Over 400 lines its head gives the reason; over 600 there is none."""
    for path in [*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.js")]:
        lines = path.read_text(encoding="utf-8").splitlines()
        assert len(lines) <= 600, path
        assert len(lines) <= 400 or "Longer than 400 lines because" in "\n".join(lines[:24]), path


def test_what_is_public_says_what_it_is():
    """Functions, classes and their methods; of a network's `forward` its class has said it."""
    for path in PACKAGE.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for room in [tree, *(n for n in tree.body if isinstance(n, ast.ClassDef) and n.name[0] != "_")]:
            named = [n for n in room.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)]
            silent = [n.name for n in named if n.name[0] != "_" and n.name != "forward" and not ast.get_docstring(n)]
            assert not silent, f"{path}: {silent} without a docstring"


def test_nobody_uses_pyplot_or_interact():
    for path in [*PACKAGE.rglob("*.py"), *NOTEBOOKS]:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"import.*pyplot|plt\.|\binteract\(|clear_output|%matplotlib", text), path.name


@pytest.mark.heavy
def test_the_package_imports_without_the_heavy_things():
    """Reading the mathematics must not cost the start of a notebook server's libraries."""
    code = "import sys, diffusion_lib.oracle, diffusion_lib.data; print([m for m in ('ipywidgets','matplotlib','sklearn','mlxtend') if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"


PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "benchmarks" / "README.md"]


def anchors(page):
    """Where a link into a page of Markdown may lead: its headings, as GitHub writes them."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", page, flags=re.S), re.M)
    return {re.sub(r"[^\w -]", "", heading.replace("`", "").lower()).replace(" ", "-") for heading in headings}


def astray(path):
    """Links and pictures of a page that lead nowhere: no file in this house, or no heading in it."""
    page = path.read_text(encoding="utf-8")
    prose = re.sub(r"```.*?```|`[^`]*`", "", page, flags=re.S)
    for target in re.findall(r"\]\(([^)]+)\)|(?:src|href)=\"([^\"]+)\"", prose):
        file, _, place = "".join(target).partition("#")
        there = path.parent / file if file else path
        if file.startswith("https://"):
            continue
        inside = there.exists() and ROOT in there.resolve().parents
        if not inside or (place and (there.suffix != ".md" or place not in anchors(there.read_text(encoding="utf-8")))):
            yield "".join(target)


@pytest.mark.parametrize("path", PAGES, ids=lambda p: f"{p.parent.name} {p.name}")
def test_links_of_the_pages_lead_somewhere(path):
    assert not [*astray(path)]


def test_a_link_that_leads_nowhere_is_noticed(monkeypatch, tmp_path):
    page = tmp_path / "a.md"
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    page.write_text(
        "# Where `a` is, and why\n[1](#where-a-is-and-why) [2](#where) [3](b.md) [4](a.md#why) ![5](c.png)"
        ' <img src="d.png"> `[6](e)` [7](https://x.org) [8](http://x.org) [9](../a.md)'
    )
    assert [*astray(page)] == ["#where", "b.md", "a.md#why", "c.png", "d.png", "http://x.org", "../a.md"]


def lacks(name, root=ROOT):
    """What a lesson has not got of all that belongs to a lesson, `name` being its notebook's. (Its links have their own tests.)"""
    number, tour = name[:2], name == TOUR.stem
    read = lambda *path: text.read_text(encoding="utf-8") if (text := root.joinpath(*path)).exists() else ""
    has = {
        f"course/lesson{number}/__init__.py": "__all__"
        in read("diffusion_lib", "course", f"lesson{number}", "__init__.py"),
        "exercises.py": tour or "EXERCISES" in read("diffusion_lib", "course", f"lesson{number}", "exercises.py"),
        "course/roads.py": f'"{number}": ("{name}", ' in read("diffusion_lib", "course", "roads.py"),
        "README": f"](notebooks/{name}.ipynb) |" in read("README.md"),
        "tour": tour or f"]({name}.ipynb) |" in read("notebooks", TOUR.name),
        f"tests/test_lesson{number}*.py": any((root / "tests").glob(f"test_lesson{number}*.py")),
        f"tests/claims/lesson{number}.py": "MEASURED" in read("tests", "claims", f"lesson{number}.py"),
        "benchmarks/lessons.json": f'"{number}"' in read("benchmarks", "lessons.json"),
    }
    return [part for part, there in has.items() if not there]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_lesson_has_all_its_parts(path):
    assert not lacks(path.stem)


def test_links_between_lessons_carry_the_lessons_own_titles():
    title = {p.name: re.search(r"^# (.+)$", source(cells(p, "markdown")[0]), re.M)[1] for p in NOTEBOOKS}
    order = sorted(title)
    for path in NOTEBOOKS:
        text = "".join(source(c) for c in cells(path, "markdown"))
        links = re.findall(r"\*\*(Back|Next):\*\* \[(.+?)\]\((.+?)\)", text)
        assert all(title[file] == words for _, words, file in links), path.name
        here = order.index(path.name)
        wanted = [("Back", order[here - 1])] * (here > 0) + [("Next", n) for n in order[here + 1 : here + 2]]
        assert [(way, file) for way, _, file in links] == wanted, path.name


def test_no_path_of_a_machine_and_no_secret_network():
    for path in [*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.js"), *NOTEBOOKS, ROOT / "README.md", ROOT / "Makefile"]:
        assert not re.search(r"(?<![\w.])/(work|root|home|Users|tmp)/", path.read_text(encoding="utf-8")), path.name


def test_style():
    for command in (["check"], ["format", "--check"]):
        run = subprocess.run([sys.executable, "-m", "ruff", *command, "."], cwd=ROOT, capture_output=True, text=True)
        assert run.returncode == 0, run.stdout + run.stderr


def test_few_lines_are_kept_from_ruff():
    """A table of sentences is; what ruff would wrap is else written shorter. `off` is for the tables of exercises, and of options."""
    files = [f for folder in ("diffusion_lib", "tests", "benchmarks", "locale") for f in (ROOT / folder).rglob("*.py")]
    text = "".join(path.read_text(encoding="utf-8") for path in files)
    assert text.count("# fmt: " + "skip") < 20 and text.count("# fmt: " + "off") <= len(NOTEBOOKS) + 1


def test_there_are_lessons():
    assert len(NOTEBOOKS) >= 2


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
class TestNotebook:
    def test_code_cells_are_short_and_plain(self, path):
        for cell in cells(path, "code"):
            text = source(cell)
            assert len(text.splitlines()) <= 20, cell["id"]
            assert not re.search(r"^\s*class |\.cuda\(|^\s*[!%]|import \*|data:image|pip install", text, re.M), cell[
                "id"
            ]
            assert not cell["outputs"] and cell["execution_count"] is None, f"{cell['id']} has stored outputs"

    def test_words_are_few_and_pictures_are_described(self, path):
        for cell in cells(path, "markdown"):
            text = source(cell)
            prose = re.sub(r"\$\$.*?\$\$|<details>.*?</details>|^\|.*$", "", text, flags=re.S | re.M)
            assert len(prose.split()) <= 120, f"{cell['id']}: {len(prose.split())} words"
            assert "data:image" not in text
            for alt, target in re.findall(r"!\[(.*?)\]\((.*?)\)", text):
                assert len(alt) > 15 and (path.parent / target).exists(), f"{cell['id']}: {target}"
            for target in re.findall(r"(?<!!)\[[^\]]*\]\(([^)]+)\)", text):
                file, _, place = target.partition("#")
                there = path.parent / file if file else path
                assert target.startswith("https://") or there.exists(), f"{cell['id']}: {target}"
                if place and there.suffix == ".ipynb":  # JupyterLab's anchor is the heading, with - for each space
                    found = [re.findall(r"^#+ (.+)$", source(c), re.M) for c in cells(there, "markdown")]
                    assert place in {h.replace(" ", "-") for heads in found for h in heads}, f"{cell['id']}: {target}"

    def test_a_lesson_that_is_named_is_a_link(self, path):
        """Once in each text, in its prose; a heading, a formula, code and the sources stay as they are."""
        lessons = {p.name[:2]: p.name for p in NOTEBOOKS if p != path}
        for cell in cells(path, "markdown"):
            linked = set(re.findall(r"\]\((\d\d)_", source(cell)))
            prose = re.sub(r"^(#|\*Sources|    ).*$|`[^`]*`", "", source(cell), flags=re.M)
            named = re.findall(r"\b[Ll]essons? \d\d(?:(?:, | and )\d\d)*", prose)
            missing = {n for words in named for n in re.findall(r"\d\d", words) if n in lessons} - linked
            assert not missing, (
                f"{cell['id']} names lessons {sorted(missing)}: write [lesson 03]({lessons[min(missing)]})"
            )

    def test_one_title_and_no_jump_in_headings(self, path):
        levels = [len(h) for cell in cells(path, "markdown") for h in re.findall(r"^(#+) ", source(cell), re.M)]
        assert levels[0] == 1 and levels.count(1) == 1
        assert all(b - a <= 1 for a, b in pairwise(levels))

    def test_setup_is_small_and_every_code_cell_is_introduced(self, path):
        all_cells = cells(path)
        assert len(source(cells(path, "code")[0]).splitlines()) <= 10
        for before, after in pairwise(all_cells[2:]):
            spoken = (
                before["cell_type"] == "markdown"
                or "predict(" in source(before)
                or ".reveal(" in source(after)  # what one has just looked at is what it is about
                or "predict(" in source(after)
            )
            assert after["cell_type"] == "markdown" or spoken, f"{after['id']} follows code without a word"

    def test_ids_are_stable_names_and_nothing_else_is_stored(self, path):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        ids = [c["id"] for c in notebook["cells"]]
        assert len(set(ids)) == len(ids) and all(i.startswith(path.stem[:2] + "-") for i in ids)
        assert set(notebook["metadata"]) == {"kernelspec", "language_info"}

    def test_every_exercise_is_checked_and_every_guess_revealed(self, path):
        code = [source(c) for c in cells(path, "code")]
        tagged = [source(c) for c in cells(path, "code") if "exercise" in c["metadata"].get("tags", [])]
        titles = [t for c in cells(path, "markdown") for t in re.findall(r"### Exercise (\d+) · ", source(c))]
        assert titles == [str(k) for k in range(1, len(titles) + 1)] and len(titles) <= len(tagged)
        assert (len(titles) == 0) if path == TOUR else (len(titles) >= 3)
        assert all("check(" in c and "..." in c for c in tagged)
        guesses = re.findall(r"^(\w+) = predict\(", "\n".join(code), re.M)
        assert guesses and all(any(f"{g}.reveal(" in c for c in code) for g in guesses)

    def test_exercises_rise_to_one_that_no_cell_answers(self, path):
        if path == TOUR:
            return
        last = max(i for i, c in enumerate(cells(path)) if "### Exercise " in source(c))
        assert "No cell above has this one." in source(cells(path)[last])
        assert sum("No cell above" in source(c) for c in cells(path)) == 1

    def test_no_text_tells_an_answer_before_its_box(self, path):
        """Between a guess and its answer one looks: no text there says what the box is going to say."""
        everything = cells(path)
        for i, c in enumerate(everything):
            if guess := re.match(r"(\w+) = predict\(", source(c)):
                j = next(k for k in range(i, len(everything)) if f"{guess[1]}.reveal(" in source(everything[k]))
                answer = re.search(r'reveal\(\s*"([^"]+)"', source(everything[j]))[1].removeprefix("about ")
                between = " ".join(source(k) for k in everything[i + 1 : j] if k["cell_type"] == "markdown")
                if len(answer.split()) > 2 or re.search(r"\d\d", answer):
                    assert not re.search(rf"(?<![\w.=]){re.escape(answer)}(?![\w.,/])", between), c["id"]


@pytest.mark.parametrize("words", ['"SIGHUP"', "a whole Step"])
def test_what_two_modules_need_stands_in_one(words):
    """The signals that end a program, and a sentence of the checker, stood in two places each."""
    assert sum(path.read_text(encoding="utf-8").count(words) for path in PACKAGE.rglob("*.py")) == 1


def public(body, name=""):
    """(name, node) of every function, class and method that bears no underscore and sets no other's property."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node.name[0] != "_":
            setter = any(isinstance(d, ast.Attribute) for d in node.decorator_list)
            yield from [] if setter else [(name + node.name, node)]
            if isinstance(node, ast.ClassDef):
                yield from public(node.body, f"{node.name}.")


def test_what_is_public_in_the_course_says_what_it_does():
    for path in (PACKAGE / "course").rglob("*.py"):
        if path.name == "exercises.py":
            continue  # a learner sees what each exercise asks for in the notebook
        for name, node in public(ast.parse(path.read_text(encoding="utf-8")).body):
            assert ast.get_docstring(node), f"{path.name}: {name} has no docstring"


@pytest.mark.heavy
def test_a_face_holds_views_only():
    """What is no view, i.e. returns nothing that a notebook shows by itself, is imported from where it lives."""
    for face in (PACKAGE / "course").glob("lesson*/__init__.py"):
        room = importlib.import_module(f"diffusion_lib.course.{face.parent.name}")
        for name in room.__all__:
            found = typing.get_type_hints(getattr(room, name))["return"]
            shows = any(hasattr(found, f"_repr_{how}_") for how in ("mimebundle", "html", "png"))
            assert shows, f"{face.parent.name}.{name} returns {found}"


def test_each_file_of_tests_bears_the_name_of_what_it_tests():
    """A module (of the tests too), a lesson's number, a benchmark, or the same with `_browser`; and some look across, or test what
    shares its name with another (obedience: benchmarks/words.py)."""
    across = "access against_diffusers audit claims cli dark javascript kept lesson_steps letters notebooks obedience one_place room structure vocabulary wheel"
    modules = {p.stem for folder in ("diffusion_lib", "benchmarks", "tests") for p in (ROOT / folder).rglob("*.py")}
    lessons = {p.name for p in (PACKAGE / "course").glob("lesson*")}
    names = {p.stem.removeprefix("test_") for p in (ROOT / "tests").glob("test_*.py")}
    assert {name.removesuffix("_browser") for name in names} <= modules | lessons | set(across.split())


@pytest.mark.heavy
def test_make_avx2_is_a_processor_without_avx_512():
    """What torch and numpy say of themselves under the variables that `make avx2` sets for all that it starts."""
    said = re.search(r"^AVX2 := ((.*\\\n)*.*)", (ROOT / "Makefile").read_text(), re.M)[1]
    words = dict(word.split("=", 1) for word in shlex.split(said.replace("\\\n", " ")))
    ask = (
        "import torch, numpy._core._multiarray_umath as n\n"
        "print(torch.backends.cpu.get_cpu_capability(), [f for f in n.__cpu_dispatch__ if n.__cpu_features__[f] and ('512' in f or 'V4' in f)])"
    )
    run = subprocess.run([sys.executable, "-c", ask], env=os.environ | words, capture_output=True, text=True)
    assert run.stdout.strip() in ("AVX2 []", "DEFAULT []"), run.stdout + run.stderr
