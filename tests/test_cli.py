"""The command line: what a blogger pastes works, and what a blogger mistypes is explained in one sentence."""

import re
import shlex
import subprocess
import sys
import warnings
from itertools import combinations
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
import warm
from PIL import Image
from test_figures import blocks, frames

from diffusion_lib import __main__, data, gan, nets, store, vae
from diffusion_lib.course.lesson01 import scenes as lesson01
from diffusion_lib.data import drawn
from diffusion_lib.diffusion import Schedule, add_noise, randn_like
from diffusion_lib.oracle import ideal_denoiser
from diffusion_lib.sampling import sample
from diffusion_lib.viz import figures

SMALL = ["--size", "16"]


def run(*arguments):
    assert __main__.main([str(a) for a in arguments]) == 0


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def photos(here):
    """Three pictures of one's own, of different sizes and modes."""
    rng = np.random.default_rng(0)
    for name, shape in {"a.png": (20, 30, 3), "b.jpg": (40, 20, 3), "c.png": (24, 24)}.items():
        Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8)).save(here / name)
    return ["a.png", "b.jpg", "c.png"]


def rgb(path):
    return np.asarray(Image.open(path).convert("RGB"))


def shown(path, x):
    """How often each picture of the batch x stands in the image at path, pixel for pixel."""
    a = rgb(path)
    return [len(blocks(a, p if p.ndim == 3 else p[..., None].repeat(3, -1))) for p in figures.to_uint8(x)]


def noised(x0, times, schedule="cosine", T=1000, seed=0):
    eps = randn_like(x0, torch.Generator().manual_seed(seed))
    return torch.cat([add_noise(x0, t, eps, Schedule.of(schedule, T)) for t in times])


# ---------------------------------------------------------------------------------------- forward


@pytest.mark.heavy
def test_a_command_in_a_real_shell_writes_the_picture_and_says_so(here):
    done = subprocess.run(
        [sys.executable, "-m", "diffusion_lib", "figure", "forward", *SMALL], capture_output=True, text=True, check=True
    )
    width, height = Image.open("forward.png").size
    assert (
        re.fullmatch(
            rf"Wrote forward\.png \({width} x {height} pixels, \d+ KB\)\.\nFor a page: <img .*>\n", done.stdout
        )
        and not done.stderr
    )


@pytest.mark.heavy
def test_forward_strip_shows_add_noise_of_the_photo_given(photos):
    run("figure", "forward", "--image", "a.png", *SMALL, "--frames", 4, "--T", 30, "--schedule", "linear", "--seed", 5)
    x = noised(data.photo("a.png", 16).x, [0, 10, 20, 30], "linear", 30, 5)
    assert shown("forward.png", x) == [1, 1, 1, 1]
    assert (
        blocks(rgb("forward.png"), figures.to_uint8(x)[0])[0][2]
        < blocks(rgb("forward.png"), figures.to_uint8(x)[1])[0][2]
    )


@pytest.mark.heavy
def test_forward_draws_the_caption_and_the_kind(here):
    run("figure", "forward", "--caption", "blue and yellow flower at night", *SMALL)
    spec = {"species": "flower", "petals": "blue", "centre": "yellow", "time": "night"}
    flower = data.photo(drawn.draw(spec, 16), 16).x
    assert shown("forward.png", noised(flower, [0, 200, 1000])) == [1, 1, 1]
    run("figure", "forward", "--kind", "flower", *SMALL, "--out", "kind.png")
    assert np.array_equal(rgb("kind.png"), rgb("forward.png"))  # to the last pixel; the command inside is another
    run("figure", "forward", "--kind", "photo", *SMALL)
    assert shown("forward.png", noised(data.flower_photo(16).x, [0, 400])) == [1, 1]


def test_spacing_by_noise_makes_equal_turns_and_ends_at_T(here, monkeypatch):
    seen = []
    real = figures.strip
    monkeypatch.setattr(
        figures, "strip", lambda rows, labels, *a, **k: seen.append(labels) or real(rows, labels, *a, **k)
    )
    for spacing in ("t", "noise"):
        run("figure", "forward", *SMALL, "--schedule", "linear", "--spacing", spacing)
    seen = [[int(label.strip("$t =")) for label in labels] for labels in seen]
    assert seen[0] == [0, 200, 400, 600, 800, 1000]
    angle = Schedule.of("linear").alpha_bar.sqrt().arccos()[seen[1]]
    assert seen[1][0] == 0 and seen[1][-1] == 1000 and np.ptp(np.diff(angle)) < 0.01


