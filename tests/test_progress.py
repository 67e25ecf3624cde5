"""What a learner has guessed, solved and bet: kept whole, by two notebooks at once, and never at a lesson's cost."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from diffusion_lib.course import check, lesson07, predict, progress
from diffusion_lib.course.lesson07.live_race import BETS


@pytest.fixture
def file():
    return progress.place()


def test_it_lies_where_the_environment_says_or_in_the_cache(file, monkeypatch, tmp_path):
    assert str(file) == os.environ["DIFFUSION_LIB_PROGRESS"]
    monkeypatch.delenv("DIFFUSION_LIB_PROGRESS")
    monkeypatch.setenv("DIFFUSION_LIB_CACHE", str(tmp_path / "cache"))
    assert progress.place() == tmp_path / "cache" / "progress.json"
    progress.note("bets", "coverage", "GAN")  # its folder is made
    assert progress.kept()["bets"] == {"coverage": "GAN"} and not progress.trouble


def test_what_is_noted_is_kept_and_what_was_there_stays(file):
    assert (
        progress.kept() == {"guesses": {}, "solved": {}, "bets": {}} and not file.exists()
    )  # to look leaves nothing behind
    progress.note("solved", "05.best", {"at": "2026-11-26"})
    file.write_text(json.dumps(json.loads(file.read_text()) | {"later": "a version to come has this"}))
    progress.note("guesses", "¿Qué?", {"guess": "sí"})
    said = json.loads(file.read_text(encoding="utf-8"))
    assert said["solved"].keys() == {"05.best"} and said["guesses"] == {"¿Qué?": {"guess": "sí"}} and said["later"]
    assert [p.name for p in file.parent.glob(f".*{file.name}*")] == []  # no half of it
    progress.forget()
    assert progress.kept()["solved"] == {} and not file.exists()
    progress.forget()  # twice is once


CODE = "from diffusion_lib.course import progress\nfor i in range(25): progress.note('solved', f'{me}.{i}', {})\nassert not progress.trouble"


@pytest.mark.heavy
def test_two_notebooks_at_once_lose_nothing(file):
    """Two processes, and in one of them two threads."""
    run = [subprocess.Popen([sys.executable, "-c", f"me = {me!r}\n" + CODE]) for me in ("a", "b")]
    threads = [
        threading.Thread(target=lambda k=k: [progress.note("solved", f"{k}.{i}", {}) for i in range(25)]) for k in "cd"
    ]
    [t.start() for t in threads], [t.join() for t in threads]
    assert [p.wait(60) for p in run] == [0, 0]
    assert progress.kept()["solved"].keys() == {f"{k}.{i}" for k in "abcd" for i in range(25)}


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b"[1]", b'{"solved": 3}'])
def test_a_file_that_cannot_be_read_is_put_aside(file, content):
    file.write_bytes(content)
    assert progress.kept()["solved"] == {}
    progress.note("solved", "05.best", {})
    assert progress.kept()["solved"] == {"05.best": {}} and not progress.trouble
    assert Path(f"{file}.unreadable").read_bytes() == content


def test_where_nothing_can_be_written_no_lesson_breaks(monkeypatch, tmp_path, capsys):
    (tmp_path / "a file").write_text("")
    monkeypatch.setenv("DIFFUSION_LIB_PROGRESS", str(tmp_path / "a file" / "progress.json"))
    check("05.best", lambda p, q: p / (p + q))
    assert "✓ Correct" in capsys.readouterr().out and progress.trouble
    assert progress.kept()["solved"] == {}
    monkeypatch.setenv("DIFFUSION_LIB_PROGRESS", str(tmp_path))  # a folder
    progress.note("solved", "05.best", {})
    assert "folder" in progress.trouble.lower() or "directory" in progress.trouble.lower()
    monkeypatch.setenv("DIFFUSION_LIB_PROGRESS", str(tmp_path / "progress.json"))
    progress.note("solved", "05.best", {})
    assert not progress.trouble


# ---------------------------------------------------------------------------------------- who keeps what


def test_a_solved_exercise_is_kept_and_a_wrong_one_is_not(capsys):
    check("05.best", lambda p, q: q / (p + q))
    check("05.best", ...)
    assert progress.kept()["solved"] == {}
    check("05.best", lambda p, q: p / (p + q))
    assert progress.kept()["solved"].keys() == {"05.best"} and progress.number_of("05.best") == "05"


def test_a_guess_is_kept_and_whether_it_was_right(monkeypatch, capsys):
    monkeypatch.setenv("JPY_SESSION_NAME", "/home/me/notebooks/05_gan_by_hand.ipynb")
    asked = predict("Up or down?", ["up", "down"])
    asked.buttons[0].click()
    assert progress.kept()["guesses"] == {"Up or down?": {"lesson": "05", "guess": "up"}}
    asked.reveal("up", because="It is so.")
    assert progress.kept()["guesses"]["Up or down?"] == {"lesson": "05", "guess": "up", "right": True}
    asked.buttons[1].click()  # too late
    other = predict("Left or right?", ["left", "right"])
    other.reveal("left", because="It is so.")  # opens by itself when there is a guess
    other.buttons[1].click()
    found = progress.kept()["guesses"]
    assert found["Left or right?"]["right"] is False and found["Up or down?"]["guess"] == "up"


@pytest.mark.parametrize(
    ("name", "number"), [("", ""), ("mine.ipynb", ""), ("05_other.ipynb", ""), ("a/07_arena.ipynb", "07")]
)
def test_the_lesson_is_told_by_the_notebooks_name(monkeypatch, name, number):
    monkeypatch.setenv("JPY_SESSION_NAME", name)
    assert progress.lesson() == number


def test_a_bet_is_kept_and_stands_there_again():
    mine = lesson07.bet()
    row = list(BETS).index("coverage")
    mine.children[row].children[1:-1][0].click()
    assert progress.kept()["bets"] == {"coverage": mine.choice["coverage"]}
    again = lesson07.bet()
    assert again.choice == mine.choice and again.children[row].children[1:-1][0].icon == "check"
    again.children[row].children[1:-1][1].click()
    assert progress.kept()["bets"] == {"coverage": again.choice["coverage"]} != {"coverage": mine.choice["coverage"]}
    progress.note("bets", "precision", "no family of ours")
    assert "precision" not in lesson07.bet().choice
