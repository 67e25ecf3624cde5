"""The exercises of lesson 05: what each asks, the right function, and the slips that people make."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from ...words import N_
from ..exercise import Exercise, gaussian


def d_pays(real, fake):
    """-log D(x) - log(1 - D(G(z))) for each pair, with D = sigmoid(score): softplus(-s) is -log sigmoid(s)"""
    return F.softplus(-real) + F.softplus(fake)


def g_pays(fake):
    """-log D(G(z)) for each fake, the non-saturating loss"""
    return F.softplus(-fake)


def best_d(p, q):
    """The best D against a fixed G (Goodfellow 2014, proposition 1)"""
    return p / (p + q)


def best_d_smoothed(p, q, a, b):
    """The slope of -(a p + b q) log D - ((1 - a) p + (1 - b) q) log(1 - D) is zero here"""
    return (a * p + b * q) / (p + q)


def teach_d(g, d, real, z):
    """The gradients that one lesson of D leaves in G's weights and in D's: (2, D)"""
    g, d = g.clone().requires_grad_(), d.clone().requires_grad_()
    fake = (z * g).detach()  # the way back to g is cut here
    d_pays(real @ d, fake @ d).mean().backward()
    return torch.stack([torch.zeros_like(g) if g.grad is None else g.grad, d.grad])


def fool_d(g, d, z):
    """The gradient that G's lesson leaves in G's weights: (D,)"""
    g = g.clone().requires_grad_()
    g_pays(z * g @ d).mean().backward()  # through D's score, with D's weights as they are
    return g.grad


def _scores(g):
    """Scores of real ones and of fakes, of every size."""
    return [(scale * gaussian((n,), g), scale * gaussian((n,), g)) for n, scale in ((6, 1.0), (5, 3.0), (9, 0.3))]


def _lesson(loss=d_pays, cut=True, order=(0, 1)):
    """teach_d with another loss, without the cut, or with its rows in another order."""

    def formula(g, d, real, z):
        g, d = g.clone().requires_grad_(), d.clone().requires_grad_()
        fake = (z * g).detach() if cut else z * g
        slopes = torch.autograd.grad(loss(real @ d, fake @ d).mean(), (g, d), allow_unused=True, materialize_grads=True)
        return torch.stack(slopes)[list(order)]

    return formula


def _fooled(loss, sign=1.0, of="g"):
    """fool_d with another loss, sign, or the gradient of d's weights."""

    def formula(g, d, z):
        w = {"g": g.clone().requires_grad_(), "d": d.clone().requires_grad_()}
        (slope,) = torch.autograd.grad(loss(z * w["g"] @ w["d"]).mean(), w[of])
        return sign * slope

    return formula


def _linear_gan(*names):
    """Cases for G(z) = z g and a score x d: weights (D,), and batches (B, D)."""

    def cases(g):
        sizes = ((5, 3), (8, 2), (4, 6))
        shapes = {"g": lambda b, d: (d,), "d": lambda b, d: (d,), "real": lambda b, d: (b, d), "z": lambda b, d: (b, d)}
        return [tuple(gaussian(shapes[name](b, d), g) for name in names) for b, d in sizes]

    return cases


