"""The catalogues: every sentence that a learner reads, one .pot a lesson, for Poedit, Weblate or an editor.

    python locale/words.py                      # `make words`: locale/*.pot new, locale/xx/*.po brought up to them, *.mo into the package
    python locale/words.py --new ja             # begin a language: locale/ja/*.po
    python locale/words.py --pseudo artefacts   # artefacts/xx-pseudo: each message marked, accented, a third longer
    python locale/words.py --notebooks ja       # notebooks/ja, from the English notebooks and the words

In a notebook, a text cell is one message, and so is each comment and each sentence that code prints, all with the cell's id as
context. What predict, reveal and names of pictures say is looked up when it is shown, as _("...") is.
"""

from __future__ import annotations

import argparse
import ast
import io
import json
import re
import tokenize
from collections import defaultdict
from pathlib import Path

from babel.messages import Catalog, extract, mofile, pofile

ROOT = Path(__file__).resolve().parent.parent
PACKAGE, SOURCES = ROOT / "diffusion_lib", ROOT / "locale"
KEYWORDS = {"_": None, "N_": None, "ngettext": (1, 2), "Option": (2,), "seed": (1,)}
WORDS = re.compile(r"[A-Za-z]{2,}[^A-Za-z]*\s[^A-Za-z]*[A-Za-z]{2,}")  # at least two
CODE = re.compile(r"^(hint|solution)\(")


def room(path: Path) -> str:
    """The catalogue that a file's words belong to."""
    found = re.search(r"lesson(\d\d)/|notebooks/(\d\d)_", path.as_posix())
    return f"lesson{found[1] or found[2]}" if found else "course"


def from_python(path: Path):
    """(message, context) of each _(), N_() and ngettext(); a message with a plural is a pair."""
    with open(path, "rb") as file:
        for _, message, _, _ in extract.extract("python", file, KEYWORDS):
            yield message, None


def cells(notebook: dict):
    for cell in notebook["cells"]:
        yield cell["id"], cell["cell_type"], "".join(cell["source"])


