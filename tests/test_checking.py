"""The checker is checked: what is unfilled, wrong in form, wrong in value, or breaks, is told in one line."""

import dataclasses
import math
import re
from fractions import Fraction

import numpy as np
import pytest
import torch

from diffusion_lib.course import checking as c
from diffusion_lib.course.checking import check, exercises, hint, judge, same, solution
from diffusion_lib.course.note import _KINDS, Note
from diffusion_lib.diffusion import convert

pytestmark = pytest.mark.usefixtures("one_thread")

EXERCISES = exercises()
FUNCTIONS = [e for e in EXERCISES.values() if e.arguments]


def by_name(e):
    return e.name if hasattr(e, "name") else None


def say(name, answer, capsys):
    check(name, answer)
    return capsys.readouterr().out


def test_gradients_and_numbers_of_any_make_are_welcome():
    e = EXERCISES["01.step"]
    assert judge(e, lambda *a: e.reference(*a).requires_grad_()).kind == "right"
    for number in (497, 497.0, torch.tensor(497), torch.tensor([497]), np.int64(497), Fraction(497)):
        assert judge(EXERCISES["01.half"], number).kind == "right"


# ---------------------------------------------------------------------------------------- not yet


def computes_with_dots(*args):
    weight = ...
    return weight * args[0]


def counts_to_dots(*args):
    for t in range(...):
        print(t)


def not_implemented(*args):
    raise NotImplementedError


STUBS = [lambda *a: None, lambda *a: ..., computes_with_dots, counts_to_dots, not_implemented]


@pytest.mark.parametrize("e", EXERCISES.values(), ids=by_name)
def test_unfilled_is_not_yet(e, capsys):
    for stub in (None, ..., *(STUBS if e.arguments else [])):
        said = say(e.name, stub, capsys)
        assert said.startswith("○ Not yet: fill in ") and f'hint("{e.name}")' in said


# ---------------------------------------------------------------------------------------- wrong in no known way


def test_unknown_slip_gets_the_largest_difference_and_its_place(capsys):
    def five_more_at_one_place(xs, t, eps, schedule):
        x = EXERCISES["01.step"].reference(xs, t, eps, schedule)
        if t == 5 and x.shape == (4, 2):
            x[3, 1] += 5
        return x

    said = say("01.step", five_more_at_one_place, capsys)
    assert (
        "✗ Try again: The largest difference is 5, with t = 5, T = 10, xs of shape (4, 2): at [3, 1] expected " in said
    )
    expected, got = (float(word.strip(",.\n ")) for word in said.split("expected ")[1].split("but got "))
    assert got - expected == pytest.approx(5, abs=1e-4)


@pytest.mark.parametrize("e", FUNCTIONS, ids=by_name)
def test_an_unrelated_function_is_no_known_slip(e):
    def unrelated(*args):
        return (e.reference(*args) * 3 + 7).to(e.reference(*args).dtype)

    assert "The largest difference is " in judge(e, unrelated).text


FAULTS = {
    "The shape is (": lambda right: right[:-1],
    "a list, but should be a tensor": lambda right: right.tolist(),
    "a tuple, but should be a tensor": lambda right: (right, 0),
    "The numbers are torch.": lambda right: right.long() if right.is_floating_point() else right.double(),
    "There is NaN or infinity": lambda right: right * math.nan,
    "There is NaN or infinity ": lambda right: right / 0,
}


@pytest.mark.parametrize("words", FAULTS)
@pytest.mark.parametrize("e", FUNCTIONS, ids=by_name)
def test_faults_of_form(e, words):
    note = judge(e, lambda *args: FAULTS[words](e.reference(*args)))
    if e.name in ("03.copy", "04.forgotten", "10.drop") and "NaN" in words:
        words = "The numbers are torch."  # NaN is no whole number either
    assert note.kind == "wrong" and words in note.text


