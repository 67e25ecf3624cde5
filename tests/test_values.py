"""What people hand over: whole numbers of NumPy, numbers of other kinds, answers of another shape, classes that nobody knows."""

import dataclasses
import importlib
import inspect
import pkgutil
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import diffusion_lib
from diffusion_lib import bound, data, ddpm, diffusion, gan, nets, oracle, store, vae
from diffusion_lib.data import Data, drawn
from diffusion_lib.diffusion import Schedule, add_noise, convert, randn_like
from diffusion_lib.evaluation import classifier
from diffusion_lib.nets import MLP, Classifier, UNet
from diffusion_lib.sampling import SAMPLERS, reverse_step, sample
from diffusion_lib.trace import Trace
from diffusion_lib.train import fit
from diffusion_lib.values import Bundle, integer
from diffusion_lib.viz import figures, plots

pytestmark = pytest.mark.usefixtures("one_thread")
S = Schedule.of("cosine", 50)
X = torch.linspace(-1, 1, 2 * 64).reshape(2, 1, 8, 8)
PERFECT = oracle.ideal_denoiser(X, S)


def sentence(error) -> str:
    text = str(error.value)
    assert "\n" not in text and text[-1] in ".)"
    return text


# ---------------------------------------------------------------------------------------- whole numbers


@pytest.mark.parametrize("kind", [int, np.int64, np.uint8, torch.tensor, np.array], ids=lambda f: f.__name__)
def test_whole_numbers_of_every_library_are_taken(kind):
    n = kind(10)
    assert integer(n, 1, 10, "") == 10 and type(integer(n, 1, 10, "")) is int
    assert torch.equal(Schedule.of("linear", n).alpha_bar, Schedule.of("linear", 10).alpha_bar)
    assert S.times(n) == S.times(10)
    assert torch.equal(add_noise(X, n, X, S), add_noise(X, 10, X, S))
    steps = list(sample(PERFECT, X, S, [kind(t) for t in (40, 10, 0)], eta=0.0))
    assert [(s.t, s.s) for s in steps] == [(40, 10), (10, 0)] and type(steps[0].t) is int
    assert len(data.ring(n)) == len(data.sprites(n, size=kind(8))) == len(data.ring(20).subset(n)) == 10
    assert data.photo(np.zeros((8, 8, 3), np.uint8), n).x.shape[-1] == 10
    assert len(next(data.ring(20).batches(n))[0]) == len(data.ring(20).split(n)[0]) == 10
    assert figures.png(np.zeros((2, 2), np.uint8), n) and drawn.draw("a cat", kind(8)).shape == (8, 8, 3)
    assert len(torch.cat(list(gan.draw(store.load("digits_gan"), n, batch=kind(4))))) == 10


@pytest.mark.parametrize("n", [True, np.True_, torch.tensor(True), 3.0, "3", None, np.arange(3), -1, 11], ids=repr)
def test_what_is_no_whole_number_is_one_sentence(n):
    with pytest.raises(ValueError, match="Said"):
        integer(n, 0, 10, "Said.")


@pytest.mark.parametrize(
    "steps", [np.array([40, 20, 0]), torch.tensor([40, 20, 0]), (40, 20, 0), range(40, -1, -20)], ids=repr
)
def test_a_walk_takes_times_from_any_row(steps):
    assert [s.t for s in sample(PERFECT, X, S, steps)] == [40, 20]


# ---------------------------------------------------------------------------------------- equal, hashed, printed