def test_forward_gif_has_a_frame_for_each_time(here):
    run("figure", "forward", "--kind", "digit", "--out", "a.gif", "--frames", 5, "--fps", 20)
    film, got = frames(here / "a.gif")
    assert film.info["loop"] == 0 and [d for _, d in got] == [850, 50, 50, 50, 1250]
    x = figures.to_uint8(noised(data.mnist().x[1500:1501], [0, 250, 500, 750, 1000]))
    zoom = film.width // 28
    for (frame, _), wanted in zip(got, x, strict=True):
        assert abs(frame[: 28 * zoom : zoom, ::zoom, 0].astype(int) - wanted).max() <= 8
    run("figure", "forward", *SMALL, "--out", "b.gif", "--T", 7)  # no more frames than there are times
    assert frames(here / "b.gif")[0].n_frames == 8


@pytest.mark.heavy
def test_forward_svg_pdf_and_jpg(here):
    for ending in ("svg", "pdf", "jpg"):
        run("figure", "forward", *SMALL, "--out", f"a.{ending}", "--background", "transparent")
    assert len(list(ElementTree.parse("a.svg").iter("{http://www.w3.org/2000/svg}image"))) == 6
    assert (here / "a.pdf").read_bytes()[:4] == b"%PDF" and rgb("a.jpg")[0, 0].min() > 250  # not black


@pytest.mark.parametrize("command", ["forward", "reverse"])
@pytest.mark.heavy
def test_html_needs_nothing_from_outside(here, command):
    run(
        "figure",
        command,
        *SMALL,
        "--out",
        "a.html",
        "--title",
        "From <here>",
        *(["--steps", 5] if command == "reverse" else []),
    )
    page = (here / "a.html").read_text("utf-8")
    assert "<h1>From &lt;here&gt;</h1>" in page and len(page) > 10_000
    assert not re.search(
        r"""(src|href)\s*=\s*["']?(https?:|//)|url\(\s*["']?https?:|import\s*\(?["']https?:|fetch\(""", page
    )


# ---------------------------------------------------------------------------------------- reverse


@pytest.mark.heavy
def test_reverse_shows_the_walk_and_its_guesses(here):
    run("figure", "reverse", "--data", "digits", "--steps", 8, "--frames", 3, "--seed", 2)
    x, schedule = data.digits().x, Schedule.of("linear", 8)
    xT = torch.randn(1, 1, 8, 8, generator=torch.Generator().manual_seed(2))
    g = torch.Generator().manual_seed(2000)
    steps = list(sample(ideal_denoiser(x, schedule), xT, schedule, generator=g))
    assert shown("reverse.png", torch.cat([steps[0].xt, steps[4].xt])) == [1, 1]
    assert shown("reverse.png", torch.cat([steps[0].x0_hat, steps[4].x0_hat])) == [1, 1]
    assert shown("reverse.png", steps[-1].xs) == [2]  # x_0 is its own best guess


@pytest.mark.heavy
def test_reverse_ends_at_one_s_own_pictures_and_says_so(photos, capsys):
    run("figure", "reverse", "--image", *photos, *SMALL, "--steps", 6, "--n", 3)
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 3 and "one of your 3 pictures" in said[0] and said[1].startswith("Wrote reverse.png")
    mine = torch.cat([data.photo(p, 16).x for p in photos])
    assert sum(shown("reverse.png", mine)) == 3
    run("figure", "reverse", "--folder", ".", *SMALL, "--steps", 6, "--out", "b.gif", "--eta", 0)
    assert "one of your 4 pictures" in capsys.readouterr().out  # reverse.png is there now
    assert frames("b.gif")[0].n_frames == 7


def test_built_in_data_need_no_warning(here, capsys):
    run("figure", "reverse", *SMALL, "--steps", 2, "--out", "c.gif", "--n", 4, "--data", "flowers")
    assert len(capsys.readouterr().out.splitlines()) == 2
    assert frames("c.gif")[0].n_frames == 3