def test_a_slip_is_known_by_its_values_whatever_their_kind():
    """Who counts in whole numbers makes the same slip, and fractions are not rounded to make them one."""
    near = lambda s, r, k: torch.cdist(r, s) < torch.cdist(r, r).kthvalue(k + 1).values[:, None]
    for kind in (torch.int64, torch.int32, torch.float32, torch.float64):
        note = judge(EXERCISES["07.coverage"], lambda s, r, k, kind=kind: near(s, r, k).sum(1).to(kind))
        assert "This counts the samples" in note.text, kind
    counts = lambda x: x.abs().floor().long() + 1
    e = dataclasses.replace(
        EXERCISES["07.coverage"],
        cases=lambda g: [(torch.randn(9),)],
        reference=lambda x: x,
        slips={"counts": (counts, "It counts.")},
    )
    assert judge(e, counts).text == judge(e, lambda x: counts(x).double()).text == "It counts."
    assert judge(e, lambda x: counts(x) + 0.5).text != "It counts."


def test_a_return_missing_on_one_way_only():
    def only_late(xs, t, eps, schedule):
        if t > 1:
            return EXERCISES["01.step"].reference(xs, t, eps, schedule)

    assert (
        "nothing (is a `return` missing?), but should be a tensor, with t = 1"
        in judge(EXERCISES["01.step"], only_late).text
    )


def breaks_at_the_end(xs, t, eps, schedule):
    b = schedule.beta[t]
    if t == schedule.T:
        return xs + schedule.betas[t]  # no such table
    return (1 - b).sqrt() * xs + b.sqrt() * eps


def test_errors_are_one_line_with_the_learners_own_line():
    text = judge(EXERCISES["01.step"], breaks_at_the_end).text
    assert "Your code stops with AttributeError: 'Schedule' object has no attribute 'betas'" in text
    assert "(in `return xs + schedule.betas[t]  # no such table`), with t = 10, T = 10" in text and "\n" not in text


def test_an_error_inside_the_library_points_at_the_learners_line():
    text = judge(EXERCISES["03.guess"], lambda xt, e, t, s: convert(e, "noise", "x0", xt, t, s)).text
    assert "A network cannot predict 'noise'" in text and 'convert(e, "noise"' in text


def test_wrong_arguments_and_values_for_functions():
    e = EXERCISES["01.step"]
    assert "takes 2 positional arguments but 4 were given" in judge(e, lambda xs, t: xs).text
    assert judge(e, torch.zeros(3)).text == "Hand over the function itself, without brackets."
    assert judge(EXERCISES["01.half"], len).text == "Hand over a number, not a function."


def test_numbers_are_judged_without_giving_them_away():
    e = EXERCISES["01.half"]
    assert judge(e, 3).text == "That is too small." and judge(e, 700).text == "That is too large."
    assert "whole number" in judge(e, 0.26).text and "whole number" in judge(e, "497").text
    assert not any("497" in judge(e, n).text for n in (3, 700, 0.26, 496, 498, 500, [497]))


def test_drawing_own_noise_is_noticed():
    e = EXERCISES["01.step"]
    assert "another one each time" in judge(e, lambda xs, t, eps, s: e.reference(xs, t, torch.randn_like(xs), s)).text


def test_input_changed_in_place_fools_nobody():
    e = EXERCISES["01.step"]

    def zeroes_everything(xs, t, eps, schedule):
        schedule.alpha_bar.fill_(1)
        eps.zero_()
        return xs.zero_()

    def right_but_careless(xs, t, eps, schedule):
        xs *= schedule.alpha[t].sqrt()
        xs += schedule.beta[t].sqrt() * eps
        return xs

    assert judge(e, zeroes_everything).kind == "wrong"
    assert "right, but your function also changes `xs`" in judge(e, right_but_careless).text
    assert judge(e, e.reference).kind == "right"


def test_a_result_that_is_changed_later_is_judged_as_it_was():
    e, kept = EXERCISES["01.step"], {}

    def one_box_for_all(xs, t, eps, schedule):
        box = kept.setdefault(xs.shape, torch.empty_like(xs))
        return box.copy_(e.reference(xs, t, eps, schedule))

    assert judge(e, one_box_for_all).kind == "right"


# ---------------------------------------------------------------------------------------- hint, solution, same


def test_hints_come_one_by_one_and_the_last_one_stays(capsys, monkeypatch):
    monkeypatch.setattr(c, "_hints_given", {})
    said = []
    for _ in range(4):
        hint("01.jump")
        said.append(capsys.readouterr().out)
    assert [s.split(":")[0] for s in said] == [f"▸ Hint {n} of 3" for n in (1, 2, 3, 3)]
    assert all(h in s for h, s in zip(EXERCISES["01.jump"].hints, said, strict=False))
    assert 'solution("01.jump")' in said[2] and 'solution("01.jump")' not in said[1]
    hint("01.step")
    assert "Hint 1" in capsys.readouterr().out


