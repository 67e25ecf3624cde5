"""The optimal denoiser, with no training: if the data are known, so is E[x0 | xt].

Let x0 come from a mixture of K round Gaussians, x0 ~ sum_k w_k N(m_k, var I). Noise keeps it a mixture,

    q(x_t) = sum_k w_k N(sqrt(alpha_bar) m_k, d I),      d = alpha_bar var + 1 - alpha_bar,

so the posterior weights r_k(x_t) are a softmax and the best guess is exact:

    E[x0 | x_t] = sum_k r_k (m_k + sqrt(alpha_bar) var / d (x_t - sqrt(alpha_bar) m_k)).

With var > 0 this is the optimum for a distribution, and a walk with it draws new points of it. A finite data set is the case
var = 0, one component for each picture: the minimiser of the DDPM loss on that set, also called the empirical denoiser
(Karras et al. 2022, arXiv 2206.00364, eq. 57). A walk with it, in small enough steps, ends at a training picture.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .diffusion import Schedule, check_schedule, convert
from .values import check_batch, check_input, need


class MixtureDenoiser:
    """Obeys the denoiser protocol: model(xt, t, y=None) -> eps_hat. Made by ideal_denoiser or mixture_denoiser.

    means: (K, ...); var: variance of each component; weights: (K,) or None for equal; labels: (K,) classes or None, for
    then it can be told one of them, y (B,), or -1 for none.
    """

    def __init__(
        self, means: Tensor, var: float, schedule: Schedule, weights: Tensor | None = None, labels: Tensor | None = None
    ):
        check_batch(means, "The data")
        check_schedule(schedule)
        need(len(means), "The data set is empty: the optimal denoiser needs at least one picture to remember.")
        need(0 <= var < math.inf, f"A variance is a number of at least 0, but var = {var}.")
        self.means, self.var, self.schedule, self.labels = means, float(var), schedule, labels
        w = torch.ones(len(means), device="cpu") if weights is None else torch.as_tensor(weights)
        said = f"weights must be {len(means)} numbers of at least 0, one for each component, and not all 0."
        need(w.shape == (len(means),) and (w >= 0).all() and w.sum() > 0, said)
        self.log_w = (w.double() / w.double().sum()).log()
        self._flat: dict[tuple, tuple[Tensor, Tensor]] = {}

    def _means(self, like: Tensor) -> tuple[Tensor, Tensor]:
        """The means m (K, D) and |m_k|^2 (K,) on x_t's device: in float64, since |x_t - m|^2 / d cancels badly near the data.

        MPS has no float64 and makes do with float32. Kept, because converting a data set at every step costs more than using it.
        """
        key = like.device, torch.float32 if like.device.type == "mps" else torch.float64
        if key not in self._flat:
            m = self.means.flatten(1).to(*key)
            self._flat[key] = m, m.square().sum(1)
        return self._flat[key]

    def _log_joint(self, xt: Tensor, t: int | Tensor, y: Tensor | None) -> tuple[Tensor, Tensor]:
        """log w_k + log N(x_t; sqrt(alpha_bar) m_k, d) for every pair (B, K), and alpha_bar (B, 1)."""
        check_input(xt, self.means.shape[1:], "This denoiser knows samples")
        m, squares = self._means(xt)
        x = xt.flatten(1).to(m)
        a = self.schedule.at(t, xt).reshape(-1, 1).to(m)
        d = a * self.var + 1 - a
        # |x - sqrt(a) m| = sqrt(a) |x / sqrt(a) - m|; matrix products are quick but lose digits, so only where they pay
        if m.shape[1] > 32:
            # |x - m|^2 = |x|^2 - 2 x.m + |m|^2; torch.cdist would copy all means in each call
            z = x / a.sqrt()
            d2 = a * (z.square().sum(1, keepdim=True) - 2 * z @ m.T + squares).clamp_min(0)
        else:
            d2 = a * torch.cdist(x / a.sqrt(), m, compute_mode="donot_use_mm_for_euclid_dist").square()
        logits = -0.5 * (d2 / d + m.shape[1] * torch.log(2 * torch.pi * d)) + self.log_w.to(m)
        if y is not None:
            said = "This denoiser was made without labels, so it cannot be asked for a class: pass labels= when you make it."
            need(self.labels is not None, said)
            y = torch.as_tensor(y, device=xt.device).reshape(-1, 1)
            known = sorted(set(self.labels.tolist()))
            missing = sorted(set(y.flatten().tolist()) - {-1, *known})
            need(not missing, f"The data have no class {', '.join(map(str, missing))}: choose one of {known}.")
            logits = logits.masked_fill((self.labels.to(xt.device) != y) & (y != -1), -torch.inf)
        return logits, a

    def posterior_weights(self, xt: Tensor, t: int | Tensor, y: Tensor | None = None) -> Tensor:
        """r_k(x_t) = p(component k | x_t), (B, K): which training pictures could this noise have come from?"""
        return self._log_joint(xt, t, y)[0].softmax(1)

    def log_density(self, xt: Tensor, t: int | Tensor, y: Tensor | None = None) -> Tensor:
        """log q(x_t) in nats, (B,); with y, log q(x_t, y)."""
        return self._log_joint(xt, t, y)[0].logsumexp(1)

    def x0_hat(self, xt: Tensor, t: int | Tensor, y: Tensor | None = None) -> Tensor:
        """E[x0 | x_t], of x_t's shape."""
        logits, a = self._log_joint(xt, t, y)
        r, gain = logits.softmax(1), a.sqrt() * self.var / (a * self.var + 1 - a)
        mean = r @ self._means(xt)[0]  # the weighted picture (B, D)
        flat = mean + gain * (xt.flatten(1).to(r) - a.sqrt() * mean)
        return flat.reshape(xt.shape).to(xt)

    def __call__(self, xt: Tensor, t: int | Tensor, y: Tensor | None = None) -> Tensor:
        """eps_hat of E[x0 | x_t], of x_t's shape."""
        return convert(self.x0_hat(xt, t, y), "x0", "eps", xt, t, self.schedule)


