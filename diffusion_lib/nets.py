"""Networks that predict: model(xt, t, y=None) -> prediction, t = 1..T, y an optional class number (-1: none).

Both nets hear the time as sinusoids and let it scale and shift every block (FiLM, Perez et al. 2018, 1709.07871).
Their last layer starts at zero, so an untrained network predicts 0 everywhere, whatever it will be taught to predict.
Letters in shapes: B samples, C channels, H x W pixels, D the width of a hidden layer.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from .diffusion import randn_like
from .telling import Words
from .values import check_input, check_numbers, check_told, need


class Net(nn.Module):
    """What every network keeps: `config`, its arguments, so that it can be built again; `card`, where loaded weights come from."""

    def __init__(self, told: dict):  # the locals() of its own __init__
        super().__init__()
        self.config = {
            k: list(v) if isinstance(v, tuple) else v for k, v in told.items() if k not in ("self", "__class__")
        }
        self.card: dict = {}

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one sample."""
        return tuple(self.config["shape"])

    @property
    def classes(self) -> int | list[int]:
        """How many it can be told, 0 if none; a list for several words, see `Words`."""
        return self.config["classes"]


def _zero(layer: nn.Module) -> nn.Module:
    """The layer, whose answer is 0 until it has learned."""
    nn.init.zeros_(layer.weight), nn.init.zeros_(layer.bias)
    return layer


class Condition(nn.Module):
    """What a network is told: the time, and the class if there are classes. (B,) and (B,) -> (B, width)

    classes may also be a list, see `Words`: y is then (B, F).

    The time enters as u = t / T in 32 sinusoids (after Vaswani et al. 2017, section 3.5), the fastest of which turns
    about five times from t = 0 to T: faster ones let the answer jump between neighbouring times, and samples get worse.
    """

    def __init__(self, T: int, classes: int | list[int], width: int):
        super().__init__()
        self.T = T
        self.register_buffer("frequency", torch.logspace(0, 1.5, 16), persistent=False)
        self.mlp = nn.Sequential(nn.Linear(32, width), nn.SiLU(), nn.Linear(width, width))
        if isinstance(classes, list | tuple):
            self.label = Words(classes, width)
        else:
            self.label = nn.Embedding(classes + 1, width) if classes else None  # its last row says "no class"

    def forward(self, t: Tensor, y: Tensor | None) -> Tensor:
        angle = (t.float() / self.T)[:, None] * self.frequency  # (B, 16)
        c = self.mlp(torch.cat([angle.sin(), angle.cos()], 1).to(self.frequency))
        if isinstance(self.label, Words):
            c = c + self.label(y, t)
        elif self.label is not None:
            none = self.label.num_embeddings - 1
            y = torch.full_like(t, none) if y is None else torch.where(y < 0, none, y)
            c = c + self.label(y)
        return c


class FiLM(nn.Module):
    """h (1 + scale) + shift, both read from the condition (B, width); starts as the identity."""

    def __init__(self, width: int, channels: int):
        super().__init__()
        self.read = _zero(nn.Linear(width, 2 * channels))

    def forward(self, h: Tensor, c: Tensor) -> Tensor:
        scale, shift = self.read(c).reshape(len(c), -1, *[1] * (h.ndim - 2)).chunk(2, 1)
        return h * (1 + scale) + shift


class MLP(Net):
    """For points (B, 2) and tiny pictures (B, C, H, W): residual layers on the flattened sample.

    shape: of one sample, e.g. (2,) or (1, 8, 8). out: how many outputs for each input number (2: a variance too),
    stacked along axis 1. Points also enter as sinusoids of their coordinates, so that structure much narrower than the
    cloud can be seen (Tancik et al. 2020, 2006.10739).
    """

    def __init__(self, shape, T: int, classes: int = 0, width: int = 128, depth: int = 3, out: int = 1):
        super().__init__(locals())
        n = math.prod(shape)
        self.register_buffer("frequency", torch.arange(1.0, 9.0 if len(shape) == 1 else 1.0), persistent=False)
        self.first = nn.Linear(n * (1 + 2 * len(self.frequency)), width)
        self.condition = Condition(T, classes, width)
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))
        self.last = _zero(nn.Linear(width, out * n))

    def forward(self, xt: Tensor, t: Tensor, y: Tensor | None = None) -> Tensor:
        check_numbers(self, xt)
        x = xt.flatten(1)
        angle = (x[:, :, None] * self.frequency).flatten(1)
        h = self.first(torch.cat([x, angle.sin(), angle.cos()], 1)) + self.condition(t, y)  # (B, D)
        for layer in self.layers:
            h = h + layer(F.silu(h))
        return self.last(F.silu(h)).reshape(len(xt), -1, *xt.shape[2:])