def parsed(code: str) -> ast.Module:
    return compile(code, "cell", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


def shown_by_library(tree: ast.Module) -> list[str]:
    """What predict and reveal are given, and the names in a dict (of pictures, of data): the library looks these up."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in (
            "predict",
            "reveal",
        ):
            found += [n for n in ast.walk(node) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
        if isinstance(node, ast.Dict):
            found += [k for k in node.keys if isinstance(k, ast.Constant) and isinstance(k.value, str)]
    return [n.value for n in found if re.search(r"[a-z]{2}", n.value)]


def written_in(code: str) -> list[tuple[int, int, str]]:
    """(begin, end, words) of what the code itself says: comments, and strings of two words or more that nobody looks up."""
    tree, spans, starts = parsed(code), [], [0]
    for line in code.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    taken = set(shown_by_library(tree))
    inside = {id(part) for n in ast.walk(tree) if isinstance(n, ast.JoinedStr) for part in ast.walk(n) if part is not n}
    keys = {id(n.slice) for n in ast.walk(tree) if isinstance(n, ast.Subscript)}
    lines = code.encode().splitlines(keepends=True)
    for node in ast.walk(tree):
        text = isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))
        if not text or id(node) in inside | keys or (isinstance(node, ast.Constant) and node.value in taken):
            continue
        begin = starts[node.lineno - 1] + len(lines[node.lineno - 1][: node.col_offset].decode())
        end = starts[node.end_lineno - 1] + len(lines[node.end_lineno - 1][: node.end_col_offset].decode())
        quote = re.match(r'f?"', code[begin:end])
        if quote and WORDS.search(re.sub(r"\{[^{}]*\}", " ", code[begin + quote.end() : end - 1])):
            spans.append((begin + quote.end(), end - 1, code[begin + quote.end() : end - 1]))
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        words = token.string[2:]
        if token.type == tokenize.COMMENT and WORDS.search(words) and not CODE.match(words):
            begin = starts[token.start[0] - 1] + token.start[1] + 2
            spans.append((begin, begin + len(words), words))
    return sorted(spans)


def from_notebook(path: Path, values: set[str] = frozenset()):
    """values: words of the library's own, which are handed to it (`speed="D as fast as G"`) and looked up there."""
    for name, kind, text in cells(json.loads(path.read_text(encoding="utf-8"))):
        if kind == "markdown":
            yield text, name
            continue
        for words in shown_by_library(parsed(text)):
            yield words, None
        for _, _, words in written_in(text):
            if words not in values:
                yield words, name


def catalogues() -> dict[str, Catalog]:
    """Every message once: in its lesson's catalogue, or in that of shared words ("course") if several rooms say it."""
    where = defaultdict(list)  # (message, context) -> files, in the order of reading
    files = sorted(PACKAGE.rglob("*.py"))
    for path in files:
        for key in from_python(path):
            where[key].append(path)
    values = {message for message, _ in where}
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        for key in from_notebook(path, values):
            where[key].append(path)
    found = {}
    for (message, context), paths in where.items():
        rooms = {room(p) for p in paths}
        name = rooms.pop() if len(rooms) == 1 else "course"
        head = f"# What a learner reads: {name}. Written by `make words`; translations stand in locale/xx/{name}.po."
        catalog = found.setdefault(name, Catalog(project="diffusion_lib", header_comment=head, fuzzy=False))
        places = [(p.relative_to(ROOT).as_posix(), None) for p in dict.fromkeys(paths)]
        entry = catalog.add(message, locations=places, context=context)
        entry.flags.discard("python-format")  # "2 % of" is no format
        if context:
            entry.flags.discard("python-brace-format")
    return dict(sorted(found.items()))


def text_of(catalog: Catalog) -> str:
    """As a .pot or .po file, without the lines that change by themselves."""
    out = io.BytesIO()
    pofile.write_po(out, catalog, width=0, include_lineno=False)
    return re.sub(r'^("POT-Creation-Date|"Generated-By|"PO-Revision-Date).*\n', "", out.getvalue().decode(), flags=re.M)


def read(path: Path, **more) -> Catalog:
    with open(path, "rb") as file:
        return pofile.read_po(file, **more)


def extract_all() -> None:
    found = catalogues()
    for old in set(SOURCES.glob("*.pot")) - {SOURCES / f"{name}.pot" for name in found}:
        old.unlink()
    for name, catalog in found.items():
        (SOURCES / f"{name}.pot").write_text(text_of(catalog), encoding="utf-8")
    for folder in sorted(p for p in SOURCES.iterdir() if p.is_dir() and any(p.glob("*.po"))):
        for name, template in found.items():
            path = folder / f"{name}.po"
            catalog = read(path) if path.exists() else Catalog(locale=folder.name)
            catalog.update(template)
            path.write_text(text_of(catalog), encoding="utf-8")
            compiled(catalog, PACKAGE / "locale" / folder.name, name)


def compiled(catalog: Catalog, folder: Path, name: str) -> None:
    target = folder / "LC_MESSAGES" / f"{name}.mo"
    target.parent.mkdir(parents=True, exist_ok=True)
    with open(target, "wb") as file:
        mofile.write_mo(file, catalog)


# ---------------------------------------------------------------------------------------- the pseudo-language

ACCENTS = str.maketrans("aeiouAEIOU", "áéíóúÁÉÍÓÚ")
# what no translator changes: code, formulas, tags, targets of links, what is filled in, subscripts, entities
KEPT = re.compile(
    r"(```.*?```|`[^`]*`|\$\$.*?\$\$|\$[^$\n]*\$|</?[a-z][^<>]*>|\]\([^)]*\)|https?://\S+|[_^]\{\{.*?\}\}|[_^]?\{[^{}]*\}|%\(\w+\)s|&\w+;|\\.)",
    re.S,
)


def pseudo(message: str) -> str:
    """⟦The mééssáágéé⟧: marked, accented, and each vowel twice, which makes it a third longer."""
    parts = KEPT.split(message)
    parts[::2] = [re.sub("[aeiouAEIOU]", lambda m: m[0].translate(ACCENTS) * 2, part) for part in parts[::2]]
    said = "".join(parts)
    begin = re.match(r"\s*", said).end()
    end = len(said.rstrip())
    return f"{said[:begin]}⟦{said[begin:end]}⟧{said[end:]}"


def pseudo_text(markdown: str) -> str:
    """The same for a text cell, line by line, so that headings, lists, tables, formulas and code stay what they are."""
    out, verbatim = [], False
    for line in markdown.split("\n"):
        verbatim ^= line.strip().startswith(("$$", "```")) and line.strip().count("$$") != 2
        mark = re.match(r"\s*(#+ |[-*] |\d+\. |> )?", line).end()
        plain = verbatim or not line[mark:].strip() or line.lstrip().startswith(("|", "<", "$$", "```", "!["))
        out.append(line if plain else line[:mark] + pseudo(line[mark:]))
    return "\n".join(out)


def write_pseudo(folder: Path) -> Path:
    """folder/xx-pseudo/LC_MESSAGES/*.mo; what `diffusion_lib.language` is given."""
    for name, template in catalogues().items():
        catalog = Catalog(locale="en", fuzzy=False)
        for message in [m for m in template if m.id]:
            how = pseudo_text if message.context else pseudo
            said = tuple(how(m) for m in message.id) if message.pluralizable else how(message.id)
            catalog.add(message.id, said, context=message.context)
        compiled(catalog, folder / "xx-pseudo", name)
    return folder / "xx-pseudo"


# ---------------------------------------------------------------------------------------- notebooks in another language


def translated(notebook: dict, catalog: dict) -> dict:
    """The notebook with other words: catalog is {(message, context): words}; what it lacks stays English."""
    new = json.loads(json.dumps(notebook))
    for cell in new["cells"]:
        text, name = "".join(cell["source"]), cell["id"]
        if cell["cell_type"] == "markdown":
            text = catalog.get((text, name), text).replace("](images/", "](../images/")
        else:
            looked_up = [(w, None) for w in shown_by_library(parsed(text))]
            for begin, end, words in reversed(written_in(text)):
                text = text[:begin] + catalog.get((words, name), words) + text[end:]
            for words, _ in looked_up:  # as literals, so that who reads the code reads these words too
                said = json.dumps(catalog.get((words, None), words), ensure_ascii=False)
                if "predict(" in text or ".reveal(" in text:
                    text = text.replace(json.dumps(words, ensure_ascii=False), said)
        cell["source"] = text.splitlines(keepends=True)
    return new


def write_notebooks(code: str) -> None:
    catalog = {}
    for path in (SOURCES / code).glob("*.po"):
        catalog |= {
            (m.id, m.context): m.string for m in read(path) if m.id and m.string and not m.fuzzy and not m.pluralizable
        }
    folder = ROOT / "notebooks" / code
    folder.mkdir(exist_ok=True)
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        new = translated(json.loads(path.read_text(encoding="utf-8")), catalog)
        (folder / path.name).write_text(json.dumps(new, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def main(argv=None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--new", metavar="xx", help="begin a language")
    parser.add_argument("--pseudo", metavar="FOLDER", help="write the pseudo-language there")
    parser.add_argument("--notebooks", metavar="xx", help="write notebooks/xx")
    given = parser.parse_args(argv)
    if given.new:
        (SOURCES / given.new).mkdir(exist_ok=True)
        (SOURCES / given.new / "course.po").write_text(text_of(Catalog(locale=given.new)), encoding="utf-8")
    if given.pseudo:
        print(write_pseudo(Path(given.pseudo)))
    elif given.notebooks:
        write_notebooks(given.notebooks)
    else:
        extract_all()


if __name__ == "__main__":
    main()
