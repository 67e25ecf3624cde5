"""Every option of the shell changes what it names, and nothing else; where it could change nothing, it is refused.

What a command hands on is written down by spies, key by key: two lines that differ in one option must differ in its keys
alone. The tables are held to the parser, so an option without its line here fails.
"""

import functools
import shlex
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from diffusion_lib import __main__, data, ddpm, gan, machine, nets, store, train, vae
from diffusion_lib.checkpoint import told
from diffusion_lib.cli.options import Parser
from diffusion_lib.course import lesson01, making
from diffusion_lib.course.lesson03 import glass
from diffusion_lib.course.lesson10 import drawing as lesson10_drawing
from diffusion_lib.course.lesson10.drawing import COUNTS
from diffusion_lib.data.factors import told as told_by
from diffusion_lib.diffusion import Schedule
from diffusion_lib.evaluation import classifier
from diffusion_lib.train import Parts, Record
from diffusion_lib.viz import figures
from diffusion_lib.viz.player import FramePlayer

FAMILIES = {"ddpm": ddpm, "gan": gan, "vae": vae, "classifier": classifier}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, grey in {"a.png": 90, "b.png": 200}.items():
        Image.fromarray(np.full((20, 30), grey, np.uint8)).save(name)
    (tmp_path / "more").mkdir()
    Image.new("RGB", (20, 20), "red").save("more/c.png")
    return tmp_path


def options_of(*command):
    """The options of a command, as its parser has them."""
    parser = Parser()
    commands = parser.add_subparsers()
    for add in __main__.COMMANDS:
        add(commands)
    for word in command:
        parser = getattr(parser, "fill", lambda parser=parser: parser)()  # the scenes come in when they are asked for
        parser = parser._subparsers._group_actions[0].choices[word]
    return {action.option_strings[-1] for action in parser._actions} - {"--help"}


def spied(spy, line):
    """What this line hands on: {key: value}."""
    spy.clear()
    assert __main__.main(shlex.split(line)) == 0, line
    return dict(spy)


def differing(a, b):
    assert set(a) == set(b)
    return {k for k in a if repr(a[k]) != repr(b[k])}


# ---------------------------------------------------------------------------------------- train


@pytest.fixture
def training(monkeypatch):
    """What `train` hands to the data, to the family's build, to fit and to save. Nothing is trained."""
    spy = {}

    def loaded(name, **options):
        spy.update({"data": name, "size": options.get("size"), "words": options.get("words")})
        pictures = (torch.zeros(40, 1, 8, 8), torch.arange(40) % 10, tuple("0123456789"))
        return data.Data(*((torch.zeros(50, 2),) if name == "ring" else pictures))

    def building(family):
        def build(d, **options):
            spy.update({"model": family, "items": len(d)} | {k: options.get(k) for k in OPTIONS})
            start = {"net": "config", "schedule": "name"}
            spy.update({k: getattr(options.get(k), of, None) for k, of in start.items()})
            learning = [p.ndim for p in options["net"].parameters() if p.requires_grad] if options.get("net") else [0]
            spy["least and most axes of what learns"] = (min(learning), max(learning))
            net = torch.nn.Linear(1, 1)
            return net, Parts(None, iter(()), [train.Learner(net)], {"batch": 2})

        return functools.wraps(FAMILIES[family].build)(build)

    def fitted(*parts, **options):
        spy.update({f"fit {k}": options.get(k) for k in ("steps", "seconds", "seed", "checkpoint")})
        yield Record(3, 1.5, 1.0, 0.0, {"loss": 0.25})

    def saved(path, model, card, bits=32):
        spy.update({"out": str(path), "bits": bits})
        spy.update({"card " + k: card[k] for k in ("data", "items", "model", "seed", "steps", "seconds", "batch")})
        Path(path).touch()

    monkeypatch.setattr(data, "load", loaded)
    for name, family in FAMILIES.items():
        monkeypatch.setattr(family, "build", building(name))
    monkeypatch.setattr(train, "fit", fitted), monkeypatch.setattr(store, "save", saved)
    monkeypatch.setattr(machine, "pick_device", lambda wanted: spy.update(asked=wanted) or torch.device("cpu"))
    return spy


