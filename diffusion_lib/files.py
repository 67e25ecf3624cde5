"""Files appear whole or not at all, and what can be made again lives in the system's cache folder."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A place to write that becomes `path` at the end, so that a failure leaves the old file as it was.

    Raises OSError with one sentence.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.part")
    try:
        yield part
        os.replace(part, path)
    except OSError as error:
        why = error.strerror or error
        raise OSError(
            f"Cannot write {path} ({why}): choose a folder that exists and that you may write to."
        ) from error
    finally:
        part.unlink(missing_ok=True)


def cache_folder() -> Path:
    """DIFFUSION_LIB_CACHE, else the system's place for files that can be made again."""
    if chosen := os.environ.get("DIFFUSION_LIB_CACHE"):
        return Path(chosen)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "diffusion_lib"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "diffusion_lib"
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "diffusion_lib"
