"""Lesson 06."""

import math
from statistics import median

from diffusion_lib import data, gan, nets
from diffusion_lib.course.lesson06 import recipes, rungs
from diffusion_lib.evaluation import pyramid, records

from . import code, default, steps

# ---------------------------------------------------------------------------------------- the cures


def runs(kind: str, *names: str) -> list[dict]:
    """The recorded runs of some recipes (none: of all), see `recipes.recorded`."""
    return [r for name, rows in recipes.recorded(kind).items() for r in rows if not names or name in names]


def many(kind: str, recipe: str, what: str) -> str:
    """In how many of a recipe's runs it was so: "off", "lost", "blurred", a word of `recipes.FATES`, or "all" islands found."""
    rows = runs(kind, recipe)
    if what in recipes.FATES:
        return str(sum(recipes.whereabouts(r) == what for r in rows))
    if what == "all":
        return str(sum(not (r["off"] or r["lost"]) for r in rows))
    return str(sum(r[what] for r in rows))


def of(kind: str, recipe: str, what: str) -> list[str]:
    """The same with the number of runs."""
    return [many(kind, recipe, what), str(len(runs(kind, recipe)))]


def overlap(kind: str, recipe: str) -> str:
    return f"{median(r['final']['overlap'] for r in runs(kind, recipe)):.2f}"


def tries() -> list[str]:
    """Rates, networks and tries of each recipe."""
    book = records.read("cures")["tries"]
    rates, networks = {t["lr"] for t in book}, {t["network"] for t in book}
    return [str(len(rates)), str(len(networks)), str(len(rates) * len(networks))]


def held() -> str:
    """How many recipes found all islands in every run with waves: those with R1 + R2, and no other."""
    every = [n for n in gan.RECIPES if many("waves", n, "all") == str(len(runs("waves", n)))]
    assert every == ["+ R1 + R2", "RpGAN + R1 + R2"]
    return {2: "two"}[len(every)]


# ---------------------------------------------------------------------------------------- how G moves


def moved(loss: str, optimizer: str, what: str, head: int = 300) -> str:
    """The median over the seeds, as `recipes.motion_table` prints it."""
    return f"{median(recipes.motion(loss, optimizer, head, what)):.2g}"


def played() -> list[str]:
    book = records.read("motion")
    return [
        str(len({r["seed"] for r in book["play"]})),
        str(max(r["head"] for r in book["play"])),
        f"{book['play'][0]['rows'][-1][0]:.0f}",
    ]


# ---------------------------------------------------------------------------------------- the ladder


def fails(size: int, family: str, equal: str = "seconds") -> str:
    return str(sum(r["fails"] for r in rungs.climbed(size, family, equal)))


def far(size: int, family: str, equal: str = "seconds") -> str:
    return f"{median(r['distance'] for r in rungs.climbed(size, family, equal)):.1f}"


def bought(size: int, family: str, equal: str = "seconds") -> str:
    return f"{records.read('ladder')['rungs'][str(size)]['budgets'][equal][family]:,}"


def anchors(size: int, what: str) -> str:
    return f"{records.read('ladder')['anchors'][str(size)][what]:.0f}"


def dearer(family: str) -> str:
    """How many times the FLOPs of a step at 8 pixels one at 64 needs."""
    each = [records.read("ladder")["rungs"][str(s)]["gflops"][family] for s in (64, 8)]
    return f"{each[0] / each[1]:.0f}"


def laddered() -> list[str]:
    """The sentence after the ladder, in its order; who fails where is asked as well."""
    for family in pyramid.FAMILIES:
        for size in pyramid.SIZES:
            wanted = 0 if size < 32 else len(rungs.climbed(size, family))
            assert fails(size, family) == str(wanted) or (size, family) == (16, "GAN")
    assert (
        float(far(8, "GAN")) < 1.1
        and float(far(8, "DDPM")) < 1.1
        and float(far(16, "DDPM")) < 1.1 < float(far(16, "GAN"))
    )
    both = [far(8, "GAN"), far(8, "DDPM"), far(16, "DDPM"), far(16, "GAN")]
    return [*both, dearer("GAN"), dearer("DDPM"), *(bought(s, f) for f in pyramid.FAMILIES for s in (64, 8))]