OPTIONS = ("predicts", "learn_variance", "precision", "optimizer", "loss", "latent", "sd", "channels", "seed", "device")
OPTIONS += ("words_first", "even", "batch", "focus", "lr")
TRAIN = {
    "--data": ("", "--data ring", {"data": "ring", "card data": "ring", "items": 50, "card items": 50}),
    "--items": ("", "--items 7", {"items": 7, "card items": 7}),
    "--size": ("--data cats", "--data cats --size 16", {"size": 16}),
    "--words": ("--data sprites", "--data sprites --words", {"words": True}),
    "--focus": ("--data sprites --words", "--data sprites --words --focus cat night", {"focus": ["cat", "night"]}),
    "--model": ("--data digits", "--data digits --model gan", {"model": "gan", "card model": "gan"}),
    "--predicts": ("", "--predicts eps", {"predicts": "eps"}),
    "--learn-variance": ("", "--learn-variance", {"learn_variance": True}),
    "--even": ("", "--even t", {"even": "t"}),
    "--precision": ("", "--precision bfloat16", {"precision": "bfloat16"}),
    "--optimizer": ("", "--optimizer muon", {"optimizer": "muon"}),
    "--lr": ("", "--lr 0.25", {"lr": 0.25}),
    "--loss": ("--model gan", "--model gan --loss hinge", {"loss": "hinge"}),
    "--latent": ("--model vae", "--model vae --latent 5", {"latent": 5}),
    "--sd": ("--model vae", "--model vae --sd 0.5", {"sd": 0.5}),
    "--channels": ("", "--channels 24", {"channels": 24}),
    "--batch": ("", "--batch 9", {"batch": 9}),
    "--start": (
        "--data ring",
        "--data ring --start ring",
        {
            "net": store.load("ring").net.config,
            "least and most axes of what learns": (1, 2),
            "words_first": False,
            "learn_variance": False,
            "predicts": "v",
            "schedule": "cosine",
        },
    ),
    "--seconds": ("", "--seconds 7", {"fit seconds": 7.0}),
    "--steps": ("", "--steps 9", {"fit steps": 9, "fit seconds": None}),
    "--device": ("", "--device cpu", {"asked": "cpu"}),
    "--checkpoint": ("", "--checkpoint c.pt", {"fit checkpoint": Path("c.pt")}),
    "--half": ("", "--half", {"bits": 16}),
    "--bits": ("", "--bits 8", {"bits": 8}),
    "--depth": ("--start digits", "--start digits --depth 2", {"net": store.load("digits").net.config | {"depth": 2}}),
    "--biases": ("--start digits", "--start digits --biases", {"least and most axes of what learns": (1, 1)}),
    "--seed": ("", "--seed 4", {"seed": 4, "fit seed": 4, "card seed": 4}),
    "--out": ("", "--out b.safetensors", {"out": "b.safetensors"}),
}


def test_the_tables_have_every_option():
    assert set(TRAIN) == options_of("train")
    assert set(SAMPLE) == options_of("sample") - {"--weights", "--prompt", "--negative"}
    assert set(FORWARD) == options_of("figure", "forward")
    assert set(REVERSE) == options_of("figure", "reverse")
    assert set(PROMPT) == options_of("figure", "prompt")


@pytest.mark.parametrize("option", TRAIN)
def test_an_option_of_train_changes_what_it_names_and_nothing_else(training, option):
    before, after, wanted = TRAIN[option]
    a, b = spied(training, f"train {before}"), spied(training, f"train {after}")
    assert differing(a, b) == set(wanted) and {k: b[k] for k in wanted} == wanted


def test_what_train_hands_on_by_itself(training):
    told = spied(training, "train")
    wanted = {
        "data": "digits",
        "model": "ddpm",
        "fit seconds": 120.0,
        "fit steps": None,
        "predicts": None,
        "seed": 0,
        "device": torch.device("cpu"),
        "bits": 32,
        "out": "weights.safetensors",
        "card steps": 3,
        "card seconds": 1.5,
        "card batch": 2,
        "channels": None,
    }
    assert {k: told[k] for k in wanted} == wanted


