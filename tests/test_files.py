"""Files appear whole or not at all, wherever they are written; and what is said never turns success into failure."""

import errno
import io
import os
import stat
import struct
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch

from diffusion_lib import data, ddpm, files, nets, store
from diffusion_lib.__main__ import main
from diffusion_lib.cli import options, sample, train
from diffusion_lib.data import bundled
from diffusion_lib.machine import pick_device
from diffusion_lib.nets import MLP
from diffusion_lib.train import MAX_STEPS, fit
from diffusion_lib.viz import figures, moving, panels, player
from diffusion_lib.viz.panels import pixels
from diffusion_lib.viz.player import FramePlayer

POSIX = pytest.mark.skipif(os.name == "nt", reason="links, modes and devices of POSIX")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(folder="."):
    return sorted(p.name for p in Path(folder).iterdir())


@contextmanager
def no_file_above(size):
    """A full disk: from `size` bytes on, writing fails in the middle of the file."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


# ---------------------------------------------------------------------------------------- whole files


def checkpoint(path):
    _, parts = ddpm.build(data.ring(20), batch=2)
    next(fit(*parts, steps=1, checkpoint=path))


PICTURE = np.zeros((4, 4), np.uint8)
WRITERS = {
    "w.safetensors": lambda path: store.save(path, nets.Generator((2,), 2, channels=8), {}),
    "a.png": lambda path: figures.save(PICTURE, path),
    "a.svg": lambda path: figures.save(PICTURE, path),
    "a.gif": lambda path: moving.save_film(PICTURE[None].repeat(3, 0), path),
    "a.html": lambda path: player.FramePlayer(panels.pixels(PICTURE[None])).save_html(path),
    "a.npy": lambda path: sample._draw(torch.zeros(500, 2), path),
    "cloud.png": lambda path: sample._draw(torch.randn(50, 2), path),
    "c.pt": checkpoint,
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_disk_that_is_full_leaves_the_old_file_and_no_litter(here, name):
    WRITERS[name](Path(f"first.{name}"))  # what a library keeps for itself, such as a list of fonts, has been written
    Path(f"first.{name}").unlink()
    Path(name).write_bytes(b"old")
    Path(name).unlink() if name == "c.pt" else None  # an old one would be read
    with no_file_above(64):
        if name == "c.pt":
            with pytest.warns(UserWarning, match=r"not up to date. Cannot write c\.pt \(File too large\)"):
                WRITERS[name](Path(name))
        else:
            with pytest.raises(OSError, match=rf"^Cannot write {name} \(File too large\): choose a folder .*\.$"):
                WRITERS[name](Path(name))
    assert names() == ([] if name == "c.pt" else [name])
    assert name == "c.pt" or Path(name).read_bytes() == b"old"
    WRITERS[name](Path(name))
    assert names() == [name] and Path(name).stat().st_size > 64


def test_a_name_may_be_as_long_as_the_system_allows(here):
    long = "猫" * 80 + ".png"
    figures.save(PICTURE, long)
    assert names() == [long]
    with pytest.raises(OSError, match="File name too long"):
        files.check("a" * 256)


@POSIX
def test_a_link_stays_a_link_and_a_private_file_private(here):
    Path("target").write_text("old")
    Path("link").symlink_to("target")
    for mode in (0o600, 0o640, 0o664):
        os.chmod("target", mode)
        files.write("link", f"new {mode}")
        assert Path("link").is_symlink() and Path("target").read_text() == f"new {mode}"
        assert stat.S_IMODE(os.stat("target").st_mode) == mode and names() == ["link", "target"]
    mask = os.umask(0o027)
    try:
        files.write("fresh", b"")
    finally:
        os.umask(mask)
    assert stat.S_IMODE(os.stat("fresh").st_mode) == 0o640


@POSIX
def test_places_that_cannot_be_written_are_said_before_the_work(here):
    Path("kept").write_text("old")
    os.chmod("kept", 0o444)
    Path("null").symlink_to(os.devnull)
    Path("folder").mkdir()
    os.mkfifo("pipe")
    before = names()
    for name, why in {
        "kept": "write-protected",
        "null": "no ordinary file",
        "pipe": "no ordinary file",
        "folder": "it is a folder",
        "nowhere/a": "No such file or directory",
        "kept/a": "Not a directory",
    }.items():
        with pytest.raises(OSError, match=rf"^Cannot write {name} \(.*{why}"):
            files.check(name)
        with pytest.raises(OSError, match=rf"^Cannot write {name} \(.*{why}"), files.whole(name):
            pytest.fail("the work has begun")
    files.check("new")
    assert names() == before and Path("kept").read_text() == "old"


def test_what_cannot_be_tidied_hides_nothing(here, monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "unlink", refuse)
    files.write("a", b"new")
    assert Path("a").read_bytes() == b"new"
    with pytest.raises(OSError, match="No space"), files.whole("b"):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_file_that_another_program_shows_is_said_so(here, monkeypatch):
    """Windows refuses to replace a file that is open elsewhere."""
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(PermissionError(13, "Access is denied")))
    with pytest.raises(OSError, match=r"Access is denied.*If another program shows it, close that first"):
        files.write("a", b"")
    assert names() == []


def test_what_took_long_is_kept_elsewhere_if_it_must_be(here, monkeypatch):
    out, home, temp = here / "gone" / "w.npy", here / "home", here / "temp"
    home.mkdir(), temp.mkdir()
    monkeypatch.setenv("HOME", str(home)), monkeypatch.setenv("USERPROFILE", str(home))
    monkeypatch.setattr(files.tempfile, "gettempdir", lambda: str(temp))
    asked = []

    def save(path, fits=lambda folder: True):
        asked.append(path.parent)
        if not fits(path.parent):
            raise OSError("no room")
        files.write(path, b"it")

    place, said = files.keep(out, save)
    assert place.parent == here and place.suffix == ".npy" and place.read_bytes() == b"it"
    assert "gone" in said and str(place) in said
    place, _ = files.keep(out, lambda path: save(path, lambda folder: folder == temp))
    assert place.parent == temp and asked[3:] == [here / "gone", here / "gone", here, home, temp]
    (here / "gone").mkdir()
    assert files.keep(out, save) == (out, "")
    with pytest.raises(OSError, match="no room"):
        files.keep(out, lambda path: save(path, lambda folder: False))


@POSIX
def test_a_cache_is_a_convenience(here, monkeypatch):
    import pwd

    for name in ("HOME", "XDG_CACHE_HOME", "DIFFUSION_LIB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(pwd, "getpwuid", lambda uid: (_ for _ in ()).throw(KeyError(uid)))
    made = (np.zeros((1, 1), np.uint8), np.zeros(1, np.uint8))
    assert bundled._cached("x.npz", lambda: made) == made
    with pytest.raises(OSError, match="DIFFUSION_LIB_CACHE"):
        files.cache_folder()
    monkeypatch.setenv("XDG_CACHE_HOME", str(here / "xdg"))
    assert files.cache_folder() == here / "xdg" / "diffusion_lib"
    monkeypatch.setenv("HOME", str(here))
    for nonsense in ("", "not/absolute"):  # to be ignored, says the XDG specification
        monkeypatch.setenv("XDG_CACHE_HOME", nonsense)
        assert files.cache_folder() == here / ".cache" / "diffusion_lib"
    monkeypatch.setenv("DIFFUSION_LIB_CACHE", "~/mine")
    assert files.cache_folder() == here / "mine"


def test_home_is_understood_by_all_that_read_or_write_a_file(here, monkeypatch):
    """`store.load("~/w.safetensors")` looked for a folder called ~."""
    home = here / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home)), monkeypatch.setenv("USERPROFILE", str(home))
    net, grey = MLP((2,), 8), np.zeros((1, 8, 8), np.uint8)
    assert store.save("~/w.safetensors", net, {}) == home / "w.safetensors"
    assert store.load("~/w.safetensors").config == net.config
    assert figures.save(grey[0], "~/a.png") == home / "a.png" and data.photo("~/a.png", 8).x.shape[-1] == 8
    assert moving.save_film(grey, "~/a.gif") == home / "a.gif" and data.folder("~", 8).x.shape[0] == 2
    assert FramePlayer(pixels(grey)).save_html("~/a.html") == home / "a.html"
    _, parts = ddpm.build(data.ring(20), precision="float32")
    for _ in range(2):  # the second goes on from the first
        steps = [record.step for record in fit(*parts, steps=2, checkpoint="~/c.pt")]
    assert steps == [2] and not (here / "~").exists()
    written = {"w.safetensors", "a.png", "a.gif", "a.html", "c.pt"}
    assert {p.name for p in home.iterdir()} == written


@pytest.mark.parametrize("name", [3, None, b"a.png", "a\0.png"], ids=repr)
def test_what_is_no_path_is_one_sentence(name):
    grey = np.zeros((1, 8, 8), np.uint8)
    for act in (
        lambda: store.save(name, MLP((2,), 8), {}),
        lambda: store.load(name),
        lambda: figures.save(grey[0], name),
        lambda: moving.save_film(grey, name),
        lambda: FramePlayer(pixels(grey)).save_html(name),
        lambda: data.folder(name),
        lambda: files.check(name),
        lambda: files.write(name, ""),
    ):
        with pytest.raises(ValueError, match="is named by a string or a Path, but got"):
            act()


@pytest.mark.parametrize("text", ["abc", "-5", "1.5", "1e3", "9" * 5000])
def test_what_the_environment_asks_for_is_a_number_or_one_sentence(text, monkeypatch):
    """DIFFUSION_LIB_MAX_STEPS=abc spoke Python's words, and with -5 no training ended."""
    import browser

    for name, act in {
        MAX_STEPS: lambda: next(fit(None, [], [], steps=1)),
        "DIFFUSION_LIB_REQUIRE_BROWSER": lambda: browser.need(False, "why"),
        browser.PICTURES: lambda: browser.screenshot(None, "x"),
    }.items():
        monkeypatch.setenv(name, text)
        with pytest.raises(ValueError, match=f"The environment variable {name} is a whole number from 0 to"):
            act()
        monkeypatch.delenv(name)