def test_records_of_tensors_compare_hash_and_print():
    a, b, c = Schedule.of("cosine", 10), Schedule.of("cosine", 10), Schedule.of("linear", 10)
    assert a == b and a != c and a in [c, b] and len({a, b, c}) == 2 and a != "cosine"
    assert a != Schedule(a.alpha_bar.clone() * torch.linspace(1, 0.9, 11), "cosine")
    assert data.ring(10) == data.ring(10) != data.ring(10, seed=1) and hash(data.ring(10)) == hash(data.ring(10))
    g = torch.Generator
    walks = [list(sample(PERFECT, X, S, [50, 20, 0], generator=g().manual_seed(seed))) for seed in (0, 0, 1)]
    assert walks[0] == walks[1] != walks[2] and hash(walks[0][0]) == hash(walks[1][0])
    traces = [Trace().record(iter(w)) for w in walks]
    assert traces[0] == traces[1] != traces[2]
    for thing in (a, data.sprites(20, 8), walks[0][0], traces[0]):
        assert len(repr(thing)) < 400 and repr(thing).startswith(type(thing).__name__ + "(")
    assert "t=50" in repr(walks[0][0]) and "float32 (2, 1, 8, 8)" in repr(walks[0][0])


def test_no_dataclass_of_tensors_compares_them_one_by_one():
    """The == that `dataclass` writes asks a tensor for one truth and raises; `Bundle` or eq=False is what to take."""
    for _, name, _ in pkgutil.walk_packages(diffusion_lib.__path__, "diffusion_lib."):
        if name.endswith("__main__"):
            continue
        for cls in vars(importlib.import_module(name)).values():
            if inspect.isclass(cls) and cls.__module__ == name and dataclasses.is_dataclass(cls):
                held = [
                    f.name
                    for f in dataclasses.fields(cls)
                    if any(k in str(f.type) for k in ("Tensor", "ndarray", "list", "object"))
                    and "Callable" not in str(f.type)
                ]
                own = "__eq__" in vars(cls) and not issubclass(cls, Bundle)
                assert not (held and own), f"{name}.{cls.__name__} holds {held}"


# ---------------------------------------------------------------------------------------- float32 on the CPU


@pytest.fixture(params=["float64", "meta"])
def other_default(request):
    """A reader's notebook that has set another kind of number, or another device, for everything that torch makes."""
    if request.param == "meta":
        with torch.device("meta"):
            yield
        return
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def test_everything_works_whatever_the_reader_has_made_the_default(other_default):
    assert Schedule.of("sigmoid", 20) == Schedule.of("sigmoid", 20) and Schedule.from_beta([0.1] * 60).T == 60
    d, points = data.digits().subset(40), data.ring(40)
    for part in (d, points, data.sprites(2, 8), data.moons(10), data.photo(np.zeros((9, 9), np.uint8), 8)):
        assert part.x.dtype == torch.float32 and part.x.device.type == "cpu"
    for family in (ddpm, gan, vae, classifier):
        model, parts = family.build(d, **({"precision": "float32"} if family is ddpm else {}))
        (record,) = fit(*parts, steps=1)
        assert all(np.isfinite(v) for v in record.values.values())
        assert {p.dtype for p in model.parameters()} == {torch.float32}
    for name in ("digits", "digits_gan", "digits_vae"):
        model = store.load(name)
        maker = {"digits": ddpm, "digits_gan": gan, "digits_vae": vae}[name]
        (x,) = maker.draw(model, 3, **({"steps": 2} if maker is ddpm else {}))
        assert x.dtype == torch.float32 and x.shape == (3, 1, 8, 8) and x.device.type == "cpu"
    assert store.load("classifier_digits")(d.x).shape == (40, 10)


def test_the_default_is_given_back_and_changes_no_number(other_default):
    before = torch.get_default_dtype(), torch.get_default_device()
    model, parts = ddpm.build(data.ring(40), seed=3)
    list(fit(*parts, steps=2, seed=5))
    assert (torch.get_default_dtype(), torch.get_default_device()) == before
    told = "first.weight"
    with torch.device("cpu"):
        torch.set_default_dtype(torch.float32)
        again, parts = ddpm.build(data.ring(40), seed=3)
        list(fit(*parts, steps=2, seed=5))
        assert torch.equal(model.net.state_dict()[told], again.net.state_dict()[told])