def by_other_budgets() -> list[str]:
    """Equal steps and equal FLOPs: the DDPM is nearer at 16 by every budget; at 32 all runs but one fail, and who is nearer changes."""
    for equal in pyramid.EQUAL:
        assert float(far(16, "DDPM", equal)) < float(far(16, "GAN", equal))
        runs = sum(len(rungs.climbed(32, f, equal)) for f in pyramid.FAMILIES)
        assert sum(int(fails(32, f, equal)) for f in pyramid.FAMILIES) >= runs - (equal == "steps")
    assert len({float(far(32, "GAN", e)) < float(far(32, "DDPM", e)) for e in pyramid.EQUAL}) == 2
    assert all(int(bought(s, "GAN").replace(",", "")) > int(bought(s, "DDPM").replace(",", "")) for s in pyramid.AGAIN)
    return [
        *(far(s, f, "steps") for f in pyramid.FAMILIES for s in pyramid.AGAIN),
        *(far(s, f, "flops") for f in pyramid.FAMILIES for s in pyramid.AGAIN),
        anchors(8, "noise"),
    ]


def astray() -> list[str]:
    """What became of the two losses of 2014 at the usual rate; and steps of two recipes."""
    assert not any(int(many("usual", n, "all")) for n in recipes.recorded("usual"))
    steps = records.read("cures")["steps"]
    return [
        *of("usual", "minimax (2014)", "flew apart"),
        *of("usual", "non-saturating", "clump between"),
        str(len(runs("usual"))),
        *(f"{steps[n]['waves']:,}" for n in ("WGAN-GP", "RpGAN + R1 + R2")),
    ]


def compared() -> list[str]:
    plain = of("plain", "minimax (2014)", "all")
    assert int(plain[0]) > int(plain[1]) / 2 and all(r["blurred"] for r in runs("plain", "minimax (2014)"))
    assert held() == "two"
    both = [overlap("waves", "+ R1 + R2"), overlap("waves", "RpGAN + R1 + R2")]
    return [
        *plain,
        overlap("plain", "minimax (2014)"),
        *of("waves", "RpGAN alone", "lost"),
        *of("waves", "+ R1 + R2", "lost"),
        *both,
    ]


def strayed() -> list[str]:
    """Seeds in which minimax's fakes went beyond the islands with Adam, of how many."""
    far_ = recipes.motion("minimax", "Adam", HEAD, "farthest")
    return [str(sum(v > 2 * RADIUS for v in far_)), str(len(far_))]


def astray_weights() -> list[str]:
    """G's weights under each optimizer, and where the fakes went; Adam moved minimax's G a hundred times as far as plain descent."""
    least = min(recipes.motion("minimax", "Adam", HEAD, "moved"))
    most = max(recipes.motion("minimax", "plain", HEAD, "moved"))
    assert least > 100 * most
    noise = [median(recipes.motion(loss, "Adam", HEAD, "noise")) for loss in ("minimax", "non-saturating")]
    assert noise[0] > noise[1]
    return [
        moved("minimax", "plain", "moved"),
        moved("non-saturating", "plain", "moved"),
        moved("minimax", "Adam", "moved"),
        moved("non-saturating", "Adam", "moved"),
        *strayed(),
        moved("minimax", "Adam", "farthest"),
        f"{RADIUS:.1f}",
        moved("minimax", "Adam", "noise"),
        moved("non-saturating", "Adam", "noise"),
    ]


HEAD, RADIUS = 300, float(data.ring(16).modes.norm(dim=1).max())


def rules() -> list[str]:
    book = records.read("cures")
    return [
        *tries(),
        str(len(runs("plain", "minimax (2014)"))),
        str(len(runs("waves", "minimax (2014)"))),
        f"{book['seconds']:g}",
        f"{book['real']['overlap']:.2f}",
    ]


def millions() -> list[str]:
    """Parameters of the ladder's networks: the GAN's at 8 and at 64 pixels, the U-Net's."""
    rung_ = records.read("ladder")["rungs"]
    return [f"{sum(rung_[str(s)]['parameters'][f]) / 1e6:.2f}" for s, f in ((8, "GAN"), (64, "GAN"), (64, "DDPM"))]


