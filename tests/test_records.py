"""The records that ship."""

import json

import pytest

from diffusion_lib.evaluation import records

pytestmark = pytest.mark.usefixtures("one_thread")


def test_a_record_is_read_once_and_again_when_it_has_changed(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "RECORDS", tmp_path)
    path = tmp_path / "ours.json"
    path.write_text(json.dumps({"runs": 1}))
    first = records.read("ours")
    assert first == {"runs": 1} and records.read("ours") is first
    path.write_text(json.dumps({"runs": 23}))
    assert records.read("ours") == {"runs": 23} and records.names() == ["ours"]
    with pytest.raises(FileNotFoundError, match="no record 'theirs': choose one of ours"):
        records.read("theirs")


def test_a_race_without_runs_is_no_race(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "RECORDS", tmp_path)
    (tmp_path / "arena_moon.json").write_text('{"search": {}}')
    for place in ("moon", "mars"):
        with pytest.raises(FileNotFoundError, match=f"No race of '{place}' is recorded: choose one of moon"):
            records.race_book(place)


def test_the_records_are_json():
    for path in sorted(records.RECORDS.glob("*.json")):
        json.loads(path.read_text("utf-8"))
