"""The map of z and the pad on a page of their own, in the light and in the dark: what is painted there, and that it is seen."""

import base64
import io
import json

import numpy as np
import pytest
from browser import page
from PIL import Image
from test_theme import contrast

from diffusion_lib.course.lesson04 import own
from diffusion_lib.course.lesson09 import latents
from diffusion_lib.viz import theme

pytestmark = pytest.mark.browser
PAGE = """<!doctype html><style>body {{ margin: 20px; background: {page}; color: {ink}; }}</style><main></main><script type="module">
{code}
const film = {film};
for (const key in film) if (film[key]?.base64) film[key] = new DataView(Uint8Array.from(atob(film[key].base64), (c) => c.charCodeAt(0)).buffer);
const words = {said};
const state = {{ film, words, at: [0, 0] }};
window.sent = [];
render({{ el: document.querySelector("main"), model: {{ get: (key) => state[key], set: (key, value) => (state[key] = value), on() {{}}, off() {{}},
  save_changes() {{}}, send: (content, _, buffers) => window.sent.push([...new Uint8Array(buffers[0])]) }} }});
</script>"""


MODULES = {"map.js": latents, "pad.js": own}  # beside which it lies


def a_map():
    """Seven digits of 2 x 2 pixels on a line, each with a colour of its own; decoded: grey that grows to the right."""
    rng, bytes_ = np.random.default_rng(0), lambda a: {"base64": base64.b64encode(a.tobytes()).decode()}
    decoded = np.broadcast_to(np.linspace(0, 255, 9).astype(np.uint8)[None, :, None], (9, 9, 4))
    points = np.stack([np.linspace(-2.4, 2.4, 7), np.full(7, 1.5)], 1).astype("<f4")
    return {
        "decoded": bytes_(decoded),
        "real": bytes_(rng.integers(0, 256, (7, 4), np.uint8)),
        "label": bytes_(np.arange(7, dtype=np.uint8)),
        "points": bytes_(points),
        "steps": 9,
        "limit": 3.0,
        "height": 2,
        "width": 2,
        "names": list("0123456"),
        "alt": "A map.",
    }


@pytest.fixture(params=[False, True], ids=["light", "dark"])
def opened(request, chrome):
    """opened(name, film) -> (page, its colours): a script on a page of this theme, and nothing went wrong there."""
    colours = theme.DARK if request.param else theme.LIGHT
    with page(chrome, dark=request.param, offline=True, width=900, height=600) as p:

        def show(name, film):
            p.set_content(
                PAGE.format(
                    code=theme.script(MODULES[name].__file__, name),
                    film=json.dumps(film),
                    said=json.dumps(MODULES[name].WORDS),
                    **colours,
                )
            )
            p.locator("main canvas").first.wait_for()
            p.wait_for_function(
                f"document.querySelector('main > div').classList.contains('in-the-dark') === {str(request.param).lower()}"
            )
            return p, colours

        yield show
        assert p.errors == [] and p.requests == []


def pixels(canvas):
    url = canvas.evaluate("(c) => c.toDataURL()")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.split(",")[1]))).convert("RGB"))


def seen(p, box):
    """What the screen shows of (left, top, width, height)."""
    clip = dict(zip(("x", "y", "width", "height"), box, strict=True))
    return np.asarray(Image.open(io.BytesIO(p.screenshot(clip=clip))).convert("RGB"))


def strongest(picture):
    """The commonest colour of a picture, and the contrast of the colour that stands out most from it."""
    colours, counts = np.unique(picture.reshape(-1, 3), axis=0, return_counts=True)
    paper = colours[counts.argmax()]
    return tuple(paper), max(contrast(tuple(paper), tuple(c)) for c in colours)


def rgb(hue):
    return tuple(bytes.fromhex(hue[1:]))


def test_the_map(opened):
    p, colours = opened("map.js", a_map())
    the_map = p.locator(".lm-map")
    face = pixels(the_map)
    there = {tuple(c) for c in np.unique(face.reshape(-1, 3), axis=0)}
    assert tuple(face[5, 5]) == rgb(theme.LIGHT["card"])  # paper in both themes
    for hue in theme.LIGHT["words"]:
        assert rgb(hue) in there and contrast(rgb(hue), tuple(face[5, 5])) >= 4.5, hue
    assert (0, 0, 0) in there  # the ring
    p.get_by_role("button", name="What is decoded everywhere").click()
    tiles = pixels(the_map)
    assert tiles[425, 5:45].max() == 0 and tiles[425, 755:795].min() == 255  # from black to white
    ring = [tuple(c) for c in np.unique(tiles[370:431, 370:431].reshape(-1, 3), axis=0)]
    for under in (0, 128, 255):  # whatever lies below, an edge of the ring is seen on it
        assert max(contrast(c, (under,) * 3) for c in ring) >= 3
    paper = rgb(colours["page"])
    for part in (".lm-says", "figcaption >> nth=0"):
        found, best = strongest(seen(p, p.locator(part).bounding_box().values()))
        assert found == paper and best >= 4.5, part
    for button in p.locator(".lm button").all():
        found, best = strongest(seen(p, button.bounding_box().values()))
        assert found == rgb(colours["card"]) and best >= 4.5
    left, top, _, high = the_map.bounding_box().values()
    edge = seen(p, (left - 3, top + high / 2, 6, 1))[0]
    assert tuple(edge[0]) == paper and max(contrast(tuple(c), paper) for c in edge) >= 3


def test_the_pad(opened):
    p, colours = opened("pad.js", {})
    pad = p.locator("canvas")
    left, top, wide, high = pad.bounding_box().values()
    paper = rgb(colours["page"])
    edge = seen(p, (left - 3, top + high / 2, 6, 1))[0]
    # black on nearly black has an edge
    assert tuple(edge[0]) == paper and max(contrast(tuple(c), paper) for c in edge) >= 3
    assert pixels(pad).max() == 0
    p.mouse.move(left + 0.5 * wide, top + 0.2 * high)
    p.mouse.down()
    p.mouse.move(left + 0.5 * wide, top + 0.8 * high, steps=5)
    p.mouse.up()
    drawn = pixels(pad)
    assert drawn[140, 140].min() == 255 and drawn[140, 20].max() == 0 and drawn[10, 140].max() == 0
    for button in p.get_by_role("button").all():
        found, best = strongest(seen(p, button.bounding_box().values()))
        assert found == rgb(colours["card"]) and best >= 4.5
    p.get_by_role("button", name="Add this drawing").click()
    sent = np.array(p.evaluate("window.sent[0]")).reshape(28, 28)
    assert sent[14, 13:15].min() > 200 and sent[14, 2] == 0  # as bright in both themes
    assert pixels(pad).max() == 0