def test_a_denoiser_answers_in_the_kind_of_number_it_is_asked_in():
    """So float64 pictures go through a float32 network, and half a network through float32 pictures."""
    y, model = torch.tensor([3, 4]), store.load("digits")
    want = model(X, 20, y)
    got = model(X.double(), 20, y)
    assert got.dtype == torch.float64 and torch.allclose(got.float(), want, atol=1e-5)
    half = store.load("digits").half()(X, 20, y)
    assert half.dtype == torch.float32 and (half - want).abs().max() < 0.05


@pytest.mark.parametrize(
    "net",
    [
        lambda x: MLP((1, 8, 8), 50)(x, torch.tensor([1, 2])),
        lambda x: UNet((1, 8, 8), 50, channels=8)(x, torch.tensor([1, 2])),
        lambda x: Classifier((1, 8, 8), 10)(x),
        lambda x: nets.Discriminator((1, 8, 8))(x),
        lambda x: vae.VAE((1, 8, 8)).encode(x),
        lambda x: nets.Generator((2,), latent=64)(x.flatten(1)),
    ],
)
def test_numbers_of_two_kinds_are_one_sentence(net):
    net(X)
    with pytest.raises(ValueError, match="weights are float32, but its input is float64") as error:
        net(X.double())
    sentence(error)


# ---------------------------------------------------------------------------------------- answers and classes


EPS, P, AT = torch.randn_like(X), torch.randn(2, 2), torch.tensor([3, 4])
ASK = {  # what takes a network's answer: (answer, x, the true noise) -> whatever
    "ddpm_loss": lambda a, x, e: ddpm.ddpm_loss(lambda *_: a, x, AT, e, S),
    "hybrid_loss": lambda a, x, e: ddpm.hybrid_loss(
        lambda *_: torch.cat([a, a], 1) if a.ndim > 1 else torch.cat([a, a])[None], x, AT, e, S
    ),
    "convert": lambda a, x, e: convert(a, "eps", "x0", x, AT, S),
    "reverse_step": lambda a, x, e: reverse_step(x, a, 5, 4, S, e),
    "sample": lambda a, x, e: list(sample(lambda *_: a, x, S, [5, 0])),
    "learned variance": lambda a, x, e: list(
        sample(SimpleNamespace(learns_variance=True, eps_and_v=lambda *_: (e, a)), x, S, [5, 0])
    ),
    "bound": lambda a, x, e: bound.bound_terms(lambda *_: a, x, Schedule.of("cosine", 2), None, v=0.0, n=1),
}


@pytest.mark.parametrize("ask", ASK.values(), ids=ASK)
@pytest.mark.parametrize(
    "answer,x,truth",
    [(EPS[:, 0], X, EPS), (EPS[:1], X, EPS), (P[:, :1], P, P), (P[0], P, P)],
    ids=["BHW", "one", "B1", "2"],
)
def test_an_answer_of_another_shape_is_never_broadcast(ask, answer, x, truth):
    with pytest.raises(ValueError, match="shape"):
        ask(answer, x, truth)
    ask(torch.cat([truth, truth[:1]])[:2], x, truth)


def test_scores_of_another_shape_are_never_broadcast():
    for loss in (gan.d_relativistic, gan.g_relativistic):
        with pytest.raises(ValueError, match="compared with one real one"):
            loss(torch.zeros(4), torch.zeros(4, 1))


@pytest.mark.parametrize(
    "y", [torch.tensor([10]), torch.tensor([-2]), torch.tensor([1, 2]), torch.tensor([1.0]), 3, [3]], ids=repr
)
def test_a_class_that_nobody_knows_is_one_sentence(y):
    """Class 10 of ten digits was the row that says "no class"."""
    for maker, name in ((ddpm, "digits"), (gan, "digits_gan"), (vae, "digits_vae_wide")):
        model = store.load(name)
        if not (model.net.config if maker is ddpm else model.config)["classes"]:
            continue
        with pytest.raises(ValueError, match=r"There is no class|y must be a tensor of 1 class") as error:
            next(maker.draw(model, 1, y=y))
        sentence(error)
    with pytest.raises(ValueError, match=r"There is no class|y must be"):
        store.load("digits")(X[:1], 5, y)