def none_reaches_all() -> None:
    assert many("usual", "non-saturating", "all") == "0"


MEASURED = {
    "06-play": lambda: [steps("06-play-code")],
    "06-play-after": lambda: of("usual", "non-saturating", "clump between"),
    "06-measure-reveal": lambda: [str(len(data.ring(16).modes)), f"{math.log(8):.2f}", "8"],
    "06-vanish-play": lambda: [default(recipes.winning, "steps")],
    "06-vanish-after": lambda: [
        *played()[:2],
        moved("minimax", "Adam", "gradient"),
        moved("non-saturating", "Adam", "gradient"),
    ],
    "06-vanish-reveal": lambda: [
        f"{1 / (1 + math.exp(10)):.6f}",
        f"{1 / (1 + math.exp(-10)):.5f}",
        f"{round(math.exp(10), -3):,.0f}",
    ],
    "06-move": lambda: [*played()[1:], played()[0]],
    "06-move-after": astray_weights,
    "06-spectral": lambda: [str(nets.Discriminator((2,), minibatch_std=True).group)],
    "06-cures": rules,
    "06-cures-after": compared,
    "06-astray-after": astray,
    "06-grid": lambda: [steps("06-grid-code")],
    "06-ladder": lambda: [f"{records.read('ladder')['seconds']:.0f}", *map(str, pyramid.SIZES)],
    "06-ladder-after": laddered,
    "06-ladder-equal": by_other_budgets,
    "06-live": lambda: [code("06-live-code", r"seconds=(\d+)")],
}

SHOWN = {"06-play-after": none_reaches_all}

QUOTED = {
    "06-cures-after": [
        (
            "Huang et al. 2024 (R3GAN)",
            "Stacked MNIST: modes of GAN + R1 + R2, of all, of RpGAN + R1 + R2",
            "693 1,000 1,000",
        )
    ],
    "06-history": [
        ("Karras et al. 2018, 2019, 2020; Brock et al. 2019", "the largest pictures", "2018 1024 1024 2019 2020 2019"),
        (
            "Dhariwal, Nichol 2021",
            "table 10, LSUN Horse 256: V100-days, FID, recall of StyleGAN2 and of ADM",
            "256 2 130 100 3.84 0.48 116 100 2.57 0.55",
        ),
        ("Huang et al. 2024 (R3GAN)", "FFHQ 256; and CIFAR-10 with classes", "256 2024 2.75 1.96 10"),
        ("Rombach et al. 2022 (LDM)", "FFHQ 256, 200 steps, as R3GAN's table has it", "2022 4.98 200"),
        ("Karras et al. 2022 (EDM)", "abstract: CIFAR-10 with classes, calls", "2022 1.79 35"),
    ],
}

PLAIN = {  # minutes, years, numbers of a list, a definition or an example, choices of a guess
    "06-title": "95",
    "06-play": "2014",
    "06-play-after": "0",
    "06-measure": "3 1 3",
    "06-measure-guess": "2,500 3",
    "06-measure-reveal": "3",
    "06-measure-after": "3",
    "06-why-code-intro": "300",
    "06-vanish": "2014",
    "06-vanish-guess": "10 10 100 20,000",
    "06-jsd": "2",
    "06-vanish-play": "5",
    "06-vanish-reveal": "20,000 10 10 10",
    "06-circle": "0 0",
    "06-circle-after": "4",
    "06-circle-reveal": "1 2",
    "06-cures-guess": "2014",
    "06-astray-usual": "2014",
    "06-astray-way": "0",
    "06-ladder": "2,000 7 7 1",
    "06-ladder-rule": "16 64 32 16 2 2",
    "06-ladder-guess": "8 64",
    "06-ladder-after": "8 16 32 64 64 8 16 32",
    "06-ladder-equal": "16 32 16 32 8",
    "06-ladder-reveal": "32",
    "06-live": "50",
    "06-ex3": "2",
    "06-ex1": "1.0 0.0",
    "06-talk": "20 1 50",
    "06-summary": "0",
    "06-symbols": "1 5 2019 2020",
}