class Block(nn.Module):
    """Two 3 x 3 convolutions around a FiLM, added to their input. (B, C, H, W) -> (B, C', H, W)"""

    def __init__(self, channels: int, out: int, width: int):
        super().__init__()
        self.norm1, self.conv1 = nn.GroupNorm(8, channels), nn.Conv2d(channels, out, 3, padding=1)
        self.norm2, self.conv2 = nn.GroupNorm(8, out), _zero(nn.Conv2d(out, out, 3, padding=1))
        self.film = FiLM(width, out)
        self.skip = nn.Conv2d(channels, out, 1) if channels != out else nn.Identity()

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        h = self.conv1(F.silu(self.norm1(x), inplace=True))  # in place: the same numbers, no new memory
        h = self.conv2(F.silu(self.film(self.norm2(h), c), inplace=True))
        return h.add_(self.skip(x))


class UNet(Net):
    """For pictures (B, C, H, W): down to half the size and up again, with a shortcut at each size (Ronneberger 2015, Ho 2020).

    patch: 2 folds each 2 x 2 square of pixels into channels before the first convolution and unfolds it after the last,
    which leaves a quarter of the places to compute. mults: channels at each size, in units of `channels`.
    """

    def __init__(
        self,
        shape,
        T: int,
        classes: int = 0,
        channels: int = 32,
        mults=(1, 2),
        depth: int = 1,
        patch: int = 1,
        out: int = 1,
    ):
        super().__init__(locals())
        c, h, w = shape
        fold = patch * 2 ** (len(mults) - 1)
        need(h % fold == w % fold == 0, f"This U-Net needs sides that divide by {fold}, but got {h} x {w}.")
        said = f"A U-Net needs channels that divide by 8, for its groups: got channels = {channels}."
        need(channels >= 8 and channels % 8 == 0, said)
        self.patch, width = patch, 4 * channels
        sizes = [channels * m for m in mults]
        self.condition = Condition(T, classes, width)
        self.first = nn.Conv2d(c * patch**2, sizes[0], 3, padding=1)
        self.down, self.up, here = nn.ModuleList(), nn.ModuleList(), sizes[0]
        for size in sizes:
            self.down.append(nn.ModuleList(Block(size if i else here, size, width) for i in range(depth)))
            here = size
        self.middle = Block(here, here, width)
        for size in reversed(sizes):  # each block also hears its twin on the way down, of the same size
            self.up.append(nn.ModuleList(Block((size if i else here) + size, size, width) for i in range(depth)))
            here = size
        self.norm = nn.GroupNorm(8, here)
        self.last = _zero(nn.Conv2d(here, out * c * patch**2, 3, padding=1))

    def forward(self, xt: Tensor, t: Tensor, y: Tensor | None = None) -> Tensor:
        check_numbers(self, xt)
        c, skips = F.silu(self.condition(t, y)), []
        h = self.first(F.pixel_unshuffle(xt, self.patch))
        if h.device.type == "cpu" and h.dtype == torch.float32:  # bfloat16 has no quick GroupNorm in this layout
            h = h.contiguous(memory_format=torch.channels_last)  # the same numbers; convolutions are quicker so
        for i, blocks in enumerate(self.down):
            h = F.avg_pool2d(h, 2) if i else h
            for block in blocks:
                h = block(h, c)
                skips.append(h)
        h = self.middle(h, c)
        for i, blocks in enumerate(self.up):
            h = F.interpolate(h, scale_factor=2.0, mode="nearest") if i else h
            for block in blocks:
                h = block(torch.cat([h, skips.pop()], 1), c)
        h = self.last(F.silu(self.norm(h), inplace=True))
        return F.pixel_shuffle(h.contiguous(), self.patch)