def ideal_denoiser(x: Tensor, schedule: Schedule, labels: Tensor | None = None) -> MixtureDenoiser:
    """The optimal denoiser of a finite data set x (N, ...): walks with it end at members of the set."""
    return MixtureDenoiser(x, 0.0, schedule, labels=labels)


def mixture_denoiser(
    means: Tensor, sd: float, schedule: Schedule, weights: Tensor | None = None, labels: Tensor | None = None
) -> MixtureDenoiser:
    """The optimal denoiser of the distribution sum_k w_k N(means_k, sd^2 I); means (K, ...), weights (K,) or None for equal.

    labels: (K,), the class of each component.
    """
    return MixtureDenoiser(means, sd**2, schedule, weights, labels)


def mixture_step_back(
    xt: Tensor, beta: float, means: Tensor, sd: float, weights: Tensor
) -> tuple[Tensor, Tensor, float]:
    """The true q(x_{t-1} | x_t) in one dimension by Bayes' rule, when q(x_{t-1}) = sum_k w_k N(means_k, sd^2).

    xt: (B,); means, weights: (K,); x_t = sqrt(1 - beta) x_{t-1} + sqrt(beta) eps. It is a mixture again: returns its weights
    (B, K), its means (B, K) and the variance that all its components share. Small beta: one narrow Gaussian. Large beta: not.
    """
    need(0 < beta < 1, f"beta must lie strictly between 0 and 1, but got {beta}.")
    xt, keep = torch.as_tensor(xt)[:, None], (1 - beta) ** 0.5
    r = (weights.log() - (xt - keep * means) ** 2 / (2 * ((1 - beta) * sd**2 + beta))).softmax(1)
    var = 1 / (1 / sd**2 + (1 - beta) / beta)
    return r, var * (means / sd**2 + keep * xt / beta), var
