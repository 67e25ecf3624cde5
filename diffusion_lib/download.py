"""Full data sets from the network, on request only: several mirrors, every file checked, kept in the cache."""

from __future__ import annotations

import gzip
import hashlib
import urllib.request
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from .files import cache_folder, write


@dataclass(frozen=True)
class Download:
    """Four gzipped idx files: mirrors to try in turn, and the md5 of each file."""

    mirrors: tuple[str, ...]
    md5: dict[str, str]


FILES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)
DOWNLOADS = {
    "full_mnist": Download(
        ("https://storage.googleapis.com/cvdf-datasets/mnist/", "https://ossci-datasets.s3.amazonaws.com/mnist/"),
        dict(zip(FILES, ("f68b3c2dcbeaaa9fbdd348bbdeb94873", "d53e105ee54ea40749a09fcbcd1e9432", "9fb629c4189551a2d022fa330f9573f3", "ec29112dd5afa0611ce80d1b7f02629c"), strict=True)),
    ),
    "fashion_mnist": Download(
        ("https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/", "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"),
        dict(zip(FILES, ("8d4fb7e6c68d591d4c3dfef9ec88bf0d", "25c81989df183df01b3e8a0aad5dffbe", "bef4ecab320f06d8554ea6380940ec79", "bb300cfdad3c16e7a12a480ee83cd310"), strict=True)),
    ),
}  # fmt: skip


def images_and_labels(name: str, train: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """(N, 28, 28) and (N,) uint8 of DOWNLOADS[name]; ConnectionError with one sentence when there is no way to get them."""
    images, labels = (gzip.decompress(_fetch(name, file)) for file in (FILES[:2] if train else FILES[2:]))
    x = np.frombuffer(images, np.uint8, offset=16).reshape(-1, 28, 28)
    return x, np.frombuffer(labels, np.uint8, offset=8)


def _fetch(name: str, file: str, seconds: float = 20) -> bytes:
    """One file, from the cache or from the first mirror that has it whole."""
    source = DOWNLOADS[name]

    def intact(content: bytes) -> bool:
        return hashlib.md5(content, usedforsecurity=False).hexdigest() == source.md5[file]

    with suppress(OSError):  # not there yet, or no place to keep anything
        if intact(content := (cache_folder() / name / file).read_bytes()):
            return content
    tried = []
    for mirror in source.mirrors:
        try:
            with urllib.request.urlopen(mirror + file, timeout=seconds) as answer:
                content = answer.read()
        except OSError as error:
            tried.append(f"{mirror} ({getattr(error, 'reason', error)})")
            continue
        if intact(content):
            with suppress(OSError):  # nowhere to keep it? It is in memory, so this time it works
                path = cache_folder() / name / file
                path.parent.mkdir(parents=True, exist_ok=True)
                write(path, content)
            return content
        tried.append(f"{mirror} (the file is damaged)")
    raise ConnectionError(
        f"{name} could not be downloaded from {' or '.join(tried)}: go online and try again, or use mnist(), which needs no network."
    )
