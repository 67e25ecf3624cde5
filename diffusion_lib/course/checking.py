"""Exercises that say what went wrong: check, hint, solution, and same for a version from scratch beside the library's.

Nothing here raises because of what a learner wrote, so Run All goes on past an unfinished exercise.
"""

from __future__ import annotations

import copy
import inspect
import numbers
import time
import traceback
from functools import cache
from importlib import import_module
from pathlib import Path

import torch
from IPython.display import display
from torch import Tensor

from ..diffusion import Schedule
from ..sampling import Step
from ..words import N_, _
from . import progress
from .exercise import Exercise
from .note import Note


def check(name: str, answer) -> None:
    """Say whether a learner's function (or number) is right, and if not, why. What is right is kept, see `progress`. ValueError for an unknown name."""
    said = judge(_find(name), answer)
    if said.kind == "right":
        progress.note("solved", name, {"at": time.strftime("%Y-%m-%d")})
    display(said)


def same(mine: Tensor, theirs: Tensor) -> None:
    """Say whether two tensors are equal, but for rounding (1e-4 of the largest number), and how far apart they are."""
    # squeezed, for one number and a batch of one number are the same here
    mine, theirs = mine.detach().squeeze(), theirs.detach().squeeze()
    if form := _misshapen(mine, theirs):
        return display(Note("wrong", _("Not the same"), f"{form}."))
    gap = _("largest difference {gap:.2g}.").format(gap=float((mine.double() - theirs.double()).abs().max()))
    right = _same(mine, theirs, 1e-4)
    display(Note("right", _("The same"), gap) if right else Note("wrong", _("Not the same"), gap))


_hints_given: dict[str, int] = {}


def hint(name: str) -> None:
    """Show the next hint; the last one stays."""
    e = _find(name)
    n = _hints_given[name] = min(_hints_given.get(name, 0) + 1, len(e.hints))
    more = _('Still stuck? `solution("{name}")` shows the answer.').format(name=name)
    title = _("Hint {n} of {all}").format(n=n, all=len(e.hints))
    text = _(e.hints[n - 1])
    display(Note("info", title, f"{text} {more}" if n == len(e.hints) else text))


def solution(name: str) -> None:
    """Show the source of the right function; where the library has it, the library's own."""
    e = _find(name)
    source = inspect.getsource(e.reference)
    aside = _(e.aside) or _("one way to write it.")
    display(Note("info", _("Solution of {name}").format(name=name), aside, code=source))


@cache
def exercises() -> dict[str, Exercise]:
    """Every exercise by its name, from the lessons' rooms in the order of their numbers."""
    rooms = sorted(f.parent.name for f in Path(__file__).parent.glob("lesson*/exercises.py"))
    return {e.name: e for room in rooms for e in _of(room)}


def _of(room: str) -> tuple[Exercise, ...]:
    return import_module(f"{__package__}.{room}.exercises").EXERCISES


def _find(name: str) -> Exercise:
    """Looked for in its lesson's room, which the notebook has opened already; in all of them only to say what there is."""
    room = f"lesson{str(name)[:2]}"
    found = _of(room) if (Path(__file__).parent / room / "exercises.py").exists() else ()
    if match := next((e for e in found if e.name == name), None):
        return match
    raise ValueError(f"There is no exercise called {name!r}: choose one of {', '.join(exercises())}.")


def judge(e: Exercise, answer) -> Note:
    """The verdict on an answer, as a Note. Never raises, whatever the answer does."""
    what = f"`{answer.__name__}`" if hasattr(answer, "__name__") else _("your answer")
    text = _('fill in {what}, then run the cells again; `hint("{name}")` helps.').format(what=what, name=e.name)
    todo = Note("open", _("Not yet"), text)
    if answer is None or answer is ...:
        return todo
    if callable(answer) != bool(e.arguments):
        function = _("Hand over the function itself, without brackets.")
        return Note("wrong", _("Try again"), function if e.arguments else _("Hand over a number, not a function."))
    number = answer.squeeze() if isinstance(answer, Tensor) else answer  # [497] will do for 497
    function = answer if e.arguments else lambda *given: number
    cases = _cases(e.cases)
    got = [_run(function, case) for case in cases]
    if all(map(_unfilled, got)):
        return todo
    problem = _problem(e, function, cases, got)
    return Note("wrong", _("Try again"), problem) if problem else Note("right", _("Correct"), _(e.praise))


