"""Every option of `train`, `sample` and `figure` changes what it names: what is built, drawn and written is asked, nothing is trained."""

import json
import re
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from diffusion_lib import classifier, data, ddpm, figures, gan, shell, store, train, vae
from diffusion_lib.__main__ import main
from diffusion_lib.diffusion import Schedule, add_noise, sample
from diffusion_lib.nets import MLP
from diffusion_lib.oracle import ideal_denoiser

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def built(monkeypatch, tmp_path):
    """What `train WORDS` hands to the model's `build`, to `fit`, to the device and to `store.save`."""
    monkeypatch.chdir(tmp_path)
    told = {}

    def build(d, **options):
        told.update(options, data=d)
        net = torch.nn.Linear(1, 1)
        return net, train.Parts(None, iter([(torch.zeros(5, 2), None)]), [])

    def fit(*parts, **options):
        told.update(fit=options)
        yield train.Record(3, 1.0, 1.0, 1.0, {"loss": 0.5})

    def save(path, model, card, half=False):
        told.update(half=half, card=card)
        path.write_bytes(b"weights")
        return path

    for module in (ddpm, gan, vae, classifier):
        monkeypatch.setattr(module, "build", build)
    monkeypatch.setattr(train, "fit", fit)
    monkeypatch.setattr(store, "save", save)
    monkeypatch.setattr(
        train, "pick_device", lambda wanted=None: told.update(wanted=wanted) or torch.device("cpu")
    )

    def run(*words):
        told.clear()
        assert main(["train", *words]) == 0
        return SimpleNamespace(**told)

    return run


def test_every_option_of_train_reaches_what_it_names(built):
    plain = built("--data", "grid")
    assert (
        plain.data.name == "grid"
        and plain.fit["seconds"] == 120
        and plain.fit["seed"] == plain.seed == 0
        and not plain.half
    )
    assert (
        plain.predicts == "v"
        and plain.learn_variance is False
        and plain.channels is None
        and plain.wanted is None
        and plain.fit["checkpoint"] is None
    )
    one = built(
        "--data",
        "digits",
        "--predicts",
        "eps",
        "--learn-variance",
        "--channels",
        "16",
        "--seed",
        "7",
        "--steps",
        "9",
    )
    assert (one.predicts, one.learn_variance, one.channels, one.seed) == ("eps", True, 16, 7)
    assert one.fit["steps"] == 9 and "seconds" not in one.fit and one.fit["seed"] == 7
    two = built("--data", "ring", "--seconds", "5.5", "--device", "cpu", "--half", "--checkpoint", "c.pt")
    assert (
        two.fit["seconds"] == 5.5
        and two.wanted == "cpu"
        and two.half
        and str(two.fit["checkpoint"]) == "c.pt"
    )
    for loss in gan.LOSSES:
        assert built("--model", "gan", "--data", "ring", "--loss", loss).loss == loss
    three = built("--model", "gan", "--data", "ring", "--latent", "5", "--channels", "24", "--seed", "3")
    assert (three.latent, three.channels, three.seed) == (5, 24, 3) and not hasattr(three, "loss")
    four = built(
        "--model",
        "vae",
        "--data",
        "digits",
        "--latent",
        "2",
        "--channels",
        "40",
        "--sd",
        "0.5",
        "--items",
        "50",
        "--seed",
        "6",
    )
    assert (four.latent, four.channels, four.sd, four.seed) == (2, 40, 0.5, 6)
    learn, _ = data.digits().split(50)
    assert torch.equal(four.data.x, learn.x)
    five = built("--model", "classifier", "--data", "sprites", "--size", "16", "--items", "9", "--seed", "8")
    assert five.data.x.shape == (9, 3, 16, 16) and five.seed == 8


@pytest.fixture
def weights(tmp_path):
    """A network of each family with classes, in files."""
    torch.manual_seed(0)
    net = MLP((1, 8, 8), 60, classes=10, width=16, depth=1)
    torch.nn.init.normal_(net.last.weight, std=0.1)
    models = {
        "ddpm": ddpm.Denoiser(net, Schedule.of("cosine", 60), "v"),
        "gan": gan.Generator((1, 8, 8), 4, classes=10, channels=8),
        "vae": vae.VAE((1, 8, 8), 4, classes=10, channels=8),
    }
    for name, model in models.items():
        store.save(tmp_path / f"{name}.safetensors", model, {})
    return tmp_path, models


@pytest.mark.parametrize("family", ("ddpm", "gan", "vae"))
def test_every_option_of_sample_changes_what_is_drawn(weights, family, monkeypatch):
    folder, models = weights
    wanted = []
    monkeypatch.setattr(train, "pick_device", lambda name=None: wanted.append(name) or torch.device("cpu"))

    def drawn(*words):
        out = folder / "x.npy"
        assert (
            main(
                [
                    "sample",
                    "--weights",
                    str(folder / f"{family}.safetensors"),
                    "--out",
                    str(out),
                    "--n",
                    "5",
                    *words,
                ]
            )
            == 0
        )
        return np.load(out)

    own = {"ddpm": ddpm, "gan": gan, "vae": vae}[family]
    steps = {"steps": 50} if family == "ddpm" else {}

    def want(**more):
        return torch.cat(list(own.draw(models[family], 5, **(steps | more)))).detach().numpy()

    assert np.allclose(drawn(), want(seed=0), atol=1e-5)
    assert np.allclose(drawn("--seed", "3"), want(seed=3), atol=1e-5)
    assert np.allclose(drawn("--class", "7"), want(y=torch.full((5,), 7)), atol=1e-5)
    assert drawn("--n", "2").shape == (2, 1, 8, 8)
    drawn("--device", "cpu")
    assert wanted[-1] == "cpu" and wanted[0] is None
    if family == "ddpm":
        assert np.allclose(drawn("--steps", "4"), want(steps=4), atol=1e-5)
        assert np.allclose(drawn("--steps", "6", "--eta", "1"), want(steps=6, eta=1.0), atol=1e-5)


