"""What a diffusion network is asked and how its answers are used: the losses, the learned variance, training and drawing.

Letters, shapes and papers as in `diffusion`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import torch
from torch import Tensor, nn

from .bound import bits_per_dimension as bits_per_dimension
from .bound import vlb_term
from .dataset import Data
from .diffusion import PREDICTIONS, Schedule, add_noise, convert, randn_like
from .guidance import check_weight, guided
from .machine import PRECISIONS, faster_precision, randn_there, replayed, seeded_weights, settle
from .nets import MLP, UNet
from .sampling import named_sampler, sample
from .telling import Focus, forget
from .train import Learner, Parts
from .values import check_classes, check_input, check_shape, choice, classes_for, dice, need, plain, portions


def draw_times(n: int, schedule: Schedule, even: str, generator: torch.Generator | None) -> Tensor:
    """n random times in 1..T, (n,). even says which times are drawn how often:

    "t"     all alike, as DDPM does;
    "snr"   each decibel of noise alike: more of the small noises, where narrow structure is learned;
    "bell"  ln sigma is drawn from N(-0.5, 1.2^2), where sigma^2 = 1 / alpha_bar - 1: mostly the middle, where it is
            decided what the picture becomes (Karras et al. 2022, 2206.00364, table 1, for data of variance 1).
    """
    if choice(even, ("t", "snr", "bell"), "Times cannot be drawn evenly in") == "t":
        return torch.randint(1, schedule.T + 1, (n,), generator=generator)
    log_sigma = -0.5 * torch.logit(schedule.alpha_bar[1:])
    share = torch.cat([log_sigma[1:2] - log_sigma[:1], log_sigma.diff()])  # t = 1 has no neighbour but t = 2
    if even == "bell":
        share = share * torch.exp(-0.5 * ((log_sigma + 0.5) / 1.2) ** 2)
    return 1 + torch.multinomial(share, n, replacement=True, generator=generator)


def ddpm_loss(
    model: Callable, x0: Tensor, t: Tensor, eps: Tensor, schedule: Schedule, predicts: str = "eps", y=None, places=1.0
) -> Tensor:
    """How far the network's answer is from the truth: the mean square of model(x_t, t, y) - target. A number.

    x0, eps: (B, ...); t: (B,). predicts names the target: "eps" (DDPM eq. 14, L_simple, where t is drawn evenly), "x0", or
    "v" = sqrt(alpha_bar) eps - sqrt(1 - alpha_bar) x0, which is eps at one end of time and -x0 at the other.
    places: how much each place counts, such as (1, H, W).
    """
    xt = add_noise(x0, t, eps, schedule)
    target = convert(eps, "eps", predicts, xt, t, schedule)
    answer = model(xt, t.to(xt.device), y).float()
    check_shape(answer, target, "The network")
    return (places * (answer - target).pow(2)).mean()


def hybrid_loss(
    model: Callable, x0: Tensor, t: Tensor, eps: Tensor, schedule: Schedule, predicts: str = "eps", y=None, levels=None
) -> Tensor:
    """L_simple + 0.001 L_vlb (iDDPM eq. 16, weighted anew by how t is drawn) for a model that also answers with a variance: (B, 2C, ...).

    The bound teaches the variance only: the mean's answer is held fixed in it, and learns from L_simple alone.
    levels: how many values a pixel can have, see `vlb_term`.
    """
    xt = add_noise(x0, t, eps, schedule)
    answer, raw = model(xt, t.to(xt.device), y).float().chunk(2, 1)
    check_shape(answer, x0, "The first half of the network's channels")
    simple = (answer - convert(eps, "eps", predicts, xt, t, schedule)).pow(2).mean()
    x0_hat = convert(answer.detach(), predicts, "x0", xt, t, schedule)
    bound = vlb_term(x0, xt, x0_hat, t, share_of_beta(raw), schedule, levels).mean()
    return simple + 0.001 * schedule.T * bound


def share_of_beta(raw: Tensor) -> Tensor:
    """What the network says of its variance -> v, the share of log beta in it: -1 is all beta_tilde, 1 all beta (iDDPM eq. 15)."""
    return (raw + 1) / 2


class Denoiser(nn.Module):
    """A network and how to ask it: model(xt, t, y=None) -> eps_hat, just like the optimal denoisers of `oracle`.

    predicts: what the network answers, one of PREDICTIONS; if it has learned its variance, with twice the channels.
    card: where the weights come from, if they were loaded.
    """

    def __init__(self, net: nn.Module, schedule: Schedule, predicts: str = "v", card: dict | None = None):
        super().__init__()
        choice(predicts, PREDICTIONS, "A network cannot predict")
        self.net, self.schedule, self.predicts, self.card = net, schedule, predicts, card or {}

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one sample."""
        return tuple(self.net.config["shape"])

    @property
    def classes(self) -> int | list[int]:
        """How many it can be told, 0 if none; a list for several words, see `values.classes_for`."""
        return self.net.config["classes"]  # a network of the reader's own has these, too

    @property
    def learns_variance(self) -> bool:
        """Does it answer with a variance as well, see `eps_and_v`?"""
        return self.net.config["out"] == 2

    def forward(self, xt: Tensor, t: int | Tensor, y: Tensor | None = None) -> Tensor:
        """eps_hat (B, ...) for x_t (B, ...) at t, one of 1..T or (B,); y (B,): classes, -1 for none; None: none at all; (B, F): words."""
        return self.eps_and_v(xt, t, y)[0]

    @torch.no_grad()
    def eps_and_v(self, xt: Tensor, t: int | Tensor, y: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """eps_hat, and the learned share v of log beta (B, ...), see `share_of_beta`; None if the variance is not learned."""
        check_input(xt, self.shape, "This network knows samples")
        if y is not None:
            check_classes(y, len(xt), self.classes)
        times = torch.as_tensor(t, device=xt.device).expand(len(xt))
        kind = next((p.dtype for p in self.net.parameters()), xt.dtype)
        answer, v = self.net(xt.to(kind), times, y).float(), None
        if self.learns_variance:
            answer, raw = answer.chunk(2, 1)
            v = share_of_beta(raw)
        return convert(answer, self.predicts, "eps", xt, t, self.schedule), v


MODEL, NETS, CALLS = Denoiser, (MLP, UNet), 20  # see `families`
SMALL = 8  # pixels a side: so many or fewer are not folded


def suited(data: Data) -> dict:
    """What `build` takes for these data where it is told None. Of small pictures it takes more a step."""
    if data.x.ndim == 2:
        return {"channels": 128, "batch": 512, "lr": 3e-3, "even": "snr"}
    if data.y is not None and data.y.ndim == 2:
        return {"channels": 64, "batch": 64, "lr": 2e-3, "even": "bell"}
    return {"channels": 32, "batch": 128 if data.x.shape[-1] <= SMALL else 64, "lr": 2e-3, "even": "bell"}


@plain()
def build(
    data: Data,
    *,
    schedule: Schedule | None = None,
    predicts: str = "v",
    learn_variance: bool = False,
    net: nn.Module | None = None,
    channels: int | None = None,
    batch: int | None = None,
    lr: float | None = None,
    even: str | None = None,
    drop: float = 0.1,
    words_first: bool = True,
    focus: Sequence[str] = (),
    precision: str = "float32",
    optimizer: str = "adamw",
    seed: int = 0,
    device="cpu",
) -> tuple[Denoiser, Parts]:
    """A network that suits the data, and its training: ``model, parts = build(data)``, then ``fit(*parts, seconds=60)``.

    The model is the moving average, so it can be used at every moment of the training. If pictures have classes, the
    network is told them. Where the default is None, `suited` decides, unless another rule stands here.

    schedule        None: cosine, T = 1000
    predicts        what the network is asked for, one of `diffusion.PREDICTIONS`
    learn_variance  as in iDDPM, by `hybrid_loss`
    net             a network of your own, called as `nets.UNet` is; None: an MLP for points, a U-Net for pictures
    channels        of the U-Net, a multiple of 8; of the MLP its width
    batch, lr       samples a step; the highest learning rate
    even            which times are drawn how often, see `draw_times`
    drop            the share of pictures whose class is kept back, so that it can draw without being told as well
    words_first     several words are all told at first, and kept back later; False for a network that knows them
    focus           words that are learned more, see `telling.Focus`
    precision       see `Learner`; "auto": what `faster_precision` finds here and now
    optimizer       "adamw", or "muon", which learned more in the same time on sprites (benchmarks/optimizers.py)
    seed, device    the dice of weights and batches; where the network lives

    Raises ValueError, in one sentence, for numbers and data that no network can take.
    """
    told = dict(locals())
    choice(precision, PRECISIONS, "There is no precision")
    use = settle(told, suited, several=True)
    schedule = told["schedule"] = schedule or Schedule.of("cosine", 1000)
    common = {"classes": use.classes, "out": 1 + learn_variance}
    if isinstance(use.classes, list):  # three sizes, wide from the first: words decide small things in large pictures
        common["mults"] = (1, 1, 1)
    with seeded_weights(seed):
        if net is None and use.points:
            net = MLP(use.shape, schedule.T, width=use.channels, **common)
        elif net is None:
            patch = 1 if data.x.shape[-1] <= SMALL else 2
            net = UNet(use.shape, schedule.T, channels=use.channels, patch=patch, **common)
    net, data = net.to(device), data.to(device)
    need(not (focus and learn_variance), "A focus on words goes with a fixed variance: leave one of both out.")
    seen, loss_of = Focus(data, focus), partial(hybrid_loss, levels=None if use.points else data.levels)
    loss_of = loss_of if learn_variance else partial(ddpm_loss, places=seen.places)

    def step(items, generator) -> dict[str, float]:
        x0, y = items
        n = len(x0) // seen.each
        t, eps = draw_times(n, schedule, use.even, generator), randn_there(x0[:n], generator)
        if use.classes:
            y = forget(y, drop, generator, whole=learner.share if words_first else 0.0)
            x0, y = seen.choose(x0, y, n, generator)
        with learner.autocast():
            loss = loss_of(ask, x0, t, eps, schedule, predicts, y if use.classes else None)
        return {"loss": learner.descend(loss)}

    if precision == "auto":
        precision = faster_precision(net, data.x[: use.batch])
    learner = Learner(net, use.lr, precision=precision, optimizer=optimizer)
    ask = replayed(net, precision, data, use.batch)
    parts = Parts(step, data.batches(seen.each * use.batch, seed), [learner], {"model": "ddpm"} | told)
    return Denoiser(learner.ema, schedule, predicts), parts


def draw(
    model: Denoiser,
    n: int,
    steps: int = 20,
    *,
    sampler: str | None = None,
    y: Tensor | str | None = None,
    eta: float | None = None,
    seed: int = 0,
    batch: int = 250,
    w: float = 1.0,
    negative: Tensor | None = None,
) -> Iterator[Tensor]:
    """n samples, a batch (B, ...) at a time: ``torch.cat(list(draw(model, 100)))``. Pictures are kept in [-1, 1].

    sampler  a key of SAMPLERS; None is dpmpp_2m, for which 20 steps are enough, or ddpm for an eta above 0
    y        (n,) class numbers; "none": without a class; None: each class in turn, if the network has any
    eta      the fresh noise, None is the sampler's own
    w        how strongly y counts, 1 as it was learned; negative, like y: what to lead away from. See `guidance.guided`
    """
    check_weight(w)
    said = f"This network was trained without classes, so nothing can be drawn out: leave w = {w} out."
    need(w == 1 or model.classes, said)
    if negative is not None:
        check_classes(negative, n, model.classes)
    y = classes_for(y, n, model.classes)
    sampler = sampler or ("ddpm" if eta else "dpmpp_2m")
    times = model.schedule.times(steps, named_sampler(sampler, eta).even)
    clip, device = 1.0 if len(model.shape) == 3 else None, next(model.parameters()).device
    noise = randn_like(torch.empty(n, *model.shape, dtype=torch.float32, device="cpu"), g := dice(seed))
    for xT, told, away in portions(batch, device, noise, y, negative):
        asked = model if w == 1 else guided(model, told, w, away)
        walk = sample(asked, xT, steps=times, sampler=sampler, generator=g, eta=eta, clip=clip, y=told)
        yield deque(walk, maxlen=1).pop().xs.cpu()  # only the last is kept


def training_flops(parts: Parts, x: Tensor, y: Tensor | None, F: Callable[..., float]) -> float:
    """3 F: there, and back for the weights and for the activations."""
    times = torch.ones(len(x), dtype=torch.long, device=x.device)
    return 3 * F(parts.learners[0].model, x, times, y)
