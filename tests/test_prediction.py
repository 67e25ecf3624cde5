"""A guess before the answer: it is kept, compared, and does not spoil what comes."""

import threading

import pytest

from diffusion_lib.course import prediction as predictions
from diffusion_lib.course.prediction import predict

pytestmark = pytest.mark.usefixtures("one_thread")

# ---------------------------------------------------------------------------------------- predict


@pytest.fixture
def guess():
    return predict("Do densities add or multiply?", ["add", "multiply"])


@pytest.fixture
def boxes(monkeypatch):
    """What reveal puts on the screen."""
    shown = []
    monkeypatch.setattr(predictions, "display", shown.append)
    return shown


def test_guess_is_recorded_and_may_change(guess):
    assert guess.guess is None
    guess.buttons[0].click()
    assert guess.guess == "add" and [b.description for b in guess.buttons] == ["● add", "○ multiply"]
    guess.buttons[1].click()
    assert guess.guess == "multiply" and [b.description for b in guess.buttons] == ["○ add", "● multiply"]
    assert "multiply" in guess.children[0].value


def test_reveal_after_the_guess_opens_at_once_and_locks(guess, boxes):
    guess.buttons[1].click()
    guess.reveal("multiply", because="each step must happen.")
    said = repr(boxes[0])
    assert said.startswith("✓ Well guessed: each step must happen.")
    assert "You guessed: multiply" in said and "It is: multiply" in said
    assert all(b.disabled for b in guess.buttons)
    guess.buttons[0].click()
    assert guess.guess == "multiply"


def test_reveal_before_the_guess_holds_the_outcome_back_and_then_opens(guess, boxes):
    guess.reveal("multiply", because="each step must happen.")
    (box,) = boxes
    assert "Make your guess first (above)" in box.value
    assert not any(word in str(box.get_state()) + repr(box) for word in ("multiply", "each step"))
    assert not any(b.disabled for b in guess.buttons)
    guess.buttons[0].click()
    for words in ("Not this time", "You guessed", "add", "It is", "multiply", "each step must happen."):
        assert words in box.value and words in repr(box)
    assert guess.revealed and all(b.disabled for b in guess.buttons)


def test_a_reveal_cell_may_run_twice(guess, boxes):
    for _ in range(2):
        guess.reveal("multiply", because="so.")
    guess.buttons[1].click()
    guess.reveal("multiply", because="so.")
    assert ["Well guessed" in box.value for box in boxes] == [True] * 3


def test_clicks_from_another_thread(boxes):
    """As in JupyterLab: whichever comes first, click or reveal, the box opens in the end and shows the locked guess."""
    for _ in range(30):
        guess = predict("?", ["a", "b"])
        boxes.clear()
        clicks = [threading.Thread(target=b.click) for b in guess.buttons]
        for thread in clicks:
            thread.start()
        guess.reveal("a", because="so.")
        for thread in clicks:
            thread.join()
        assert guess.revealed and f"You guessed: <b>{guess.guess}</b>" in boxes[0].value


def test_predict_escapes_everything(boxes):
    guess = predict("<script>?", ["<b>yes</b>", "no"])
    guess.reveal("no", because="<img src=x>")
    guess.buttons[0].click()
    stored = guess._repr_mimebundle_()["text/html"]
    for html in (guess.children[0].value, boxes[-1].value, stored):
        assert not any(tag in html for tag in ("<script", "<img", "<b>yes"))


def test_impossible_predictions_are_one_sentence(guess):
    with pytest.raises(ValueError, match=r"The outcome 'divide' is none of the options: add, multiply\."):
        guess.reveal("divide", because="")
    for options in ([], ["one"], ["a", "a"], ["a", 1], ["a", ""]):
        with pytest.raises(ValueError, match="at least two options, all different words"):
            predict("?", options)


def test_stored_words_do_not_spoil_the_answer(guess, boxes):
    guess.reveal("multiply", because="each step must happen.")
    bundle = boxes[0]._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle and "multiply" not in str(bundle)
    assert "Choose one: add / multiply" in guess._repr_mimebundle_()["text/plain"]


def test_a_guess_is_kept_compared_and_shut(monkeypatch):
    shown = []
    monkeypatch.setattr(predictions, "display", shown.append)
    for guess in ("up", "down"):
        mine = predict("Which way?", ["up", "down"])
        mine.reveal("up", because="heat rises.")
        box = shown[-1]
        assert "Make your guess first" in box.value and not any(b.disabled for b in mine.buttons)
        next(b for b in mine.buttons if guess in b.description).click()
        assert mine.guess == guess and all(b.disabled for b in mine.buttons)
        assert [b.description for b in mine.buttons] == [f"{'●' if w == guess else '○'} {w}" for w in ("up", "down")]
        assert ("Well guessed" in box.value) == (guess == "up")
        assert dict(box.note.pairs)["You guessed"] == guess and dict(box.note.pairs)["It is"] == "up"