@pytest.mark.parametrize("model", FAMILIES)
def test_each_model_refuses_what_it_has_not(training, capsys, model):
    """Of the options that only some models have: accepted and handed on, or refused."""
    for option, value in {
        "predicts": "eps",
        "learn_variance": True,
        "even": "t",
        "precision": "bfloat16",
        "optimizer": "muon",
        "loss": "hinge",
        "latent": 5,
        "sd": 0.5,
        "channels": 24,
        "focus": ["7"],
        "lr": 0.25,
        "batch": 9,
    }.items():
        words = f"--{option.replace('_', '-')}" + (
            f" {' '.join(value) if option == 'focus' else value}" if value is not True else ""
        )
        training.clear()
        code = __main__.main(shlex.split(f"train --data digits --model {model} {words}"))
        if code == 0:
            assert training[option] == value
        else:
            said = capsys.readouterr().err
            assert code == 2 and words.split()[0] in said and "leave it out" in said and not training
    assert (code == 2) == (model == "classifier")  # batch, the last one, is what all but one have


def test_more_items_than_there_are_are_refused(training, capsys):
    assert __main__.main(["train", "--items", "41"]) == 2 and "at most 40" in capsys.readouterr().err
    assert spied(training, "train --items 40")["items"] == 40


@pytest.mark.parametrize("model", ["ddpm", "gan", "vae"])
def test_channels_batch_and_lr_are_obeyed_by_points_and_pictures(model):
    """What --channels hands on arrives in the network, what --batch does in what a step takes, what --lr does in who learns."""
    pictures = data.Data(torch.zeros(8, 1, 8, 8), torch.zeros(8).long(), ("a",))
    for d in (data.ring(8), pictures):
        more = {"precision": "float32"} if model == "ddpm" else {}
        sizes = [sum(p.numel() for p in FAMILIES[model].build(d, channels=n, **more)[0].parameters()) for n in (8, 16)]
        assert sizes[0] < sizes[1]
        parts = FAMILIES[model].build(d, channels=8, batch=3, lr=0.25, **more)[1]
        assert parts.learners[0].lr == 0.25
        assert parts.batch % 3 == 0 and len(next(iter(parts.batches))[0]) == parts.batch  # a GAN's D may have several
    with pytest.raises(ValueError, match="channels that divide by 8"):
        ddpm.build(pictures, channels=9)


# ---------------------------------------------------------------------------------------- sample


def words_net(seed=0):
    """A small network that can be told words, and answers each of them in its own way."""
    with machine.seeded_weights(seed):
        net = nets.UNet((3, 8, 8), 60, COUNTS, channels=8, mults=(1, 1), patch=2)
        for p in net.parameters():
            p.data.add_(0.2 * torch.randn(p.shape))
    return ddpm.Denoiser(net, Schedule.of("cosine", 60)).requires_grad_(False)


@pytest.fixture
def sampling(monkeypatch):
    """What `sample` hands to load and to the family's draw, and what it writes."""
    spy = {}
    denoiser = ddpm.Denoiser(nets.UNet((1, 8, 8), 60, classes=3, channels=8), Schedule.of("cosine", 60))
    models = {"ddpm": denoiser, "gan": nets.Generator((1, 8, 8), 4, 3, 8), "vae": vae.VAE((1, 8, 8), 4, 3, 8)}
    points = {"points": nets.Generator((2,), 4, 0, 8), "words": words_net()}

    def loaded(source, device):
        spy.update(weights=str(source), device=device)
        return (models | points)[Path(source).name]

    def drawing(family):
        def draw(model, n, steps=None, *, sampler=None, y=None, eta=None, seed=0, w=1.0, negative=None):
            spy.update(
                family=family,
                n=n,
                steps=steps,
                y=None if y is None else y.tolist(),
                sampler=sampler,
                eta=eta,
                seed=seed,
                w=w,
                negative=None if negative is None else negative.tolist(),
            )
            yield torch.zeros(n, *model.shape)

        return functools.wraps(FAMILIES[family].draw)(draw)

    monkeypatch.setattr(store, "load", loaded)
    for name in ("ddpm", "gan", "vae"):
        monkeypatch.setattr(FAMILIES[name], "draw", drawing(name))
    monkeypatch.setattr(machine, "pick_device", lambda wanted: wanted)
    monkeypatch.setattr(figures, "save", lambda picture, path: spy.update(out=str(path)))
    monkeypatch.setattr("diffusion_lib.files.write", lambda path, content: spy.update(out=str(path)))
    return spy