def test_a_network_without_classes_is_not_asked_for_one():
    """It took the class and drew whatever it liked."""
    model, _ = ddpm.build(data.ring(20))
    with pytest.raises(ValueError, match="trained without classes"):
        next(ddpm.draw(model, 2, y=torch.tensor([0, 1])))
    with pytest.raises(ValueError, match="trained without classes"):
        nets.Generator((2,), latent=2)(torch.zeros(2, 2), torch.tensor([0, 1]))


@pytest.mark.parametrize("n", [0, -1, 2.0, None], ids=repr)
@pytest.mark.parametrize("maker,name", [(ddpm, "digits"), (gan, "digits_gan"), (vae, "digits_vae")])
def test_no_samples_are_one_sentence(maker, name, n):
    with pytest.raises(ValueError, match="number of samples is a whole number of at least 1"):
        next(maker.draw(store.load(name), n))
    with pytest.raises(ValueError, match="A batch has at least 1 sample"):
        next(maker.draw(store.load(name), 2, batch=0))


# ---------------------------------------------------------------------------------------- data


BAD = {
    "bytes": lambda: Data((255 * torch.rand(20, 1, 8, 8)).byte()),
    "no channel": lambda: Data(torch.rand(20, 8, 8)),
    "NaN": lambda: Data(torch.full((20, 1, 8, 8), float("nan"))),
    "nothing": lambda: data.ring(10).subset(0),
    "three classes, two names": lambda: Data(torch.rand(21, 1, 8, 8), torch.arange(21) % 3, ("a", "b")),
    "class -2": lambda: Data(torch.rand(2, 2), torch.tensor([0, -2]), ("a",)),
    "too few classes": lambda: Data(torch.rand(4, 2), torch.zeros(3).long(), ("a",)),
    "classes as floats": lambda: Data(torch.rand(4, 2), torch.zeros(4), ("a",)),
    "too few captions": lambda: Data(torch.rand(4, 1, 8, 8), captions=("one",)),
    "an array": lambda: Data(np.zeros((4, 2))),
}


@pytest.mark.parametrize("make", BAD.values(), ids=BAD)
@pytest.mark.parametrize("family", [ddpm, gan, vae], ids=lambda f: f.__name__)
def test_what_cannot_be_learned_is_one_sentence(make, family):
    with pytest.raises(ValueError) as error:
        family.build(make())
    sentence(error)


def test_classes_without_names_are_called_by_their_numbers():
    """They were left out without a word."""
    d = Data(torch.rand(6, 1, 8, 8), torch.arange(6) % 3)
    assert d.names == ("0", "1", "2") and ddpm.build(d, precision="float32")[0].net.config["classes"] == 3


def test_grey_levels_are_the_datas_own(monkeypatch):
    """17 belonged to the UCI digits and was taken for every picture of 8 pixels or fewer."""
    asked = []
    monkeypatch.setattr(
        ddpm, "hybrid_loss", lambda *a, levels, **k: asked.append(levels) or a[0](a[1], a[2], a[6]).mean()
    )
    sets = [data.digits().subset(20), data.sprites(20, 8), data.mnist().subset(20), data.ring(20)]
    assert (
        [d.levels for d in sets[:3]]
        == [17, 256, 256]
        == [len(d.x.unique()) if d is sets[0] else d.levels for d in sets[:3]]
    )
    for d in sets:
        _, parts = ddpm.build(d, learn_variance=True, precision="float32", batch=4)
        list(fit(*parts, steps=1))
    assert asked == [17, 256, 256, None]


# ---------------------------------------------------------------------------------------- dice and limits


@pytest.mark.parametrize("clip", [-1.0, 0.0, float("nan"), float("inf")])
def test_a_clip_that_leaves_nothing_is_refused(clip):
    for sampler in SAMPLERS:
        with pytest.raises(ValueError, match="clip must be None, or a number above 0"):
            next(sample(PERFECT, X, S, clip=clip, sampler=sampler))


