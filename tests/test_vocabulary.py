"""One thing, one word, and the field's: in lessons, labels, docstrings and the pages beside them. And a view says what to do with it."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
WORDS = {  # what is not written -> what is
    r"(perfect|ideal|exact|oracle|Bayes) denoiser": "optimal denoiser (of a finite set, of a distribution)",
    r"weight of guidance|guidance (scale|strength|weighting)": "guidance weight w",
    r"hidden space": "latent space",
    r"optimiser": "optimizer, as in PyTorch",
    r"(backward|denoising) process": "reverse process",
    r"(noising|diffusing) process": "forward process",
    r"\bforger": "counterfeiter, the word of the GAN paper's story",
    r"price of surprise|surprise \+ KL": "reconstruction term",
}
READ = [
    *NOTEBOOKS,
    *(ROOT / "diffusion_lib").rglob("*.py"),
    *(ROOT / "diffusion_lib").rglob("*.js"),
    ROOT / "CONTRIBUTING.md",
]


def test_one_thing_has_one_word():
    for path in READ:
        said = path.read_text(encoding="utf-8")
        for word, right in WORDS.items():
            found = re.search(word, said, re.I)
            assert not found, f"{path.name} says “{found[0]}”: here it is called {right}"


# views that are tables or stand still, so that there is nothing to touch
STILL = re.compile(
    r"views\.(\w*table|quality|verdict|ledger|across|cures|disguises|same_trade|trade_off|kept|copies)\("
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