ALL = ("ddpm", "gan", "vae")
SAMPLE = {
    "--n": ("--n 5", {"n": 5}, ALL),
    "--steps": ("--steps 7", {"steps": 7}, ("ddpm",)),
    "--class": ("--class 2", {"y": [2] * 64}, ALL),
    "--eta": ("--eta 0.5", {"eta": 0.5}, ("ddpm",)),
    "--w": ("--w 3", {"w": 3.0}, ("ddpm",)),
    "--sampler": ("--sampler ddim", {"sampler": "ddim"}, ("ddpm",)),
    "--device": ("--device cpu", {"device": "cpu"}, ALL),
    "--seed": ("--seed 6", {"seed": 6}, ALL),
    "--out": ("--out b.png", {"out": "b.png"}, ALL),
}


@pytest.mark.parametrize("family", ALL)
@pytest.mark.parametrize("option", SAMPLE)
def test_an_option_of_sample_changes_what_it_names_and_nothing_else(sampling, capsys, option, family):
    words, wanted, families = SAMPLE[option]
    before = spied(sampling, f"sample --weights {family}")
    if family not in families:
        assert __main__.main(shlex.split(f"sample --weights {family} {words}")) == 2
        assert "leave out --steps, --sampler, --eta and --w" in capsys.readouterr().err
        return
    after = spied(sampling, f"sample --weights {family} {words}")
    assert differing(before, after) == set(wanted) and {k: after[k] for k in wanted} == wanted
    assert before["family"] == family and (before["n"], before["seed"], before["out"]) == (64, 0, "samples.npy")


def test_words_become_numbers_and_are_said(sampling, capsys):
    cat, night, black = ([told_by({**more})] for more in ({"species": "cat"}, {"time": "night"}, {"fur": "black"}))
    plain = spied(sampling, "sample --weights words --n 2")
    assert plain["y"] is None and plain["w"] == 1
    told = spied(sampling, "sample --weights words --n 2 --prompt 'a cat of anime style'")
    assert told["y"] == 2 * cat and told["w"] == 2 and told["negative"] is None
    assert "Understood: cat.\nI do not know “anime”, “style”.\nPassed over: a, of." in capsys.readouterr().out
    told = spied(sampling, "sample --weights words --n 1 --prompt cat --negative night --w 3.5")
    assert (told["y"], told["negative"], told["w"]) == (cat, night, 3.5)
    assert spied(sampling, "sample --weights words --n 1 --negative black")["negative"] == black


@pytest.mark.parametrize(
    ("words", "says"),
    (
        ("ddpm --prompt cat", "not told any words"),
        ("gan --negative cat", "not told any words"),
        ("words --class 0", "say --prompt TEXT instead of --class"),
        ("words --class 0 --prompt cat", "Say --prompt or --class"),
        ("words --prompt cat --w nan", "--w"),
        ("words --prompt cat --w -1", "--w"),
        (f"words --prompt {'x' * 600}", "at most 500 characters"),
    ),
)
def test_words_for_those_that_know_none_are_refused(sampling, capsys, words, says):
    assert __main__.main(shlex.split(f"sample --weights {words}")) == 2
    said = capsys.readouterr().err
    assert says in said and said.count("\n") == 1


def test_a_class_that_nobody_knows_is_refused(sampling, capsys):
    for family in ALL:
        assert __main__.main(shlex.split(f"sample --weights {family} --class 3")) == 2
        assert "There is no class 3: these weights know classes 0 to 2" in capsys.readouterr().err
    assert __main__.main(shlex.split("sample --weights points --class 0")) == 2


def test_home_is_understood_in_every_path(sampling, here, monkeypatch):
    """Not every shell makes a folder of ~, and none does in --weights=~/w."""
    monkeypatch.setenv("HOME", str(here / "more")), monkeypatch.setenv("USERPROFILE", str(here / "more"))
    told = spied(sampling, "sample --weights=~/gan --out=~/a.npy")
    assert told["weights"] == str(here / "more" / "gan") and told["out"] == str(here / "more" / "a.npy")
    parser = Parser()
    commands = parser.add_subparsers()
    for add in __main__.COMMANDS:
        add(commands)
    for line, name in {
        "figure forward --image=~/c.png": "image",
        "figure reverse --image ~/c.png": "image",
        "figure reverse --folder=~": "folder",
        "train --checkpoint=~/c.pt": "checkpoint",
        "train --out=~/w.safetensors": "out",
    }.items():
        found = getattr(parser.parse_args(shlex.split(line)), name)
        assert str(found[0] if isinstance(found, list) else found).startswith(str(here / "more"))