def test_an_environment_that_asks_for_nothing_changes_nothing(monkeypatch, capsys):
    for text in ("", " ", "0"):
        monkeypatch.setenv("DIFFUSION_LIB_TRACEBACK", text)
        assert files.asked("DIFFUSION_LIB_TRACEBACK") == 0
        assert main(["figure", "forward", "--T", "1"]) == 2 and "Traceback" not in capsys.readouterr().err
    monkeypatch.setenv("DIFFUSION_LIB_TRACEBACK", "yes")
    assert main(["--version"]) == 2 and "from 0 to 1, but it is set to 'yes'" in capsys.readouterr().err
    monkeypatch.setenv("DIFFUSION_LIB_DEVICE", "abacus")
    with pytest.raises(ValueError, match=r"'abacus' here .DIFFUSION_LIB_DEVICE asks for it"):
        pick_device()


# ---------------------------------------------------------------------------------------- what is said


def terminal(encoding):
    return io.TextIOWrapper(io.BytesIO(), encoding=encoding)


def test_a_letter_that_the_terminal_lacks_is_escaped(monkeypatch):
    for encoding, seen in {
        "cp1252": "\\u732b é",
        "cp932": "猫 \\xe9",
        "ascii": "\\u732b \\xe9",
        "utf-8": "猫 é",
    }.items():
        monkeypatch.setattr(sys, "stdout", out := terminal(encoding))
        options.tell("猫 é")
        assert out.buffer.getvalue().decode(encoding) == f"{seen}\n"
    monkeypatch.setattr(sys, "stdout", out := terminal("utf-8"))
    options.tell("a name that is no text: \udcff")
    assert out.buffer.getvalue() == b"a name that is no text: \\udcff\n"


