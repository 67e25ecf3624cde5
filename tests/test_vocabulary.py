"""One thing, one word, and the field's: in lessons, labels, docstrings and the pages beside them. And a view says what to do with it."""

import json
import re
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
WORDS = {  # what is written -> what is not
    "optimal denoiser": "perfect denoiser, ideal denoiser, exact denoiser, oracle denoiser",
    "guidance weight w": "weight of guidance, guidance scale, guidance strength",
    "reconstruction term": "surprise +, surprise term",
    "latent space": "hidden space",
    "optimizer": "optimiser",
    "reverse process": "backward process, denoising process",
    "forward process": "noising process, diffusing process",
    "counterfeiter": "forger",
}
READ = [
    *NOTEBOOKS,
    *(ROOT / "diffusion_lib").rglob("*.py"),
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "benchmarks" / "README.md",
]


def test_one_thing_has_one_word():
    for path in READ:
        said = path.read_text(encoding="utf-8").lower()
        for right, others in WORDS.items():
            found = [word for word in others.split(", ") if word in said]
            assert not found, f"{path.name} says “{found[0]}”: here it is called {right}"


# views that are tables or stand still, so that there is nothing to touch
STILL = re.compile(
    r"views\.(\w*table|quality|verdict|ledger|across|cures|disguises|same_trade|trade_off|kept|copies|on_a_phone|other_eyes|film_sizes|article)\("
)
TOUCH = re.compile(
    r"\b(move|slide|drag|press|play|type|scrub|step through|step it|rewinds?|click|draw|try|choose|point at|walk it)\b",
    re.I,
)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_view_has_a_first_thing_to_touch(path):
    """The text between the view before and this one says it: move the slider, press a button, draw."""
    said = ""
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        text = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            said += text
        elif re.search(r"views\.\w+\(", text) and not STILL.search(text.splitlines()[-1]):
            assert TOUCH.search(said), f"{cell['id']} shows a view, and nothing before it says what to do with it"
            said = ""


@pytest.mark.parametrize("path", NOTEBOOKS[1:], ids=lambda p: p.stem)  # the tour has none
def test_exercises_rise(path):
    """The first says where in the lesson its answer stands, the last and no other that it stands in no cell; numbers ascend."""
    cells = ["".join(c["source"]) for c in json.loads(path.read_text(encoding="utf-8"))["cells"]]
    texts = [before for before, cell in pairwise(cells) if re.search(r"^check\(", cell, re.M)]
    if not texts:
        return  # a lesson without exercises
    assert texts[0].startswith("## Exercises") and re.search(r"\b(above|[Ss]ection \d)", texts[0])
    assert ["No cell above has this one." in text for text in texts] == [False] * (len(texts) - 1) + [True]
    numbers = [int(n) for text in texts for n in re.findall(r"^### Exercise (\d+)", text, re.M)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert max(int(n) for cell in cells for n in re.findall(r"\b[Ee]xercise (\d+)", cell)) == len(numbers)