@pytest.mark.parametrize("dice", [0, "seed", np.random.default_rng(0)], ids=str)
def test_a_seed_is_no_generator(dice):
    for ask in (lambda: randn_like(X, dice), lambda: next(sample(PERFECT, X, S, generator=dice))):
        with pytest.raises(ValueError, match="manual_seed"):
            ask()


# ---------------------------------------------------------------------------------------- what is drawn with Matplotlib


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16, torch.float64, torch.int32], ids=str)
def test_figures_take_numbers_of_every_kind(kind):
    x = torch.arange(6).to(kind)
    x = x.requires_grad_() if x.is_floating_point() else x
    line = plots.curves(x, {"a": x}).axes[0].lines[0]
    assert line.get_xdata().tolist() == line.get_ydata().tolist() == [0, 1, 2, 3, 4, 5]
    assert plots.cloud(x.reshape(3, 2)).axes[0].get_xlim()[1] == pytest.approx(5.25)


@pytest.mark.parametrize(
    "call",
    [
        lambda: plots.curves([1, 2], {"a": [[1, 2], [3]]}),
        lambda: plots.curves(["a", "b"], {"a": [1, 2]}),
        lambda: plots.cloud([[1, 2], [3]]),
        lambda: plots.cloud(torch.full((3, 2), float("nan"))),
        lambda: plots.cloud(torch.zeros(3, 2), limit=float("nan")),
        lambda: figures.grid(X, columns=0),
        lambda: figures.grid(X, columns=1.5),
        lambda: figures.grid(X, pad=-1),
        lambda: figures.strip([[1], [2, 3]], ["a"]),
        lambda: figures.png(np.zeros((2, 2), np.uint8), 0),
    ],
)
def test_what_no_figure_can_show_is_one_sentence(call):
    with pytest.raises(ValueError) as error:
        call()
    assert "inhomogeneous" not in sentence(error)


def test_a_cloud_with_a_hole_and_a_cloud_of_one_place_have_axes():
    assert plots.cloud([[1.0, float("inf")], [2, 3]]).axes[0].get_xlim()[1] == pytest.approx(3.15)
    assert plots.cloud(torch.zeros(3, 2)).axes[0].get_xlim() == (-1, 1)


# ---------------------------------------------------------------------------------------- what is of another kind

ODD = [None, "abc", object(), [1], {}, 1.5, float("nan"), True, -1, torch.zeros(3), X]
LOG = torch.randn(51, 2, 1, 8, 8)
SCHEDULED = {
    "add_noise": lambda s: add_noise(X, 3, EPS, s),
    "forward_step": lambda s: diffusion.forward_step(X, 3, EPS, s),
    "forward_path": lambda s: diffusion.forward_path(X, s, None),
    "log_q_step": lambda s: diffusion.log_q_step(X, X, 3, s),
    "log_q_jump": lambda s: diffusion.log_q_jump(X, X, 3, s),
    "log_q_chain": lambda s: diffusion.log_q_chain(LOG, s),
    "posterior": lambda s: diffusion.posterior(X, X, 5, 4, s),
    "convert": lambda s: convert(EPS, "eps", "x0", X, AT, s),
    "reverse_step": lambda s: reverse_step(X, EPS, 5, 4, s, EPS),
    "sample": lambda s: next(sample(lambda *told: PERFECT(*told), X, s)),
    "denoiser": lambda s: oracle.ideal_denoiser(X, s),
}


@pytest.mark.parametrize("act", SCHEDULED.values(), ids=SCHEDULED)
def test_what_is_no_schedule_is_one_sentence(act):
    act(S)
    for schedule in ODD:
        with pytest.raises(ValueError, match="schedule must be a Schedule") as error:
            act(schedule)
        sentence(error)