def test_nobody_who_listens_is_no_failure(monkeypatch):
    closed = terminal("utf-8")
    closed.close()
    for stream in (None, closed):
        monkeypatch.setattr(sys, "stdout", stream), monkeypatch.setattr(sys, "stderr", stream)
        options.tell("hello"), options.complain("hello"), train.Bar()(0.5)


@POSIX
@pytest.mark.heavy
def test_a_closed_pipe_and_a_full_disk_at_the_other_end_leave_no_traceback():
    read, written = os.pipe()
    os.close(read)
    # or nothing is left for Python's end
    env = {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}
    with open("/dev/full", "wb") as full:
        for out, words in ((written, ["--version"]), (full, ["train", "--help"])):
            command = [sys.executable, "-m", "diffusion_lib", *words]
            done = subprocess.run(command, stdout=out, stderr=subprocess.PIPE, env=env)
            assert (done.returncode, done.stderr) == (0, b"")
    os.close(written)


# ---------------------------------------------------------------------------------------- the bar


def drawn(widths, monkeypatch, shares=9):
    """What the bar writes on a real terminal that is so many columns wide, one width after the other."""
    pty, fcntl, termios = (pytest.importorskip(name) for name in ("pty", "fcntl", "termios"))
    master, slave = pty.openpty()
    monkeypatch.setattr(sys, "stderr", open(slave, "w", encoding="utf-8"))  # noqa: SIM115
    bar, shown = train.Bar(), []
    bar.start -= 10
    for i in range(shares + 1):
        width = widths[i * len(widths) // (shares + 1)]
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
        bar.last = -1.0  # a fifth of a second has passed
        bar(i / shares, "step 1,234   loss_d 0.4321  loss_g 0.4321  real 0.1234  fake 0.1234  and more words than fit")
        shown.append((width, os.read(master, 65536).decode()))
    options.complain("done")
    last = ""
    while not last.endswith("done\r\n"):  # a terminal hands on what was written in as many pieces as it likes
        last += os.read(master, 65536).decode()
    sys.stderr.close(), os.close(master)
    return shown, last


@pytest.mark.parametrize("widths", [[120], [80], [40], [12], [2], [0], [120, 40, 80]], ids=str)
def test_the_bar_is_one_row_that_is_rewritten(widths, monkeypatch):
    shown, last = drawn(widths, monkeypatch)
    for width, text in shown:
        assert text.startswith("\r") and text.count("\r") == 1 and "\n" not in text and text.isascii()
        # one less than the width: a full row would jump to the next
        assert len(text) - 1 == (width or 80) - 1
    if min(widths) >= 40 or widths == [0]:
        assert all("%" in text and "s left" in text and "#" in text for _, text in shown[1:])
    assert last.replace("\r\n", "\n") == "\ndiffusion_lib: done\n"


def test_a_log_gets_a_line_now_and_then(capsys):
    bar = train.Bar()
    bar(0.0), bar(1.0)
    assert not capsys.readouterr().err  # quick work needs no bar
    bar.start -= 100
    bar(0.5, "step 5"), bar(0.6, "step 6")
    bar(1.0, "step 9")
    lines = capsys.readouterr().err.splitlines()
    assert [line[-6:] for line in lines] == ["step 5", "step 9"] and lines[0].startswith("#" * 12 + "-" * 12 + "  50%")


def test_the_time_left_counts_from_where_it_went_on(monkeypatch, capsys):
    now = [0.0]
    monkeypatch.setattr(train.time, "monotonic", lambda: now[0])
    bar = train.Bar()
    bar(0.8)
    now[0] = 10.0
    bar(0.9)  # a tenth took 10 s, and one is left
    assert " 10 s left" in capsys.readouterr().err