# ---------------------------------------------------------------------------------------- figures


@pytest.fixture
def drawing(monkeypatch):
    """What a figure hands to the functions that draw: pictures by their contents."""
    spy = {}

    def seen(x):
        return told({"x": data.Data(torch.as_tensor(np.asarray(x, dtype=float)))})["x"]

    def strip(rows, labels, titles=None, **look):
        spy.update(look, rows=[seen(r) for r in rows], labels=labels, titles=titles)

    def save(picture, path, about):
        spy.update(out=str(path))
        Path(path).touch()

    def save_film(frames, path, fps, *more, labels, background, **rest):
        spy.update(rows=[seen(frames)], fps=fps, labels=labels, out=str(path), background=background)
        Path(path).touch()

    def page(path, title, **more):
        spy.update(out=str(path), title=title)
        Path(path).touch()
        return path

    def box(sources, schedule, *more, seed=None, **rest):
        spy.update(
            sources=[(k, seen(v)) for k, v in sources.items()], schedule=told({"s": schedule}), seed=more[1:] or seed
        )
        return SimpleNamespace(player=SimpleNamespace(save_html=page))

    def walked(trace, model, glass_box=glass.glass_box):
        film = glass_box(trace, model)
        spy.update(rows=[seen(trace.frames(k)) for k in ("xt", "x0_hat")], labels=film["labels"])
        return film

    monkeypatch.setattr(figures, "strip", strip)
    monkeypatch.setattr(making.figures, "save", save), monkeypatch.setattr(making, "save_film", save_film)
    monkeypatch.setattr(lesson01, "explore_forward", box), monkeypatch.setattr(glass, "glass_box", walked)
    monkeypatch.setattr(FramePlayer, "save_html", lambda self, path, title, **more: page(path, title))
    return spy