class Classifier(Net):
    """Names the class of a picture, (B, C, H, W) -> (B, classes), by way of `width` features that metrics compare."""

    def __init__(self, shape, classes: int, width: int = 64):
        super().__init__(locals())
        c, h, w = shape
        layers = []
        for a, b in ((c, 32), (32, 64)):
            layers += [nn.Conv2d(a, b, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        layers += [nn.Flatten(), nn.Linear(64 * (h // 4) * (w // 4), width), nn.ReLU()]
        self.look = nn.Sequential(*layers)
        self.name = nn.Linear(width, classes)

    def features(self, x: Tensor) -> Tensor:
        """(B, width), what the last layer sees."""
        check_numbers(self, x)
        return self.look(x)

    def forward(self, x: Tensor) -> Tensor:
        return self.name(self.features(x))


class Residual(nn.Module):
    """Two 3 x 3 convolutions added to their input, which they leave alone at first. No normalisation, as in R3GAN."""

    def __init__(self, channels: int, out: int):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(channels, out, 3, padding=1), nn.Conv2d(out, out, 3, padding=1)
        self.skip = nn.Conv2d(channels, out, 1, bias=False) if channels != out else nn.Identity()
        nn.init.normal_(self.conv2.weight, std=1e-3), nn.init.zeros_(self.conv2.bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.skip(x) + self.conv2(F.leaky_relu(self.conv1(F.leaky_relu(x, 0.2)), 0.2))


def _sizes(shape, channels: int, patch: int) -> tuple[list[int], list[int]]:
    """Sides from small to full, and the channels at each: 4 (or 7) pixels at first, twice as many at each further size."""
    _, h, w = shape
    side = h // patch
    sides = [side]
    while sides[0] % 2 == 0 and sides[0] > 4:
        sides.insert(0, sides[0] // 2)
    said = f"These networks draw squares of 4 or 7 pixels, doubled some times (8, 14, 16, 28, 32, 64, ...): got {h} x {w} with patch = {patch}."
    need(h == w and h % patch == 0 and sides[0] <= 7, said)
    return sides, [channels * 2 ** min(3, k) for k in reversed(range(len(sides)))]


def mlp(inputs: int, width: int, depth: int, outputs: int) -> nn.Sequential:
    """Linear layers with leaky ReLUs between them."""
    layers = [nn.Linear(inputs, width), nn.LeakyReLU(0.2)]
    for _ in range(depth - 1):
        layers += [nn.Linear(width, width), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Linear(width, outputs))


class Waves(nn.Module):
    """(B, n) -> (B, n (1 + 2 K)): the numbers, and sin and cos of their 1, 2, 4, ... 2^(K-1) fold (Tancik et al. 2020, 2006.10739).

    Steep functions become easier with them (lesson 06 compares networks with and without).
    """

    def __init__(self, octaves: int):
        super().__init__()
        self.register_buffer("frequency", 2.0 ** torch.arange(octaves), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        angle = (x[:, :, None] * self.frequency).flatten(1)
        return torch.cat([x, angle.sin(), angle.cos()], 1)


WAVES = 5  # octaves, for points: enough for structures of a fiftieth of the cloud


class Generator(Net):
    """z (B, latent) from N(0, I), and perhaps a class y (B,) -> a fake (B, *shape).

    shape: (2,) for points, (C, H, W) for pictures. channels: at the full size (pictures) or the width of a layer (points).
    patch: 2 makes 2 x 2 pixels at a time, as `UNet` does. waves: octaves of `Waves` that z enters with (points only).
    """

    def __init__(
        self, shape, latent: int = 32, classes: int = 0, channels: int = 32, patch: int = 1, waves: int = WAVES
    ):
        super().__init__(locals())
        self.label = nn.Embedding(classes, latent) if classes else None
        if classes:  # softer than z: with classes G may draw one picture of each and stay there (Shahbazi et al. 2022, 2201.06578)
            nn.init.normal_(self.label.weight, std=0.2)
        inputs = latent * (2 if classes else 1)
        if len(shape) == 1:
            self.body = nn.Sequential(Waves(waves), mlp(inputs * (1 + 2 * waves), channels, 3, shape[0]))
            return
        sides, widths = _sizes(shape, channels, patch)
        self.first, self.start = nn.Linear(inputs, widths[0] * sides[0] ** 2), (widths[0], sides[0], sides[0])
        self.blocks = nn.ModuleList(Residual(a, b) for a, b in zip([widths[0], *widths], widths, strict=False))
        self.last = nn.Conv2d(widths[-1], shape[0] * patch**2, 3, padding=1)

    def noise(self, n: int, generator: torch.Generator | None) -> Tensor:
        """z (n, latent) from N(0, I), the same on every device."""
        z = torch.empty(n, self.config["latent"], dtype=torch.float32, device="cpu")
        return randn_like(z, generator).to(next(self.parameters()))

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        check_input(z, (self.config["latent"],), "This generator draws from z")
        check_numbers(self, z)
        check_told(y, len(z), self.classes, "This generator")
        if self.label is not None:
            z = torch.cat([z, self.label(y)], 1)
        if len(self.shape) == 1:
            return self.body(z)
        h = self.first(z).reshape(len(z), *self.start)
        for i, block in enumerate(self.blocks):
            h = block(F.interpolate(h, scale_factor=2.0, mode="nearest") if i else h)
        return F.pixel_shuffle(self.last(F.leaky_relu(h, 0.2)), self.config["patch"])


def eye(shape, channels: int, patch: int = 1, waves: int = WAVES) -> tuple[nn.Module, int]:
    """The part of a network that looks at samples (B, *shape): it gives features (B, n), and n. Options as in `Generator`."""
    if len(shape) == 1:
        return Waves(waves), shape[0] * (1 + 2 * waves)
    sides, widths = _sizes(shape, channels, patch)
    widths, steps = widths[::-1], []
    for i, (a, b) in enumerate(zip([widths[0], *widths], widths, strict=False)):
        steps += ([nn.AvgPool2d(2)] if i else []) + [Residual(a, b)]
    look = nn.Conv2d(shape[0] * patch**2, widths[0], 3, padding=1)
    seen = nn.Sequential(nn.PixelUnshuffle(patch), look, *steps, nn.LeakyReLU(0.2), nn.Flatten())
    return seen, widths[-1] * sides[0] ** 2


class Discriminator(Net):
    """A sample (B, *shape), and perhaps its class y (B,) -> a score (B,); above 0 means "real".

    spectral: divide each layer's weights by their largest stretch (Miyato et al. 2018, 1802.05957). minibatch_std: D also
    hears how different the samples of a batch are from each other, so that fakes which are all alike give themselves away
    (Karras et al. 2018, 1710.10196, section 3). The class enters as a direction that the features should point in
    (Miyato, Koyama 2018, 1802.05637).
    """

    def __init__(
        self,
        shape,
        classes: int = 0,
        channels: int = 32,
        patch: int = 1,
        spectral: bool = False,
        minibatch_std: bool = False,
        waves: int = WAVES,
    ):
        super().__init__(locals())
        self.group = 8 if minibatch_std else 0
        self.eye, inputs = eye(shape, channels, patch, waves)
        width = channels if len(shape) == 1 else 2 * channels
        self.body = mlp(inputs + bool(self.group), width, 2 if len(shape) == 1 else 1, width)
        self.score = nn.Linear(width, 1)
        self.label = nn.Embedding(classes, width) if classes else None
        if spectral:
            for layer in [m for m in self.modules() if isinstance(m, nn.Linear | nn.Conv2d)]:
                spectral_norm(layer)

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        check_input(x, self.shape, "This discriminator knows samples")
        check_numbers(self, x)
        check_told(y, len(x), self.classes, "This discriminator")
        h = self.eye(x)
        if self.group:
            h = torch.cat([h, batch_std(x, self.group)], 1)
        h = F.leaky_relu(self.body(h), 0.2)
        score = self.score(h)[:, 0]
        return score if self.label is None else score + (h * self.label(y)).mean(1)


def batch_std(x: Tensor, group: int) -> Tensor:
    """How different each `group` neighbours of the batch are: the mean over numbers of their standard deviation, (B, 1)."""
    parts = x.flatten(1).split(group)
    spread = [part.var(0, unbiased=False).add(1e-8).sqrt().mean().expand(len(part)) for part in parts]
    return torch.cat(spread)[:, None]