@pytest.mark.parametrize("e", EXERCISES.values(), ids=by_name)
def test_solution_shows_code(e, capsys):
    solution(e.name)
    said = capsys.readouterr().out
    assert f"def {e.reference.__name__}(" in said and "return " in said


@pytest.mark.parametrize("verb", [hint, solution, lambda name: check(name, None)])
def test_unknown_name_is_one_sentence_with_the_known_ones(verb):
    with pytest.raises(
        ValueError, match=r"no exercise called '01.leap': choose one of 01.step, 01.jump, .*03.copy.*\.$"
    ):
        verb("01.leap")


def test_same(capsys):
    x = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
    for other, words in (
        (x.double() + 1e-7, "✓ The same: largest difference 1e-07"),
        (x * 1.01, "✗ Not the same: largest difference 0.0"),
        (x[0], "✗ Not the same: The shape is (3, 4), but should be (4,)"),
        (x[None], "✓ The same: largest difference 0."),
    ):
        same(x, other)
        assert words in capsys.readouterr().out


def test_notes_escape_and_never_rely_on_colour():
    def bad(*args):
        raise RuntimeError("<script>alert(1)</script>")

    for shown in (judge(EXERCISES["01.step"], bad), Note("open", "<b>", "<i>", (("<u>", "<s>"),), "<p>")):
        html = shown._repr_html_()
        assert not any(tag in html for tag in ("<script", "<i>", "<u>", "<s>", "<p>"))
        assert shown.title in ("Try again", "<b>") and _KINDS[shown.kind][0] in html
        assert "&lt;" in html and "font-size:17px" in html and "var(--jp-" in html


# ---------------------------------------------------------------------------------------- in a notebook


@pytest.mark.heavy
@pytest.mark.xdist_group("nbformat")
def test_a_notebook_runs_through_unfilled_and_filled(tmp_path):
    sources = [
        "from diffusion_lib.course import check, hint, predict, solution",
        "def mine(xs, t, eps, schedule):\n    return ...\n\ncheck('01.step', mine)",
        "def mine(xs, t, eps, schedule):\n    return schedule.alpha[t].sqrt() * xs + schedule.beta[t] * eps\n\ncheck('01.step', mine)",
        "def mine(xs, t, eps, schedule):\n    return xs @ eps @ schedule\n\ncheck('01.step', mine)",
        "hint('01.step')\nsolution('01.step')",
        "guess = predict('Add or multiply?', ['add', 'multiply'])",
        "guess.reveal('multiply', because='each step must happen')",
        "guess.buttons[1].click(); print(guess.guess)",
        "guess.reveal('multiply', because='each step must happen')",
    ]
    import nbformat  # a second and a half
    from nbclient import NotebookClient

    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(s) for s in sources])
    NotebookClient(notebook, timeout=60, kernel_name="python3", resources={"metadata": {"path": tmp_path}}).execute()
    said = ["".join(o.get("text") or o["data"]["text/plain"] for o in cell.outputs) for cell in notebook.cells]
    for text, words in zip(
        said[1:],
        [
            "○ Not yet: fill in `mine`",
            "the square root of beta is missing",
            "(in `return xs @ eps @ schedule`)",
            "def forward_step(",
            "Choose one: add / multiply",
            "Make your guess first",
            "multiply",
            "✓ Well guessed",
        ],
        strict=True,
    ):
        assert words in text
    assert "each step" not in said[6] and all("text/html" in o.data for o in notebook.cells[2].outputs)


def test_too_large_and_too_small_and_the_numbers_that_differ():
    e = EXERCISES["01.half"]
    right = e.reference(*e.cases(torch.Generator())[0])
    assert "too large" in judge(e, right + 37).text and "too small" in judge(e, right - 37).text
    step = EXERCISES["01.step"]

    def off(*args):
        x = step.reference(*args).clone()
        x.view(-1)[0] += 1000
        return x

    said = re.search(r"expected (\S+), but got (\S+)\.", judge(step, off).text)
    assert float(said[2]) - float(said[1]) == pytest.approx(1000, rel=1e-3)
