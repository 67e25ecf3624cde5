"""Files appear whole or not at all, what can be made again lives in the system's cache folder; what the environment asks for."""

from __future__ import annotations

import os
import secrets
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def expanded(path: str | os.PathLike) -> Path:
    """A path as it is meant: `~` is the home folder, though not every shell makes one of it. ValueError if it is no path."""
    if not isinstance(path, str | os.PathLike) or "\0" in str(path):
        raise ValueError(f"A file or folder is named by a string or a Path, but got {path!r:.60}.")
    return Path(os.path.expanduser(path))


@contextmanager
def whole(path: str | os.PathLike) -> Iterator[Path]:
    """A place to write that becomes `path` at the end, so that a failure leaves the old file as it was.

    A link stays a link: the file that it points to is written. An old file hands its mode on: who could read it still can,
    and nobody else. Raises OSError with one sentence, at once if nothing can be written there (see `check`).
    """
    try:
        part, end = _begin(path)
    except OSError as error:
        raise _refused(path, error) from error
    try:
        yield part
        os.replace(part, end)
    except OSError as error:
        raise _refused(path, error) from error
    finally:
        with suppress(OSError):
            part.unlink()


def write(path: str | os.PathLike, content: bytes | str) -> None:
    """`content` (text as UTF-8) as the whole of a file; see `whole`."""
    with whole(path) as part:
        part.write_bytes(content.encode("utf-8", "replace") if isinstance(content, str) else content)


def check(path: str | os.PathLike) -> None:
    """Raises the OSError that `whole` would raise: asked before long work, so that its result has a place."""
    try:
        _begin(path)[0].unlink()
    except OSError as error:
        raise _refused(path, error) from error


def keep(path: Path, save: Callable[[Path], object]) -> tuple[Path, str]:
    """save(path), or beside it if that fails now, for what took long to make: where it is, and a sentence if it is elsewhere.

    Tried in turn: its own folder, the one that we work in, the home folder and the system's for what is temporary.
    Raises the first OSError if it can be written nowhere.
    """
    try:
        save(path)
        return path, ""
    except OSError as error:
        first = error
    home = os.path.expanduser("~")
    for folder in (path.parent, Path.cwd(), Path(home), Path(tempfile.gettempdir())):
        place = folder / f"{path.stem[:80]}-kept-{os.getpid()}{path.suffix}"
        with suppress(OSError):
            save(place)
            return place, f"{first} This time it is kept as {place}."
    raise first


def _begin(path: str | os.PathLike) -> tuple[Path, Path]:
    """An empty file beside the one that is meant, links followed, and that one. Raises a plain OSError."""
    end = expanded(path)
    end = Path(os.path.realpath(end)) if end.is_symlink() else end
    old = None
    with suppress(FileNotFoundError):
        old = end.stat()  # also says if the name is too long
    if old and stat.S_ISDIR(old.st_mode):
        raise IsADirectoryError("it is a folder")
    if old and not stat.S_ISREG(old.st_mode):
        raise OSError("it is no ordinary file")
    if old and not (old.st_mode & 0o222 and os.access(end, os.W_OK)):
        raise PermissionError("it is write-protected")
    part = end.with_name(f".{secrets.token_hex(6)}.part")  # short: a name near the longest allowed has room
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600 if old else 0o666))
    if old:
        shutil.copymode(end, part)
    return part, end


def _refused(path, error: OSError) -> OSError:
    busy = " If another program shows it, close that first." if isinstance(error, PermissionError) else ""
    return OSError(
        f"Cannot write {path} ({error.strerror or error}): choose a folder that exists, has room and is open to you.{busy}"
    )


def cache_folder() -> Path:
    """DIFFUSION_LIB_CACHE, else the system's place for files that can be made again. OSError if there is none."""
    if chosen := os.environ.get("DIFFUSION_LIB_CACHE"):
        return expanded(chosen)
    if sys.platform == "win32" and (place := os.environ.get("LOCALAPPDATA")):
        return Path(place) / "diffusion_lib"
    if sys.platform not in ("win32", "darwin") and os.path.isabs(place := os.environ.get("XDG_CACHE_HOME", "")):
        return Path(place) / "diffusion_lib"
    home = Path(os.path.expanduser("~"))  # "~" itself where nobody knows it: in a container, say
    if not home.is_absolute():
        raise FileNotFoundError("There is no home folder to keep files in: name a folder in DIFFUSION_LIB_CACHE.")
    below = {"win32": "AppData/Local", "darwin": "Library/Caches"}.get(sys.platform, ".cache")
    return home / below / "diffusion_lib"


def asked(name: str, most: int = 1) -> int:
    """The whole number in 0..most that an environment variable asks for; 0 if it is not set. ValueError for anything else."""
    text = os.environ.get(name, "").strip() or "0"
    if not text.isdecimal() or len(text) > 12 or int(text) > most:
        said = f"The environment variable {name} is a whole number from 0 to {most:,}, but it is set to {text!r:.60}."
        raise ValueError(said)
    return int(text)