TENSORS = {
    "forward_path": lambda x: diffusion.forward_path(x, S, None),
    "posterior xt": lambda x: diffusion.posterior(x, X, 5, 4, S),
    "posterior x0": lambda x: diffusion.posterior(X, x, 5, 4, S),
    "convert": lambda x: convert(EPS, "eps", "x0", x, AT, S),
    "terminal_kl": S.terminal_kl,
    "log_normal x": lambda x: diffusion.log_normal(x, X, 1.0),
    "log_normal mean": lambda x: diffusion.log_normal(X, x, 1.0),
    "log_q_chain": lambda x: diffusion.log_q_chain(x, S),
}


@pytest.mark.parametrize("act", TENSORS.values(), ids=TENSORS)
def test_what_is_no_batch_is_one_sentence(act):
    for x in [x for x in ODD if x is not X]:
        with pytest.raises(ValueError, match=r"tensor|shape") as error:
            act(x)
        sentence(error)


def test_a_step_forward_in_time_has_no_posterior():
    for s in (5, 6):
        with pytest.raises(ValueError, match="s must be smaller than t"):
            diffusion.posterior(X, X, 5, s, S)


@pytest.mark.parametrize(
    "table", [None, "abc", object(), {}, [[1.0], [2.0, 3.0]], b"x"], ids=lambda t: type(t).__name__
)
def test_a_table_of_no_numbers_is_one_sentence(table):
    for make in (Schedule, Schedule.from_beta):
        with pytest.raises(ValueError, match="must be numbers in a row") as error:
            make(table)
        sentence(error)


@pytest.mark.parametrize("number", [None, "abc", [1], object(), torch.zeros(3)], ids=lambda n: type(n).__name__)
def test_eta_and_clip_are_numbers(number):
    with pytest.raises(ValueError, match="eta must lie in"):
        reverse_step(X, EPS, 5, 4, S, EPS, eta=number)
    if number is not None:
        with pytest.raises(ValueError, match="clip must be"):
            next(sample(PERFECT, X, S, clip=number))


SEEDED = {
    name: lambda seed, make=make: make(10, seed=seed)
    for name, make in data.DATASETS.items()
    if name not in ("digits", "mnist")
} | {
    "split": lambda seed: data.ring(10).split(5, seed),
    "batches": lambda seed: next(data.ring(10).batches(5, seed)),
    "ddpm": lambda seed: ddpm.build(data.ring(10), seed=seed),
    "gan": lambda seed: gan.build(data.ring(10), seed=seed),
    "vae": lambda seed: vae.build(data.ring(10), seed=seed),
    "draw": lambda seed: next(gan.draw(store.load("digits_gan"), 2, seed=seed)),
    "fit": lambda seed: next(fit(None, [], [], steps=1, seed=seed)),
}


@pytest.mark.parametrize("act", SEEDED.values(), ids=SEEDED)
def test_what_is_no_seed_is_one_sentence(act):
    """`None` drew other data each time, and the rest spoke NumPy's words."""
    for seed in [*ODD, 2**32, np.int64(-3)]:
        with pytest.raises(ValueError, match="A seed is a whole number from 0 to") as error:
            act(seed)
        sentence(error)


@pytest.mark.parametrize("family", [ddpm, gan, vae, classifier], ids=lambda f: f.__name__)
def test_what_no_network_is_built_for_is_one_sentence(family):
    d = data.digits().subset(10)
    for odd in ODD:
        with pytest.raises(ValueError, match="A network is built for a Data") as error:
            family.build(odd)
        sentence(error)
    for device in [odd for odd in ODD if odd is not None]:
        with pytest.raises(ValueError, match=r"device") as error:
            family.build(d, device=device)
        sentence(error)
    for name in {ddpm: ("channels", "batch"), classifier: ()}.get(family, ("channels", "batch", "latent")):
        for odd in [odd for odd in [*ODD, 0] if odd is not None]:
            with pytest.raises(ValueError, match=f"{name} is a whole number of at least 1") as error:
                family.build(d, **{name: odd})
            sentence(error)