@cache
def _cases(make) -> list[tuple]:
    return make(torch.Generator().manual_seed(0))


@cache
def _results(known, make) -> list:
    """What a function of ours, right or a slip, says of every case: it is always the same, so it is asked once."""
    return [_run(known, case) for case in _cases(make)]


def _run(function, case: tuple):
    """function(*case) on copies, so that no function can spoil another's input. An exception is a result too."""
    try:
        result = function(*copy.deepcopy(case))
        if isinstance(result, numbers.Real) or (isinstance(result, Tensor) and result.ndim == 0):
            return torch.tensor(float(result), dtype=torch.float64)
        return result.detach().cpu().clone() if isinstance(result, Tensor) else result
    except Exception as error:
        return error


def _unfilled(result) -> bool:
    if isinstance(result, Exception):  # code that already computes with the `...` still to be filled in
        return isinstance(result, NotImplementedError) or "ellipsis" in str(result).lower()
    return result is None or result is ...


def _problem(e: Exercise, function, cases: list[tuple], got: list) -> str:
    """The most particular thing to say about a learner's results, "" if they are right."""
    want = _results(e.reference, e.cases)
    if all(map(_same, got, want)):
        return _changed(e, function, cases[0])
    for slip, sentence in e.slips.values():
        if all(_is(g, slip, said) for g, said in zip(got, _results(slip, e.cases), strict=True)):
            return _(sentence)
    for case, g, w in zip(cases, got, want, strict=True):
        if fault := _fault(g, w):
            return f"{fault}{_where(e, case)}."
    if not _same(got[0], _run(function, cases[0])):
        return _("The answer is another one each time: draw no noise in your function, use what it is given.")
    if not e.arguments:
        return _("That is too large.") if got[0] > want[0] else _("That is too small.")
    if idle := _idle(e, function, cases):
        return idle
    gaps = [(g.double() - w.double()).abs() for g, w in zip(got, want, strict=True)]
    i = max(range(len(gaps)), key=lambda i: float(gaps[i].max()))
    at = tuple(int(k) for k in torch.unravel_index(gaps[i].argmax(), gaps[i].shape))
    said = _("The largest difference is {gap:.4g}{where}: at {at} expected {right:.6g}, but got {mine:.6g}.")
    numbers = {"gap": gaps[i].max(), "right": want[i][at], "mine": got[i][at]}
    return said.format(**numbers, where=_where(e, cases[i]), at=list(at))


def _is(got, slip, result) -> bool:
    """Is this result the slip's? An error counts only where the slip is known to end in one: else our own code is broken."""
    if isinstance(got, Tensor) and isinstance(result, Tensor) and bool(result.any()):
        # by value: who counts in whole numbers makes the same slip; 0s say nothing, they may be rounded
        got, result = got.double(), result.double()
    return _same(got, result) and (not isinstance(result, Exception) or hasattr(slip, "stops"))


def _same(a, b, tolerance: float = 1e-5) -> bool:
    """Equal within `tolerance` of the largest number, so that float32 will do; or the same error in the same words."""
    if isinstance(a, Exception):
        return type(a) is type(b) and str(a) == str(b)
    if not isinstance(b, Tensor) or _misshapen(a, b):
        return False
    a, b = a.double(), b.double()
    atol = tolerance * float(b.nan_to_num(0, 0, 0).abs().max()) + 1e-12
    return torch.allclose(a, b, rtol=0, atol=atol, equal_nan=True)


WHOLE_STEP = N_("a whole Step: the sample that it leads to is its `.xs`")
# what stands in an error -> what to do about it: errors of the tools, in their own words, that learners meet here
ADVICE = {
    "Step": N_("`reverse_step` returns {step}"),
    "can be converted to Python scalars": N_(
        "`math.sqrt` and `float` take one number: read one entry of a table, `[t]`, or use `.sqrt()`"
    ),
    "must be real number, not": N_("`math` works on one number: read one entry of a table, `[t]`, or use `.sqrt()`"),
}


def _advice(error: str) -> str:
    found = next((words for key, words in ADVICE.items() if key in error), "")
    return "; " + _(found).format(step=_(WHOLE_STEP)) if found else ""