@pytest.mark.heavy
def test_the_page_shows_the_walk_of_the_strip(here, monkeypatch):
    """And it is walked once; lesson 03's stepper, with the same seed and eta, shows this walk too."""
    from diffusion_lib.course.lesson03 import glass, step_reverse

    traces, glass_box = [], glass.glass_box
    monkeypatch.setattr(glass, "glass_box", lambda *a: traces.append(a[0]) or glass_box(*a))
    options = ["--data", "digits", "--steps", 6, "--seed", 3, "--eta", 0.5]
    run("figure", "reverse", *options, "--out", "a.html")
    run("figure", "reverse", *options, "--frames", 7, "--out", "a.png")
    (trace,) = traces
    xt, x0_hat = trace.frames("xt")[:, 0], trace.frames("x0_hat")[:, 0]
    assert shown("a.png", xt) == [1] * 6 and min(shown("a.png", x0_hat)) >= 1
    box = step_reverse({"digits": data.load("digits").x}, Schedule.of("linear", 6), steps=6, seed=3)
    box.eta.value = 0.5
    assert torch.equal(box.trace.frames("xs"), trace.frames("xs"))


# ---------------------------------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("figure forward --image nowhere.jpg", r"nowhere\.jpg"),
        ("figure forward --image broken.png", r"broken\.png.*image"),
        ("figure forward --image a.png --kind cat", r"--kind.*not allowed with.*--image"),
        (
            "figure forward --out a.bmp",
            r"'a\.bmp' must end in \.png, \.svg, \.pdf, \.jpg, \.gif, \.webp, \.mp4, \.html",
        ),
        ("figure forward --out missing/a.png", r"missing/a\.png.*folder"),
        ("figure forward --out folder.png", r"folder\.png"),
        ("figure forward --out broken.png/a.html", r"broken\.png/a\.html.*folder"),
        ("figure forward --T 1", "--T.*from 2 to 5000, but got '1'"),
        ("figure forward --T 1e3", "--T.*whole number"),
        ("figure forward --size 4000", "--size.*from 8 to 512"),
        ("figure forward --frames -3", "--frames.*from 2"),
        ("figure forward --schedule cosin", "--schedule.*cosine"),
        ("figure forward --caption 'a green dragon'", "cat or flower"),
        ("figure forward --kind photo --size 300 --frames 300 --out a.gif", "too much.*--size"),
        ("figure forward --size 300", "8 to 256"),
        ("figure forward --size 16 --frames 60", "60 pictures do not fit"),
        ("figure forward --imag a.png", "--imag"),
        ("figure reverse --eta 2", "--eta.*from 0 to 1, but got '2'"),
        ("figure reverse --eta nan", "--eta"),
        ("figure reverse --folder nowhere", "nowhere"),
        ("figure reverse --folder folder.png", "no pictures"),
        ("figure reverse --data cats --folder .", "--folder.*not allowed with.*--data"),
        ("figure reverse --n 2 --out a.html", "leave --n out"),
        ("figure backward", "backward.*forward"),
        ("draw", "draw.*figure"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(here, capsys, command, says):
    (here / "broken.png").write_bytes(b"\x89PNG not really")
    (here / "folder.png").mkdir()
    before = sorted(here.iterdir())
    assert __main__.main(shlex.split(command)) == 2
    out, err = capsys.readouterr()
    assert not out and re.search(says, err) and err.startswith("diffusion_lib: ") and err.count("\n") == 1
    assert "Traceback" not in err and sorted(here.iterdir()) == before


def test_a_shell_sees_the_exit_code(here):
    done = subprocess.run(
        [*warm.python("diffusion_lib"), "figure", "forward", "--T", "0"], capture_output=True, text=True
    )
    assert done.returncode == 2 and not done.stdout and done.stderr.count("\n") == 1


def test_a_failure_while_writing_keeps_the_old_picture(here, capsys, monkeypatch):
    (here / "forward.png").write_bytes(b"old")

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    assert __main__.main(["figure", "forward", *SMALL]) == 2
    assert "No space left" in capsys.readouterr().err
    assert (here / "forward.png").read_bytes() == b"old" and [p.name for p in here.iterdir()] == ["forward.png"]


def test_a_broken_picture_in_a_folder_is_said_in_one_line(photos, here, capsys):
    (here / "broken.png").write_bytes(b"no")
    run("figure", "reverse", "--folder", ".", *SMALL, "--steps", 2, "--out", "a.svg")
    assert re.fullmatch(r"diffusion_lib: 1 of 4 files.*broken\.png first\.\n", capsys.readouterr().err)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # python -W error: whoever asks for it gets a refusal, in one line too
        assert __main__.main(["figure", "reverse", "--folder", ".", *SMALL]) == 2
    assert re.fullmatch(r"diffusion_lib: 1 of 4 files.*broken\.png first\.\n", capsys.readouterr().err)


def test_a_fault_that_nobody_foresaw_is_one_sentence_and_can_be_looked_into(here, capsys, monkeypatch):
    for error, says in {
        RuntimeError("no memory\n  at 0x0"): "RuntimeError: no memory",
        MemoryError(): "MemoryError",
        KeyError("x"): "KeyError: 'x'",
        ValueError(): "ValueError",
        OSError(28, "full"): "[Errno 28] full",
    }.items():
        monkeypatch.setattr(lesson01, "_picture", lambda o, error=error: (_ for _ in ()).throw(error))
        assert __main__.main(["figure", "forward"]) == 2 and capsys.readouterr().err == f"diffusion_lib: {says}\n"
    monkeypatch.setenv("DIFFUSION_LIB_TRACEBACK", "1")
    assert __main__.main(["figure", "forward"]) == 2 and "Traceback" in capsys.readouterr().err


# ---------------------------------------------------------------------------------------- help


def test_help_and_version(capsys):
    from importlib.metadata import version

    run()
    top = capsys.readouterr().out
    run("--version")
    assert capsys.readouterr().out == f"diffusion_lib {version('diffusion_lib')}\n"
    run("figure")
    assert "forward" in capsys.readouterr().out and "figure" in top
    for command in ("forward", "reverse"):
        with pytest.raises(SystemExit) as stop:
            __main__.main(["figure", command, "--help"])
        assert stop.value.code == 0
        text = capsys.readouterr().out
        assert f"python -m diffusion_lib figure {command}" in text and "offline" in text


@pytest.mark.parametrize("name", ["forward", "reverse"])
@pytest.mark.heavy
def test_every_example_in_the_help_works_when_pasted(here, name, monkeypatch, capsys):
    for photo in ("cat.jpg", "a.jpg", "b.jpg", "c.jpg"):
        Image.new("RGB", (40, 30), (200, len(photo) * 9, ord(photo[0]))).save(here / photo)
    with pytest.raises(SystemExit):
        __main__.main(["figure", name, "--help"])
    examples = re.findall(r"^  python -m diffusion_lib (.*)", capsys.readouterr().out, re.M)
    assert len(examples) == 4
    for example in examples:
        arguments = shlex.split(example)
        small = SMALL * ("--size" not in arguments and "mnist" not in arguments) + ["--steps", "4"] * (
            "reverse" in arguments
        )  # only quicker
        run(*arguments, *small)
        out = arguments[arguments.index("--out") + 1] if "--out" in arguments else f"{arguments[1]}.png"
        assert (here / out).stat().st_size > 5000


def test_help_does_not_wait_for_torch():
    code = "import sys; from diffusion_lib.__main__ import main; main([]); print([m for m in ('torch', 'matplotlib') if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.splitlines()[-1] == "[]"


# ---------------------------------------------------------------------------------------- train and sample


@pytest.mark.heavy
def test_points_are_trained_and_sampled_from_a_real_shell(here):
    line = shlex.join(warm.python("diffusion_lib"))
    first = subprocess.run(
        f"{line} train --data ring --steps 30 --out ring.safetensors && "
        f"{line} sample --weights ring.safetensors --n 300 --steps 5 --out ring.npy",
        shell=True,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Wrote ring.safetensors" in first.stdout and "30 steps" in first.stdout
    x = np.load(here / "ring.npy")
    assert x.dtype == np.float32 and x.shape == (300, 2) and np.isfinite(x).all() and 0.2 < x.std() < 5


def test_the_same_seed_trains_and_draws_the_same_bytes(here):
    for name in ("a", "b"):
        run("train", "--data", "grid", "--steps", 5, "--seed", 3, "--out", f"{name}.safetensors")
        run("sample", "--weights", f"{name}.safetensors", "--n", 20, "--seed", 4, "--out", f"{name}.npy")
    run("sample", "--weights", "a.safetensors", "--n", 20, "--seed", 5, "--out", "c.npy")
    a, b, c = (np.load(f"{name}.npy") for name in "abc")
    assert np.array_equal(a, b) and not np.array_equal(a, c)


def test_the_card_says_how_to_build_the_weights_again(here, monkeypatch):
    from diffusion_lib import store

    words = ["train", "--data", "ring", "--items", "500", "--steps", "4", "--out", str(here / "w.safetensors")]
    monkeypatch.setattr(sys, "argv", ["diffusion_lib", *words])
    run(*words)
    card = store.load("w.safetensors").card
    assert card["data"] == "ring" and card["steps"] == 4 and card["items"] == 500 and card["seed"] == 0
    assert card["command"] == "python -m diffusion_lib train --data ring --items 500 --steps 4 --out w.safetensors"
    assert {"machine", "versions", "seconds"} <= set(card) and card["versions"]["torch"]


def test_training_goes_on_from_weights(here):
    """What was learned is where it starts, answers of the same kind are learned, and the card tells of both trainings."""
    run("train", "--data", "ring", "--predicts", "eps", "--steps", 3, "--seed", 5, "--out", "a.safetensors")
    run("train", "--data", "ring", "--start", "a.safetensors", "--steps", 1, "--out", "b.safetensors")
    run("train", "--data", "ring", "--steps", 1, "--out", "c.safetensors")
    a, b, c = (store.load(here / f"{name}.safetensors") for name in "abc")
    apart = lambda one, other: float(sum((p - q).abs().sum() for p, q in zip(one, other, strict=True)))
    pairs = [apart(a.net.parameters(), other.net.parameters()) for other in (b, c)]
    assert 0 < pairs[0] < 0.01 * pairs[1]
    assert (b.predicts, b.card["steps"], b.card["start"]) == ("eps", 1, a.card)
    assert [store.history(model.card) for model in (a, b)] == [[a.card], [a.card, b.card]] and "start" not in c.card


def test_what_8_bits_have_rounded_stays_and_the_biases_learn(here):
    """Matrices come out of the second file as they went into it, to the bit; what is no matrix has learned."""
    from diffusion_lib import store

    run("train", "--data", "digits", "--steps", 4, "--channels", 8, "--bits", 8, "--out", "a.safetensors")
    run(
        "train",
        "--data",
        "digits",
        "--start",
        "a.safetensors",
        "--biases",
        "--steps",
        2,
        "--bits",
        8,
        "--out",
        "b.safetensors",
    )
    a, b = (store.load(f"{name}.safetensors").net.state_dict() for name in "ab")
    moved = {name for name, v in a.items() if not torch.equal(v, b[name])}
    assert {"last.bias", "norm.weight", "norm.bias", "condition.mlp.2.bias"} <= moved and all(
        a[name].ndim < 2 for name in moved
    )


def test_training_goes_on_from_its_checkpoint_to_the_bit(here):
    from diffusion_lib import store

    run("train", "--data", "ring", "--steps", 8, "--device", "cpu", "--out", "whole.safetensors")
    weights = store.load("whole.safetensors").state_dict()
    # the rate falls with the share of all steps, so the first half must know how long the whole will be
    from diffusion_lib import ddpm
    from diffusion_lib.train import fit

    _, parts = ddpm.build(data.ring(), seed=0)
    training = fit(*parts, steps=8, checkpoint="half.pt")
    for _ in range(3):
        next(training)
    training.close()
    run(
        "train",
        "--data",
        "ring",
        "--steps",
        8,
        "--device",
        "cpu",
        "--checkpoint",
        "half.pt",
        "--out",
        "resumed.safetensors",
    )
    again = store.load("resumed.safetensors").state_dict()
    assert all(torch.equal(weights[k], again[k]) for k in weights)


def test_a_training_stopped_by_hand_keeps_what_it_learned(here, monkeypatch, capsys):
    import diffusion_lib.train as training

    def two_steps(*parts, **more):
        records = fit(*parts, **more)
        yield next(records)
        yield next(records)
        raise KeyboardInterrupt

    fit = training.fit
    monkeypatch.setattr(training, "fit", two_steps)
    run("train", "--data", "ring", "--seconds", 60, "--out", "w.safetensors")
    assert "kept" in capsys.readouterr().err
    run("sample", "--weights", "w.safetensors", "--n", 3, "--steps", 2, "--out", "w.npy")


def test_shipped_weights_draw_the_class_that_is_asked_for(here):
    from diffusion_lib import store
    from diffusion_lib.evaluation import classifier

    run("sample", "--weights", "digits", "--n", 40, "--class", 7, "--steps", 10, "--out", "sevens.npy")
    x = torch.from_numpy(np.load("sevens.npy"))
    assert x.shape == (40, 1, 8, 8) and x.abs().max() <= 1
    eye = store.load("classifier_digits")
    assert classifier.accuracy(eye, x, torch.full((40,), 7)) > 0.9
    run("sample", "--weights", "digits", "--n", 9, "--steps", 3, "--eta", 1, "--out", "nine.png")
    width, height = Image.open(here / "nine.png").size
    assert width == height > 250


@pytest.mark.parametrize("model", ["gan", "vae"])
@pytest.mark.parametrize("name", data.DATASETS)
@pytest.mark.heavy
def test_a_gan_and_a_vae_are_trained_and_sampled_on_every_data_set(here, name, model, capsys):
    size = ["--size", 16] if name in ("cats", "flowers", "sprites") else []
    line = f"--model {model} --data {name} --items 200 --steps 3 --out w.safetensors"
    run("train", *line.split(), *size)
    assert store.load("w.safetensors").card["model"] == model
    run("sample", "--weights", "w.safetensors", "--n", 5, "--out", "w.npy")
    x = np.load("w.npy")
    shape = {"digits": (1, 8, 8), "mnist": (1, 28, 28), "thousand": (3, 16, 16)}.get(
        name, (3, 16, 16) if size else (2,)
    )
    assert x.shape == (5, *shape) and np.isfinite(x).all()
    run("sample", "--weights", "w.safetensors", "--n", 4, "--out", "w.png")
    assert min(Image.open("w.png").size) > 100
    assert "diffusion_lib:" not in capsys.readouterr().err


def test_a_vae_with_a_map_and_a_fixed_s_is_what_was_asked_for(here):
    run(*"train --model vae --data digits --steps 2 --latent 2 --sd 0.25 --out v.safetensors".split())
    model = store.load("v.safetensors")
    assert model.config["latent"] == 2 and float(model.log_s.exp()) == pytest.approx(0.25)
    run("sample", "--weights", "v.safetensors", "--n", 5, "--class", 3, "--out", "w.npy")
    assert np.load("w.npy").shape == (5, 1, 8, 8)


def test_every_loss_can_be_asked_for_from_a_shell(here):
    """From the same seed, each loss learns other weights; but near the score 0 the hinge loss is the Wasserstein one."""
    found = {}
    for loss in gan.LOSSES:
        run("train", "--model", "gan", "--data", "ring", "--loss", loss, "--steps", 2, "--out", "a.safetensors")
        found[loss] = torch.cat([p.flatten() for p in store.load("a.safetensors").parameters()])
    alike = [{a, b} for a, b in combinations(found, 2) if torch.equal(found[a], found[b])]
    assert alike in ([], [{"hinge", "wasserstein"}])


def test_the_bar_shows_what_both_players_say(here, monkeypatch):
    from diffusion_lib.cli import train

    said = []
    monkeypatch.setattr(train.Bar, "__call__", lambda self, share, words="": said.append(words))
    run("train", "--model", "gan", "--data", "ring", "--steps", 2)
    assert re.fullmatch(r"step 2   loss_d \S+  real \S+  fake \S+  loss_g \S+", said[-1])
    run("train", "--data", "ring", "--steps", 2)
    assert re.fullmatch(r"step 2   loss \S+", said[-1])


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("train --data nothing", "choose from"),
        ("train --seconds 0", "needs a number"),
        ("train --steps 3 --seconds 3", "not allowed with"),
        ("train --out w.pt", "must end in .safetensors"),
        ("train --out nowhere/w.safetensors", "a folder that exists"),
        ("train --data ring --model classifier --steps 1", "points"),
        ("train --data ring --size 16 --steps 1", "has no option"),
        ("train --data ring --device abacus --steps 1", "no device"),
        ("sample --weights nothing", "There are no weights"),
        ("sample --weights broken.safetensors", "not a whole safetensors file"),
        ("sample --weights classifier_digits", "cannot draw"),
        (
            "sample --weights gan.safetensors --steps 5",
            "is a GAN, which walks no steps: leave out --steps, --sampler, --eta and --w",
        ),
        ("sample --weights gan.safetensors --eta 0", "walks no steps: leave out --steps, --sampler, --eta and --w"),
        ("sample --weights gan.safetensors --class 0", "know classes none"),
        ("train --model gan --loss square", "choose from"),
        ("train --data ring --loss hinge --steps 1", "--loss is an option of --model gan, not of ddpm"),
        ("train --model gan --predicts v --steps 1", "--predicts is an option of --model ddpm, not of gan"),
        ("train --model gan --learn-variance --steps 1", "--learn-variance is an option of --model ddpm"),
        ("train --data ring --sd 0.1 --steps 1", "--sd is an option of --model vae, not of ddpm"),
        ("train --data ring --latent 2 --steps 1", "--latent is an option of --model gan and vae, not of ddpm"),
        ("train --model vae --latent 0 --steps 1", "needs a whole number"),
        ("train --model gan --start ring", "--start is an option of --model ddpm, not of gan"),
        ("train --data ring --start ring --channels 8", "--channels is as the weights of --start have it"),
        ("train --data ring --start ring --predicts v", "--predicts is as the weights of --start have it"),
        ("train --data ring --start ring --learn-variance", "--learn-variance is as the weights of --start"),
        ("train --data ring --start gan.safetensors", "gan.safetensors are a Generator's"),
        ("train --data ring --start ring --depth 2", "Only a U-Net with one block at each size can be made deeper"),
        ("train --data ring --depth 2", "--depth makes the network of --start deeper: give --start"),
        ("train --data digits --start digits --depth 1", "needs a whole number"),
        (
            "train --data digits --start digits --depth 2 --biases",
            "--biases leaves the matrices of --start as they are: give",
        ),
        ("train --data digits --biases", "--biases leaves the matrices of --start as they are: give --start"),
        ("train --data ring --bits 4", "choose from"),
        ("train --data ring --start nowhere", "no weights 'nowhere'"),
        ("train --data ring --start broken.safetensors", "not a whole safetensors file"),
        ("train --data ring --start digits", r"know samples of shape \(1, 8, 8\) .* but the data have \(2,\)"),
        ("train --data sprites --items 9 --start sprites", r"classes \[2, 5.* but the data have .* and 2: choose"),
        ("sample --weights vae.safetensors --steps 5", "is a VAE, which walks no steps"),
        ("sample --weights digits --class 12", "knows classes 0 to 9|know classes 0 to 9"),
        ("sample --weights digits --steps 5000", "needs a whole number from 1 to 1000"),
        ("sample --weights sprites32 --w 5", "say --prompt TEXT, or leave out --w"),
        ("sample --weights digits --out w.gif", "must end in .npy, .png"),
    ],
)
def test_a_mistake_in_training_or_sampling_gets_one_sentence(here, words, sentence, capsys):
    (here / "broken.safetensors").write_bytes(b"not weights")
    store.save(here / "gan.safetensors", nets.Generator((2,), 4), {})
    store.save(here / "vae.safetensors", vae.VAE((2,), 4), {})
    assert __main__.main(shlex.split(words)) == 2
    said = capsys.readouterr().err.strip()
    assert re.search(sentence, said) and "\n" not in said and "Traceback" not in said


