"""Lesson 13 as a learner meets it: Run All in a real JupyterLab, then a scene chosen, an option moved, buttons pressed, a line copied."""

from pathlib import Path

import pytest
from browser import ask_kernel, saved, screenshot
from pages import cell
from PIL import Image

pytestmark = pytest.mark.browser
LOOK = {"width": 1366, "height": 768}
PLACE = "13-play-code"


def form(p):
    return cell(p, PLACE).locator(".st")


def folder(p) -> Path:
    """Where the kernel works: beside the notebook."""
    return Path(ask_kernel(p, "__import__('os').getcwd()").strip("'"))


def shown(out) -> str:
    """Which picture the preview shows."""
    return out.locator(".st-view img").get_attribute("src")


def changes(p, out, act):
    """The preview is another one after this, and nobody waits for anything."""
    before = shown(out)
    act()
    p.wait_for_function(
        "([el, before]) => el.src !== before", arg=[out.locator(".st-view img").element_handle(), before]
    )
    out.locator(".st-works").wait_for(state="hidden")


def command(out) -> str:
    return out.get_by_label("The same from a terminal", exact=True).inner_text()


def choose(p, out, scene):
    changes(p, out, lambda: out.get_by_label("Choose a scene", exact=True).select_option(scene))


def test_a_scene_is_chosen_changed_and_seen(lesson):
    p, out = lesson, form(lesson)
    assert command(out).startswith(
        "python -m diffusion_lib figure forward --caption 'blue and yellow flower at night' --out"
    )
    screenshot(p, "lesson13-play-code")
    changes(p, out, lambda: out.get_by_label("background", exact=True).select_option("dark"))
    assert "--background dark" in command(out)
    changes(
        p, out, lambda: out.get_by_label("caption", exact=True).fill("sleepy black cat")
    )  # a caption is typed, not sent
    assert "--caption 'sleepy black cat'" in command(out) and "sleepy black cat" in out.locator(
        ".st-view img"
    ).get_attribute("alt")
    p.wait_for_timeout(1200)  # at rest: the kernel draws a still of it, which the next save keeps
    (kept,) = [
        o["data"] for c in saved(p) if c["id"] == PLACE for o in c["outputs"] if "image/png" in o.get("data", {})
    ]
    assert "sleepy black cat" in kept["text/plain"] and "--background dark" in kept["text/plain"]
    choose(p, out, "calls")
    assert out.get_by_label("caption", exact=True).count() == 0 and "figure calls --background dark" in command(out)
    choose(p, out, "forward")
    assert out.get_by_label("caption", exact=True).input_value() == "sleepy black cat"  # nothing is lost
    out.locator("summary").click()
    slider = out.get_by_label("font, as a slider")
    changes(p, out, lambda: (slider.focus(), slider.press("ArrowRight"), slider.press("ArrowRight")))
    assert "--font 12" in command(out)
    changes(p, out, lambda: out.get_by_label("Back to what is usual: font").click())
    assert "--font" not in command(out) and out.get_by_label("font", exact=True).input_value() == ""


def test_a_mistake_stands_at_its_field_and_the_picture_stays(lesson):
    p, out = lesson, form(lesson)
    before, field = shown(out), out.get_by_label("T", exact=True)
    field.fill("9999")
    field.press("Tab")
    out.get_by_text("a whole number from 2 to 5,000, and this is 9999").first.wait_for()
    assert field.get_attribute("aria-invalid") == "true" and shown(out) == before
    screenshot(p, "lesson13-mistake")
    changes(p, out, lambda: field.fill("50"))
    assert out.locator(".st-wrong").count() == 0
    changes(p, out, lambda: field.fill(""))


def test_controls_and_preview_are_seen_together(lesson):
    """On a common screen, on a low one, and on a phone, where the preview stays while one scrolls through the fields."""
    p = lesson
    for width, height in ((1366, 768), (911, 512)):
        p.set_viewport_size({"width": width, "height": height})
        out = form(p)
        out.scroll_into_view_if_needed()
        p.wait_for_function(
            "(el) => el.getBoundingClientRect().height < innerHeight", arg=out.locator(".st-all").element_handle()
        )
        all_of_it, view, line = (out.locator(s).bounding_box() for s in (".st-all", ".st-view", ".st-more"))
        area = p.evaluate("document.querySelector('.jp-WindowedPanel-outer').clientHeight")
        assert (
            all_of_it["height"] <= area
            and view["height"] > 90
            and line["y"] + line["height"] <= all_of_it["y"] + all_of_it["height"] + 1
        )
        screenshot(p, f"lesson13-{width}")
    p.set_viewport_size({"width": 390, "height": 844})
    out = form(p)
    out.get_by_label("seed", exact=True).scroll_into_view_if_needed()
    view, field = out.locator(".st-view").bounding_box(), out.get_by_label("seed", exact=True).bounding_box()
    assert (
        view["y"] >= 0
        and view["y"] + view["height"] <= field["y"] + 1
        and field["y"] < 844
        and out.locator(".st-all").evaluate("(el) => el.scrollWidth <= el.clientWidth")
    )
    screenshot(p, "lesson13-phone")
    p.set_viewport_size(LOOK)