def _misshapen(got, want: Tensor) -> str:
    """What is wrong with the form of a result, "" if nothing is."""
    if not isinstance(got, Tensor):
        kind = _("nothing (is a `return` missing?)") if got is None else _("a {type}").format(type=type(got).__name__)
        tensor = _("The answer is {kind}, but should be a tensor")
        whole = _("The answer is {kind}, but should be a whole number")
        return (tensor if want.ndim else whole).format(kind=kind)
    if got.shape != want.shape:
        return _("The shape is {mine}, but should be {right}").format(mine=tuple(got.shape), right=tuple(want.shape))
    if got.is_floating_point() != want.is_floating_point():
        return _("The numbers are {mine}, but should be {right}").format(mine=got.dtype, right=want.dtype)
    return ""


def _fault(got, want: Tensor) -> str:
    """What else makes comparing numbers useless: an error, a wrong form, NaN, half a step."""
    if isinstance(got, Exception):
        frames = traceback.extract_tb(got.__traceback__)[1:]  # the first is _run's, the next the learner's
        lines = [_(" (in `{line}`)").format(line=f.line) for f in frames if f.filename == frames[0].filename]
        message = (str(got).splitlines() or [""])[0][:200]
        error = _("Your code stops with {error}").format(error=f"{type(got).__name__}: {message}")
        return f"{error}{lines[-1] if lines else ''}{_advice(str(got))}"
    if isinstance(got, Step):
        return _("The answer is {step}").format(step=_(WHOLE_STEP))
    if form := _misshapen(got, want):
        return form
    if not bool(got.isfinite().all()):
        return _("There is NaN or infinity in the result: look for the root of a negative number or a division by 0")
    return "" if want.ndim or got == got.round() else _("The answer should be a whole number")


def _idle(e: Exercise, function, cases: list[tuple]) -> str:
    """Which argument makes no difference to a learner's result, though it should; "" if each does."""
    for i, name in enumerate(e.arguments):
        others = [(*case[:i], _other(case[i]), *case[i + 1 :]) for case in cases]
        matters = [k for k, o in enumerate(others) if o[i] is not None and _differs(e.reference, cases[k], o)]
        if matters and not any(_differs(function, cases[k], others[k]) for k in matters):
            if isinstance(cases[0][i], Schedule):
                return _(
                    "Your answer does not change with `{name}`: it seems to read a table from outside your function. Use the tables of the `{name}` that it is given."
                ).format(name=name)
            return _("Your answer does not change when `{name}` does: is it forgotten?").format(name=name)
    return ""


def _other(value):
    """Another value of the same kind; None where there is none to think of."""
    if isinstance(value, Schedule):
        return Schedule.of("sigmoid" if value.name == "linear" else "linear", value.T)
    if isinstance(value, Tensor):
        return 1.5 * value + 0.25 if value.is_floating_point() else None
    if isinstance(value, int):
        return value - 1 if value > 1 else value + 1
    return 1.25 * value if isinstance(value, float) else None


def _differs(function, case: tuple, other: tuple) -> bool:
    a, b = _run(function, case), _run(function, other)
    return isinstance(a, Exception) or isinstance(b, Exception) or not _same(a, b)


def _where(e: Exercise, case: tuple) -> str:
    """, with t = 3, T = 10 and xs of shape (4, 2)"""
    named = list(zip(e.arguments, case, strict=False))
    facts = [f"{name} = {a}" for name, a in named if isinstance(a, int)]
    facts += [f"T = {a.T}" for a in case if isinstance(a, Schedule)]
    shapes = [(name, tuple(a.shape)) for name, a in named if isinstance(a, Tensor)][:1]
    facts += [_("{name} of shape {shape}").format(name=name, shape=shape) for name, shape in shapes]
    return _(", with {facts}").format(facts=", ".join(facts)) if facts else ""


def _changed(e: Exercise, function, case: tuple) -> str:
    mine = copy.deepcopy(case)
    _run(lambda *given: function(*mine), case)
    for name, now, before in zip(e.arguments, mine, case, strict=False):
        if isinstance(before, Tensor) and not torch.equal(now, before):
            return _(
                "The result is right, but your function also changes `{name}`, which its caller may still need: do not use `+=`, `*=` or `{name}[...] =` on it."
            ).format(name=name)
    return ""