# fmt: off
EXERCISES: tuple[Exercise, ...] = (
    Exercise(
        "05.d_loss",
        d_pays, _scores,
        {
            "labels swapped": (lambda r, f: F.softplus(r) + F.softplus(-f), N_("It looks as if the labels are swapped: this D learns to call real ones fake and fakes real.")),
            "sigmoid taken twice": (lambda r, f: F.softplus(-r.sigmoid()) + F.softplus(f.sigmoid()), N_("It looks as if sigmoid is taken twice: softplus and `binary_cross_entropy_with_logits` want the score itself, they have a sigmoid in them. A probability put through another sigmoid never leaves 0.5 to 0.73, so this D can never be sure.")),
            "fakes missing": (lambda r, f: F.softplus(-r), N_("It looks as if the fakes are missing: a D that sees only real ones learns to say \"real\" to everything.")),
            "real ones missing": (lambda r, f: F.softplus(f), N_("It looks as if the real ones are missing: a D that sees only fakes learns to say \"fake\" to everything.")),
            "fakes labelled real": (lambda r, f: F.softplus(-r) + F.softplus(-f), N_("It looks as if the fakes are labelled as real ones too: for a fake D wants -log(1 - D), which is softplus(+score).")),
            "real ones labelled": (lambda r, f: F.softplus(r) + F.softplus(f), N_("It looks as if the real ones are labelled as fakes: for a real one D wants -log D, which is softplus(-score).")),
            "minus missing": (lambda r, f: -d_pays(r, f), N_("It looks as if the minus is missing: log D is negative, and a loss is made small, so D would learn to be wrong.")),
            "half": (lambda r, f: d_pays(r, f) / 2, N_("This is half of it: the mean of the two. It teaches the same with half the learning rate; the paper adds them, and then log 4 is what a D pays that cannot tell.")),
            "mean all them": (lambda r, f: d_pays(r, f).mean() + 0 * r, N_("This is the mean for all of them: say for each pair what it costs.")),
            "logarithms missing": (lambda r, f: (1 - r.sigmoid()) + f.sigmoid(), N_("It looks as if the logarithms are missing: these are the shares that D gets wrong, and their slope vanishes where D is very wrong.")),
        },
        (N_("Two prices for each pair, one for the real score and one for the fake, added."),
         N_("-log sigmoid(s) = softplus(-s), and 1 - sigmoid(s) = sigmoid(-s)."),
         N_("F.softplus(-real) + F.softplus(fake)")),
        N_("a D that answers one half everywhere pays log 4 = 1.386; whoever pays less can tell the two apart."),
        N_("The library calls this `gan.d_logistic`."),
    ),
    Exercise(
        "05.g_loss",
        g_pays, lambda g: [case[1:] for case in _scores(g)],
        {
            "g plays d": (lambda f: F.softplus(f), N_("It looks as if G plays for D: this is small where D says \"fake\", so G would learn to be found out.")),
            "minimax loss": (lambda f: -F.softplus(f), N_("This is the minimax loss, log(1 - D): right in its goal, but almost flat where D is sure, and there G most needs a slope. The non-saturating loss is asked for.")),
            "sigmoid taken twice": (lambda f: F.softplus(-f.sigmoid()), N_("It looks as if sigmoid is taken twice: softplus wants the score itself.")),
            "minus missing": (lambda f: -g_pays(f), N_("It looks as if the minus is missing: log D is negative, and -log D is to be made small.")),
            "loss wasserstein gan": (lambda f: -f, N_("This is the loss of a Wasserstein GAN or of the hinge loss: uphill on the score itself, with no logarithm.")),
            "logarithm missing": (lambda f: -f.sigmoid(), N_("It looks as if the logarithm is missing: the slope of sigmoid vanishes where D is sure.")),
            "logarithm missing 2": (lambda f: (1 - f.sigmoid()), N_("It looks as if the logarithm is missing: this is the share that is found out, and its slope vanishes where D is sure.")),
        },
        (N_("Which label would G like its fakes to have?"),
         N_("-log sigmoid(s) = softplus(-s)."),
         N_("F.softplus(-fake)")),
        N_("it is what D pays for a real one: G's loss is D's, with the label that G would like."),
        N_("The library calls this `gan.g_non_saturating`."),
    ),
    Exercise(
        "05.best",
        best_d, lambda g: [(0.05 + torch.rand(n, generator=g, dtype=torch.float64), 0.05 + torch.rand(n, generator=g, dtype=torch.float64)) for n in (5, 7, 4)],
        {
            "p q changed": (lambda p, q: q / (p + q), N_("It looks as if p and q have changed places: this is the probability of \"fake\".")),
            "ratio densities": (lambda p, q: p / q, N_("This is the ratio of the densities, the odds: a probability lies between 0 and 1. Divide by the sum.")),
            "best score": (lambda p, q: (p / q).log(), N_("This is the best score, log p - log q: its sigmoid is asked for.")),
            "difference densities no": (lambda p, q: p - q, N_("A difference of densities is no probability: it can be negative.")),
            "not look fakes": (lambda p, q: p, N_("That does not look at the fakes at all: where there are many fakes, a D should doubt.")),
            "where fakes denser": (lambda p, q: p * (p > q), N_("Where fakes are denser D still does best not to be sure: some things there are real.")),
            "d always sure": (lambda p, q: (p > q).double(), N_("This D is always sure. Its loss would be infinite: now and then it is wrong, and log 0 is what it pays.")),
            "half right only": (lambda p, q: 0.5 + 0 * p, N_("One half is right only where p = q, that is everywhere once the fakes are spread as real ones are.")),
        },
        (N_("Of 100 things that lie at this place, how many are real?"),
         N_("Half of what D sees is real, half is fake; so near x there are p(x) real ones for every q(x) fakes."),
         N_("p / (p + q)")),
        N_("one half where both are equally dense: so a G whose fakes are spread as real ones are leaves D nothing but guessing."),
    ),
    Exercise(
        "05.detach",
        teach_d, _linear_gan("g", "d", "real", "z"),
        {
            "detach forgotten": (_lesson(cut=False), N_("The detach is forgotten: D's loss has run on through the fakes into G's weights. If an optimizer of G meets this gradient, G learns to be found out.")),
            "labels swapped": (_lesson(lambda r, f: d_pays(f, r)), N_("It looks as if the labels are swapped: D's gradient points to calling fakes real.")),
            "labels swapped 2": (_lesson(lambda r, f: d_pays(f, r), cut=False), N_("It looks as if the labels are swapped, and the detach is forgotten.")),
            "sigmoid taken twice": (_lesson(lambda r, f: d_pays(r.sigmoid(), f.sigmoid())), N_("It looks as if sigmoid is taken twice: the loss wants the scores themselves.")),
            "sigmoid taken twice 2": (_lesson(lambda r, f: d_pays(r.sigmoid(), f.sigmoid()), cut=False), N_("It looks as if sigmoid is taken twice, and the detach is forgotten.")),
            "rows wrong way": (_lesson(order=(1, 0)), N_("It looks as if the rows are the wrong way round: first g's gradient, then d's.")),
            "d shown no": (_lesson(lambda r, f: F.softplus(f)), N_("It looks as if D is shown no real ones.")),
            "d shown no fakes": (_lesson(lambda r, f: F.softplus(-r)), N_("It looks as if D is shown no fakes.")),
            "half": (_lesson(lambda r, f: d_pays(r, f) / 2), N_("This is half of it: D's loss is a sum of two means, not one mean over all.")),
        },
        (N_("Write D's loss of exercise 1 with `real @ d` and `fake @ d`. What must be between `z * g` and D?"),
         N_("`fake = (z * g).detach()` is a tensor with the same numbers that has forgotten where it comes from."),
         N_("After backward: torch.stack([torch.zeros_like(g) if g.grad is None else g.grad, d.grad])")),
        N_("nothing went back to G: no time is lost on the way there, and no gradient lies about that an optimizer of both would follow, towards fakes that are easier to spot."),
    ),
    Exercise(
        "05.fool",
        fool_d, _linear_gan("g", "d", "z"),
        {
            "g gets no": (lambda g, d, z: torch.zeros_like(g), N_("G gets no gradient: the graph is frozen between its loss and its weights. Here the fakes must NOT be detached, and the score not be computed under `torch.no_grad()`: the only way to G leads through D.")),
            "gradient d weights": (_fooled(g_pays, of="d"), N_("This is the gradient of D's weights: in G's lesson D lets the gradient through, and stays as it is.")),
            "sign turned round": (_fooled(g_pays, sign=-1.0), N_("It looks as if the sign is turned round: the gradient itself is asked for; the step goes against it.")),
            "fakes labelled fake": (_fooled(lambda f: F.softplus(f)), N_("It looks as if the fakes are labelled fake, as in D's lesson: G wants D to say \"real\".")),
            "gradient minimax loss": (_fooled(lambda f: -F.softplus(f)), N_("This is the gradient of the minimax loss: almost nothing where D is sure. The non-saturating one is asked for.")),
            "sigmoid taken twice": (_fooled(lambda f: g_pays(f.sigmoid())), N_("It looks as if sigmoid is taken twice: the loss wants the scores themselves.")),
            "loss minus mean": (_fooled(lambda f: -f), N_("It looks as if the loss is minus the mean score: -log sigmoid(score) is asked for.")),
            "sum over batch": (_fooled(lambda f: F.softplus(-f) * len(f)), N_("It looks as if it is a sum over the batch: take the mean.")),
        },
        (N_("G's loss of exercise 1, on the scores `(z * g) @ d`."),
         N_("No detach this time: the gradient has to come back from the loss through D's score to g."),
         N_("g = g.clone().requires_grad_(); F.softplus(-(z * g) @ d).mean().backward(); return g.grad")),
        N_("all that G ever hears of the real ones has come this way: as a gradient, through D."),
    ),
    Exercise(
        "05.smooth",
        best_d_smoothed, lambda g: [(0.05 + torch.rand(n, generator=g, dtype=torch.float64), 0.05 + torch.rand(n, generator=g, dtype=torch.float64), a, b) for n, a, b in ((5, 0.9, 0.0), (7, 0.8, 0.1), (4, 1.0, 0.3))],
        {
            "best d labels": (lambda p, q, a, b: p / (p + q), N_("This is the best D with labels 1 and 0: write down what D pays at a place with these labels, and set the slope in D to zero.")),
            "fakes label left": (lambda p, q, a, b: a * p / (p + q), N_("It looks as if the fakes' label is left out: a fake too asks for some \"real\", the share b.")),
            "labels taken how": (lambda p, q, a, b: a * p / (a * p + b * q), N_("It looks as if the labels were taken for how many there are of each: the sum below stays p + q, for each item pays a + (1 - a) = 1 in all.")),
            "b changed places": (lambda p, q, a, b: (b * p + a * q) / (p + q), N_("It looks as if a and b have changed places.")),
            "probability fake": (lambda p, q, a, b: ((1 - a) * p + (1 - b) * q) / (p + q), N_("This is the probability of \"fake\": 1 minus the answer.")),
            "fakes label 1": (lambda p, q, a, b: (a * p + (1 - b) * q) / (p + q), N_("It looks as if the fakes' label is 1 - b: b is the share of \"real\" that D is told for a fake.")),
            "d takes label": (lambda p, q, a, b: torch.where(p > q, a + 0 * p, b + 0 * p), N_("This D takes the label of whoever is denser: but both kinds are there, and both are paid for.")),
            "fakes part subtracted": (lambda p, q, a, b: (a * p - b * q) / (p + q), N_("It looks as if the fakes' part is subtracted: what asks for \"real\" is a p + b q together.")),
        },
        (N_("At x, D pays -(a p + b q) log D and something times log(1 - D). What is it that stands there?"),
         N_("((1 - a) p + (1 - b) q). Now, as in section 3: which D makes -A log D - B log(1 - D) smallest?"),
         N_("A / (A + B), and A + B = p + q.")),
        N_("with b = 0 D is only less sure. With b > 0 it tells more \"real\" where there are many fakes, as if to say: stay there. So one softens the label of real ones only."),
        N_("The idea is called one-sided label smoothing (Salimans et al. 2016, section 3.4)."),
    ),
)