def test_a_picture_of_ones_own_becomes_a_file_and_its_command_is_copied(lesson, tmp_path):
    p, out, here = lesson, form(lesson), folder(lesson)
    p.context.grant_permissions(["clipboard-read", "clipboard-write"])
    Image.new("RGB", (40, 30), "teal").save(tmp_path / "my sea.png")
    changes(p, out, lambda: out.locator("input[type=file]").first.set_input_files(tmp_path / "my sea.png"))
    assert (here / "my sea.png").read_bytes() == (tmp_path / "my sea.png").read_bytes()
    assert "--image 'my sea.png'" in command(out) and out.get_by_label("caption", exact=True).input_value() == ""
    out.get_by_role("button", name="Write PNG").click()
    made = out.locator(".st-made article").first
    made.wait_for()
    made.get_by_text("forward.png").first.wait_for()
    assert Image.open(here / "forward.png").text["Comment"] == command(out)
    out.get_by_role("button", name="Copy: The same from a terminal").first.click()
    out.get_by_text("Copied").first.wait_for()
    assert p.evaluate("navigator.clipboard.readText()") == command(out)
    alt = Image.open(here / "forward.png").text["Description"]
    p.evaluate(
        "Object.defineProperty(navigator, 'clipboard', { value: undefined, configurable: true })"
    )  # as without HTTPS
    out.get_by_role("button", name="Copy: Alt text: forward.png").click()
    out.get_by_role("button", name="Copy: Alt text: forward.png").get_by_text("Copied").wait_for()
    p.evaluate("delete navigator.clipboard")
    assert p.evaluate("navigator.clipboard.readText()") == alt
    assert alt in made.inner_text() and f'alt="{alt}"' in made.inner_text()
    out.get_by_role("button", name="Write SVG").click()
    out.get_by_text("✓ forward.svg").first.wait_for()
    assert "</svg>" in (here / "forward.svg").read_text()
    screenshot(p, "lesson13-made")


def test_a_film_and_a_page_are_previewed_and_written(lesson):
    p, out, here = lesson, form(lesson), folder(lesson)
    out.get_by_label("t", exact=True).fill("0 500 1000")
    changes(p, out, lambda: out.get_by_role("radio", name="Film").click())
    assert out.get_by_label("fps", exact=True).count() == 1 and command(out).endswith("--out forward.gif")
    out.get_by_role("button", name="Write GIF").click()
    out.get_by_text("✓ forward.gif").first.wait_for()
    assert Image.open(here / "forward.gif").n_frames == 3
    mp4 = out.get_by_role("button", name="Write MP4")
    assert mp4.is_enabled() or "needs the program ffmpeg" in mp4.get_attribute("title")
    out.get_by_role("radio", name="Film").press("ArrowRight")  # the keyboard goes on to the next
    page = out.locator("iframe").content_frame.locator("input[type=range]")
    page.wait_for()
    assert out.get_by_role("radio", name="Page").get_attribute("aria-checked") == "true"
    screenshot(p, "lesson13-page")
    changes(p, out, lambda: out.get_by_role("radio", name="Picture").click())


def test_long_work_has_a_sign_and_stops(lesson):
    p, out = lesson, form(lesson)
    changes(p, out, lambda: out.get_by_label("Choose a scene", exact=True).select_option("prompt"))
    before = shown(out)
    out.get_by_label("steps", exact=True).fill("1000")
    out.get_by_text("Working …").first.wait_for()
    screenshot(p, "lesson13-working")
    out.get_by_role("button", name="Stop", exact=True).click()
    out.get_by_text("Stopped: what you see").first.wait_for()
    assert shown(out) == before and out.locator(".st-works").is_hidden()
    changes(p, out, lambda: out.get_by_label("steps", exact=True).fill("2"))
    assert out.get_by_text("Understood: blue").count()
