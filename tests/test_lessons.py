"""The clock of the lessons: `make lessons-time`, its table, its goals, and the texts that quote its record."""

import json
import re

import lessons
import nbformat
import pytest
from claims import CELLS, LESSONS, ROOT, benchmark, readme, text

WORDS = "no one two three four five six seven eight nine ten".split()


def row(wall, busy=1.0):
    return {"wall_s": wall, "processor_s": busy, "peak_mb": 300, "load": [0.1, 0.2]}


def test_the_table_has_a_line_for_each_lesson_and_one_for_all():
    first, one, two, all_of_them = lessons.table({"01": row(4.9, 3.6), "04": row(240.1, 100)})
    assert first.split() == "lesson wall s processor s peak MB load".split()
    assert one.split() == "01 4.9 3.6 300 0.1 to 0.2".split() and two.endswith("over 240 s")
    assert all_of_them.split() == ["all", "245.0", "103.6"]
    assert lessons.table({str(n): row(200) for n in range(7)})[-1].endswith("over 1200 s")


def test_a_goal_is_missed_by_a_lesson_and_by_all():
    assert lessons.missed({str(n): row(240.0) for n in range(5)}) == []  # at most is not under
    assert lessons.missed({"04": row(241)}) == ["Lesson 04 took 241 s, wanted at most 240."]
    assert lessons.missed({str(n): row(201) for n in range(6)}) == ["All lessons took 1206 s, wanted at most 1200."]


@pytest.fixture
def course(tmp_path, monkeypatch):
    """Two short lessons, one of which breaks, and a record of their own."""

    def write(name, *cells):
        nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells]), tmp_path / name)

    write("01_short.ipynb", "import time", "time.sleep(0.2)")
    write("02_broken.ipynb", "1 / 0")
    monkeypatch.setattr(lessons, "NOTEBOOKS", tmp_path)
    monkeypatch.setattr(lessons, "RECORD", tmp_path / "lessons.json")
    return tmp_path


@pytest.mark.heavy
@pytest.mark.xdist_group("nbformat")
def test_lessons_are_run_and_timed_with_progress_and_a_broken_one_fails(course, capsys):
    assert lessons.main([]) == 1
    out, err = capsys.readouterr()
    assert re.search(r"01_short: cell 1 of 2, \d+ s", err) and "01_short: " in out and "Goals met" not in out
    assert "Lesson 02 broke: ZeroDivisionError: division by zero" in out
    record = json.loads((course / "lessons.json").read_text())["lessons"]
    assert record.keys() == {"01"} and 0.2 <= record["01"]["wall_s"] < 60 and record["01"]["peak_mb"] > 20


def test_the_record_is_shown_without_a_run(course, capsys):
    assert lessons.main(["--table"]) == 1
    assert "Lesson 01 stands in no record." in capsys.readouterr().out
    book = {"lessons": {"01": row(3), "02": row(4)}}
    lessons.RECORD.write_text(json.dumps(book))
    assert lessons.main(["--table"]) == 0
    assert re.search(r"all +7\.0 [^!]*Goals met: 240 s a lesson, 1200 s in all\.", capsys.readouterr().out)
    assert json.loads(lessons.RECORD.read_text()) == book
    assert (
        lessons.main(["--table", "07"]) == 2 and "There is no lesson 07; there are 01, 02." in capsys.readouterr().err
    )


# ---------------------------------------------------------------------------------------- what is said of the record


def test_the_record_keeps_the_goals_and_has_every_lesson():
    took = benchmark("lessons")["lessons"]
    assert list(took) == [name[:2] for name in LESSONS] and lessons.missed(took) == []


def said_to_compute(title: str) -> tuple[float, float]:
    """Minutes of computing that a first cell speaks of, from and to: "under one", "two", "one or two"."""
    if re.search(r"Five minutes to look|hardly any waiting", title):
        return 0, 1
    m = re.search(r"minutes, (under )?(\w+)(?: or (\w+))? of them computing", title)
    low, high = WORDS.index(m[2]), WORDS.index(m[3] or m[2])
    return (0, high) if m[1] else (low, high)


@pytest.mark.parametrize("name", LESSONS)
def test_the_minutes_of_a_first_cell_are_those_of_the_record(name):
    """At least the record's, to the minute; at most three times it, for with AVX2 alone a training takes two to three times as long."""
    low, high = said_to_compute(text(CELLS[f"{name[:2]}-title"]))
    took = benchmark("lessons")["lessons"][name[:2]]
    wall, busy = (took[k] / 60 for k in ("wall_s", "processor_s"))
    assert max(1, round(busy)) <= max(1, high) and low <= max(1, 3 * wall), (low, high, wall, busy)


def test_the_front_page_and_the_tour_say_the_same_of_each_lesson():
    """Minutes for the reader and seconds of the processor, in two tables."""
    front = re.findall(r"\]\(notebooks/(\d\d)_\w+\.ipynb\) \|.*\| (\d+) min \| (\d+) s \|", readme.FRONT)
    tour = re.findall(r"\]\((\d\d)_\w+\.ipynb\) \|.*\| (\d+) \| (\d+) s \|", text(CELLS["00-lessons"]))
    assert (
        len(tour) == len(LESSONS) - 1 and front[1:] == tour and (ROOT / "Makefile").read_text().count("lessons-time:")
    )