PNG, GIF, PAGE = "--out a.png", "--out a.gif", "--out a.html"
COMMON = {
    "--out": [(PNG, "--out b.png", {"out"}), (GIF, "--out b.gif", {"out"}), (PAGE, "--out b.html", {"out"})],
    "--frames": [
        (PNG, "--frames 3", {"rows", "labels"}),
        (GIF, "--frames 3", {"rows", "labels"}),
        (PAGE, "--frames 3", None),
    ],
    "--fps": [(PNG, "--fps 3", None), (GIF, "--fps 3", {"fps"}), (PAGE, "--fps 3", None)],
    "--background": [
        (PNG, "--background dark", {"background"}),
        (GIF, "--background dark", {"background"}),
        (GIF, "--background transparent", None),
        (PAGE, "--background dark", None),
    ],
    "--t": [(PNG, "--t 0 2", {"rows", "labels"}), (GIF, "--t 0 2", {"rows", "labels"}), (PAGE, "--t 0 2", None)],
    "--formula": [(PNG, "--formula off", {"above", "labels"}), (GIF, "--formula off", None)],
    "--captions": [(PNG, "--captions none", {"ends"}), (GIF, "--captions none", None)],
    **{
        f"--{name}": [(PNG, f"--{name} {value}", {name}), (GIF, f"--{name} {value}", None)]
        for name, value in {"columns": 2, "font": 12, "width": 6, "dpi": 100}.items()
    },
    "--title": [(PNG, "--title A", None), (GIF, "--title A", None), (PAGE, "--title A", {"title"})],
    "--seed": [(PNG, "--seed 1", {"rows"}), (GIF, "--seed 1", {"rows"}), (PAGE, "--seed 1", {"seed"})],
    "--schedule": [
        (PNG, "--schedule sigmoid", {"rows"}),
        (GIF, "--schedule sigmoid", {"rows"}),
        (PAGE, "--schedule sigmoid", {"schedule"}),
    ],
    "--size": [(PNG, "--size 16", {"rows"}), (GIF, "--size 16", {"rows"}), (PAGE, "--size 16", {"sources"})],
}
EACH = [(PNG, {"rows"}), (GIF, {"rows"}), (PAGE, {"sources"})]
FORWARD = COMMON | {
    "--image": [(out, "--image a.png", keys) for out, keys in EACH],
    "--kind": [(out, "--kind flower", keys) for out, keys in EACH],
    "--caption": [(out, "--caption 'black cat'", keys) for out, keys in EACH],
    "--formula": [(PNG, "--formula off", {"above", "labels", "equations"})],
    "--T": [(PNG, "--T 17", {"rows", "labels"}), (GIF, "--T 17", {"rows", "labels"}), (PAGE, "--T 17", {"schedule"})],
    "--spacing": [
        (PNG, "--spacing noise", {"rows", "labels"}),
        (GIF, "--spacing noise", {"rows", "labels"}),
        (PAGE, "--spacing noise", None),
    ],
}
WALKED = [(PNG, {"rows"}), (GIF, {"rows"}), (PAGE, {"rows"})]  # a page of reverse is told by the walk in it
REVERSE = COMMON | {
    **{
        k: [(out, words, {"rows"} if out == PAGE else keys) for out, words, keys in COMMON[k]]
        for k in ("--seed", "--schedule", "--size")
    },
    "--image": [(out, "--image a.png b.png", keys) for out, keys in WALKED],
    "--folder": [(out, "--folder more", keys) for out, keys in WALKED],
    "--data": [(out, "--data flowers", keys) for out, keys in WALKED],
    "--formula": [(PNG, "--formula off", {"above", "labels", "equations", "titles"})],
    "--steps": [
        (PNG, "--steps 4", {"rows", "labels"}),
        (GIF, "--steps 4", {"rows", "labels"}),
        (PAGE, "--steps 4", {"rows", "labels"}),
    ],
    "--eta": [(PNG, "--eta 0", {"rows"}), (GIF, "--eta 0", {"rows"}), (PAGE, "--eta 0", {"rows"})],
    "--n": [(PNG, "--n 2", {"rows", "titles"}), (GIF, "--n 2", {"rows"}), (PAGE, "--n 2", None)],
}


def figure(drawing, capsys, kind, small, cases):
    for out, words, wanted in cases:
        rest = "" if words.startswith("--out") else out
        base = {k: v for k, v in small.items() if k not in words.split()}  # an option is given once
        told = spied(drawing, f"figure {kind} {out} " + " ".join(f"{k} {v}" for k, v in small.items()))
        line = f"figure {kind} {rest} {words} " + " ".join(f"{k} {v}" for k, v in base.items())
        if wanted is None:
            capsys.readouterr()
            assert __main__.main(shlex.split(line)) == 2, line
            assert f"{words.split()[0]} " in capsys.readouterr().err
            continue
        again = spied(drawing, line)
        assert differing(told, again) == wanted, line


@pytest.mark.parametrize("option", FORWARD)
def test_an_option_of_figure_forward_changes_what_it_names_and_nothing_else(drawing, capsys, option):
    figure(drawing, capsys, "forward", {"--size": 8, "--T": 30, "--schedule": "linear"}, FORWARD[option])


@pytest.mark.parametrize("option", REVERSE)
def test_an_option_of_figure_reverse_changes_what_it_names_and_nothing_else(drawing, capsys, monkeypatch, option):
    kinds = {"cats": "cat", "flowers": "flower"}
    monkeypatch.setattr(data, "load", lambda name, n, size: data.sprites(4, size, 0, kinds[name]))
    figure(drawing, capsys, "reverse", {"--size": 8, "--steps": 3}, REVERSE[option])