def test_a_prompt_becomes_pictures_and_its_words_are_said(here, capsys):
    for out in ("a.png", "a.gif", "a.html"):
        run("figure", "prompt", "--text", "blue flower, anime style", "--n", 1, "--steps", 2, "--out", out)
        said = capsys.readouterr().out
        assert "Understood: blue (petals), flower." in said and "I do not know “anime”, “style”." in said
        assert (here / out).stat().st_size > 1000 and f"Wrote {out}" in said
        assert "in 1 picture of 32 x 32 pixels" in said
    run("figure", "prompt", "--text", "", "--negative", "night", "--w", 0.5, "--n", 2, "--steps", 2, "--out", "b.png")
    said = capsys.readouterr().out
    assert "Noise becomes 2 pictures of" in said and "“”" not in said and "led towards what shall not be there" in said
    for out in ("s.npy", "s.png"):
        run(
            "sample",
            "--weights",
            "sprites32",
            "--prompt",
            "red flower by day",
            "--negative",
            "tulip",
            "--n",
            2,
            "--steps",
            4,
            "--out",
            out,
        )
        said = capsys.readouterr().out
        assert "To be avoided: shape tulip." in said and "has no effect" not in said
    run("sample", "--weights", "sprites32", "--negative", "night", "--w", 1, "--n", 1, "--steps", 1, "--out", "t.npy")
    assert "At w = 1 what shall not be there has no effect" in capsys.readouterr().out
    x = np.load("s.npy")
    assert x.shape == (2, 3, 32, 32) and x[:, 0, 8:16, 10:22].mean() > x[:, 1, 8:16, 10:22].mean()