@pytest.fixture
def strips(monkeypatch, tmp_path):
    """What `figure WORDS` hands to `strip`: rows, labels, titles, and the look."""
    monkeypatch.chdir(tmp_path)
    told = {}
    real = figures.strip
    monkeypatch.setattr(
        figures,
        "strip",
        lambda rows, labels, titles=None, **look: (
            told.update(rows=rows, labels=labels, titles=titles, **look) or real(rows, labels, titles, **look)
        ),
    )

    def run(*words):
        told.clear()
        assert main(["figure", *words]) == 0
        return SimpleNamespace(**told)

    return run


def test_every_option_of_figure_forward(strips, tmp_path):
    common = ("forward", "--caption", "black cat", "--size", "16", "--frames", "3", "--T", "20")
    one = strips(*common, "--seed", "4", "--schedule", "linear", "--background", "dark")
    schedule, x0 = Schedule.of("linear", 20), data.photo(figures_cat("black cat"), 16).x
    eps = torch.randn(x0.shape, generator=torch.Generator().manual_seed(4))
    assert (
        one.labels == ["$t = 0$", "$t = 10$", "$t = 20$"]
        and one.background == "dark"
        and one.above == figures.FORWARD
    )
    for x, t in zip(one.rows[0], (0, 10, 20), strict=True):
        assert torch.allclose(x, add_noise(x0, t, eps, schedule)[0], atol=1e-6)
    turns = strips(*common, "--spacing", "noise", "--schedule", "linear")
    t = int(re.search(r"\d+", turns.labels[1])[0])
    angle = float(schedule.alpha_bar[t].sqrt().arccos() / schedule.alpha_bar[-1].sqrt().arccos())
    assert t != 10 and angle == pytest.approx(0.5, abs=0.06) and strips(*common).background == "white"
    assert main(["figure", *common, "--out", "f.gif", "--fps", "20"]) == 0
    with Image.open(tmp_path / "f.gif") as film:
        film.seek(1)
        assert film.n_frames == 3 and film.info["duration"] == 50
    assert (
        main(
            [
                "figure",
                "forward",
                "--caption",
                "black cat",
                "--size",
                "16",
                "--T",
                "20",
                "--out",
                "p.html",
                "--title",
                "A heading",
                "--seed",
                "4",
            ]
        )
        == 0
    )
    page = (tmp_path / "p.html").read_text("utf-8")
    assert "<h1>A heading</h1>" in page and film_of(page)["frames"] == 21


def figures_cat(words):
    from diffusion_lib import sprites

    return sprites.draw(sprites.parse(words), 16)


def film_of(page):
    return json.loads(re.search(r'type="application/json"[^>]*>(.*?)</script>', page, re.S)[1])["film"]


def test_every_option_of_figure_reverse(strips, tmp_path):
    common = ("reverse", "--data", "digits", "--steps", "4", "--frames", "5", "--seed", "2")
    one = strips(*common, "--eta", "0.5", "--schedule", "cosine")
    x, schedule = data.digits().x, Schedule.of("cosine", 4)
    xT = torch.randn(1, 1, 8, 8, generator=torch.Generator().manual_seed(2))
    walk = list(
        sample(
            ideal_denoiser(x, schedule), xT, schedule, generator=torch.Generator().manual_seed(2000), eta=0.5
        )
    )
    assert one.titles == ["$x_t$", r"$\hat{x}_0$"] and one.above == figures.REVERSE
    for i, q in enumerate(walk):
        assert torch.allclose(one.rows[0][i], q.xt[0], atol=1e-5) and torch.allclose(
            one.rows[1][i], q.x0_hat[0], atol=1e-5
        )
    assert len(strips(*common, "--n", "3").rows) == 3
    assert (
        main(
            [
                "figure",
                "reverse",
                "--data",
                "digits",
                "--steps",
                "4",
                "--eta",
                "0.5",
                "--out",
                "p.html",
                "--title",
                "A heading",
            ]
        )
        == 0
    )
    page = (tmp_path / "p.html").read_text("utf-8")
    sigma = next(p for p in film_of(page)["panels"] if p["title"].startswith("z"))["notes"][0]
    half = sample(ideal_denoiser(x, Schedule.of("linear", 4)), xT, Schedule.of("linear", 4), eta=0.5)
    assert "<h1>A heading</h1>" in page and sigma == f"σ = {next(half).sigma:.3f}"


def test_the_bar_tells_the_time_that_is_left(monkeypatch):
    now = [100.0]
    said = []
    monkeypatch.setattr(shell.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(shell, "tell", lambda text, *_, **__: said.append(text))
    bar = shell.Bar()
    bar(0.0)
    now[0] += 30
    bar(0.25, "step 5")
    assert re.search(r"25%\s+90 s left\s+step 5", said[-1]) and said[-1].count("#") == 6