WORDED = [(PNG, {"rows"}), (GIF, {"rows"}), (PAGE, set())]
PROMPT = {k: v for k, v in COMMON.items() if k not in ("--seed", "--schedule", "--size", "--t")} | {
    "--t": [(PNG, "--t 0 60", {"rows", "labels"}), (PAGE, "--t 0 60", None)],
    "--text": [
        (out, "--text 'black cat'", keys | {"y"} | ({"title"} if out == PAGE else set())) for out, keys in WORDED
    ],
    "--negative": [(out, "--negative day", keys | {"negative"}) for out, keys in WORDED],
    "--w": [(out, "--w 5", keys | {"w"}) for out, keys in WORDED],
    "--n": [(out, "--n 2", keys | {"seeds", "y"}) for out, keys in WORDED],
    "--seed": [(out, "--seed 9", keys | {"seeds"}) for out, keys in WORDED],
    "--steps": [(out, "--steps 4", keys | {"steps"} | ({"labels"} if keys else set())) for out, keys in WORDED],
    "--weights": [(out, "--weights other", keys) for out, keys in WORDED],
}


@pytest.mark.parametrize("option", PROMPT)
def test_an_option_of_figure_prompt_changes_what_it_names_and_nothing_else(drawing, capsys, monkeypatch, option):
    def walk(p, seeds, steps, w, model, walk=lesson10_drawing.walk):
        n = len(seeds)
        negative = p.negative(n)
        drawing.update(y=p.y(n).tolist(), negative=negative if negative is None else negative.tolist())
        drawing.update(seeds=list(seeds), steps=steps, w=w)
        return walk(p, seeds, steps, w, model=model)

    networks = {name: words_net(seed) for seed, name in enumerate(("sprites32", "other"))}
    monkeypatch.setattr(store, "load", lambda name: networks[str(name)])
    monkeypatch.setattr(lesson10_drawing, "walk", walk)
    figure(drawing, capsys, "prompt", {"--steps": 3, "--n": 1}, PROMPT[option])


def test_a_figure_of_a_prompt_goes_from_noise_to_the_picture_each_with_its_time(drawing, monkeypatch):
    steps = []
    monkeypatch.setattr(store, "load", lambda name: words_net())
    walk = lesson10_drawing.walk
    monkeypatch.setattr(lesson10_drawing, "walk", lambda *a, **more: steps.extend(walk(*a, **more)) or steps[-3:])
    for out, label, frames in (
        (PNG, "$t = {}$", lambda x: x),
        (GIF, "t = {}", lambda x: [figures.grid(k[None]) for k in x]),
    ):
        shown = spied(drawing, f"figure prompt --n 1 --steps 3 {out}")
        path = frames(torch.cat([*(s.xt for s in steps[-3:]), steps[-1].xs]))
        assert shown["labels"] == [label.format(t) for t in (*(s.t for s in steps[-3:]), 0)]
        assert shown["rows"] == [told({"x": data.Data(torch.as_tensor(np.asarray(path, dtype=float)))})["x"]]


@pytest.mark.parametrize("way", ("forward", "reverse", "prompt"))
def test_at_its_ends_a_strip_says_which_is_noise(drawing, monkeypatch, way):
    """t falls from left to right where noise is left; the arrow is that of the way."""
    monkeypatch.setattr(store, "load", lambda name: words_net())
    shown = spied(drawing, f"figure {way} {PNG} " + ("--T 9 --size 8" if way == "forward" else "--steps 3 --n 1"))
    first, last = (int(label.strip("$").removeprefix("t = ")) for label in (shown["labels"][0], shown["labels"][-1]))
    assert (first < last) == (way == "forward")
    assert shown["ends"] == (("picture", "noise") if first < last else ("noise", "picture"))
    assert shown["above"] == (figures.FORWARD if first < last else figures.REVERSE)


def test_the_sizes_that_help_names_are_the_sizes_that_are_drawn(here, capsys):
    for command in ("forward", "reverse"):
        with pytest.raises(SystemExit):
            __main__.main(["figure", command, "--help"])
        assert "what we draw ourselves has up to 256" in " ".join(capsys.readouterr().out.split())
    assert __main__.main(["figure", "forward", "--size", "257"]) == 2 and "256" in capsys.readouterr().err
    assert __main__.main(shlex.split("figure forward --image a.png --size 512 --frames 2 --T 2 --out a.gif")) == 0


@pytest.mark.parametrize("words", ["forward --kind digit", "reverse --data digits", "reverse --data mnist"])
def test_pictures_of_their_own_size_refuse_another(capsys, words):
    assert __main__.main(shlex.split(f"figure {words} --size 16")) == 2
    assert "pixels of its own" in capsys.readouterr().err
