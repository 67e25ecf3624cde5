"""Nothing learned is ever lost, and nothing is silently something else: `train` under all that can happen to it."""

import errno
import inspect
import math
import os
import re
import shlex
import shutil
import signal
import subprocess
import time
import warnings
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import warm

from diffusion_lib import __main__, data, ddpm, files, gan, nets, store, train, vae
from diffusion_lib.checkpoint import told
from diffusion_lib.cli import train as shell
from diffusion_lib.course.lesson01 import scenes as lesson01
from diffusion_lib.diffusion import Schedule
from diffusion_lib.evaluation import classifier
from diffusion_lib.train import fit

POSIX = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
RING = "train --data ring --out w.safetensors"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch, one_thread):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(data, "ring", small := lambda n=60, seed=0: RINGS(n, seed))
    monkeypatch.setitem(data.DATASETS, "ring", small)
    return tmp_path


RINGS = data.ring


def run(line):
    return __main__.main(shlex.split(line))


def card():
    return store.load("w.safetensors").card


def weights():
    return store.load("w.safetensors").state_dict()


def equal(a, b):
    return all(torch.equal(a[k], b[k]) for k in a)


def deaf(number, _):
    """What would have killed the process fails one test instead, so that a slip which kills is seen by its test."""
    pytest.fail(f"{signal.Signals(number).name} was not waited for.")


@pytest.fixture(autouse=True)
def heard():
    """Signals come, as in a terminal, though whoever started the tests (nohup, a job in the background) may ignore some."""
    names = [n for n in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, n)]
    usual = [signal.default_int_handler if n == "SIGINT" else deaf for n in names]
    before = [signal.signal(getattr(signal, n), act) for n, act in zip(names, usual, strict=True)]
    yield
    for n, act in zip(names, before, strict=True):
        signal.signal(getattr(signal, n), act)


@pytest.fixture
def after(monkeypatch):
    """after(n, do): once n steps are made, do() happens, in the loop around `fit`."""

    def after(n, do):
        def watched(*parts, **more):
            for record in fit(*parts, **more):
                yield record
                if record.step == n:
                    do()

        monkeypatch.setattr(train, "fit", watched)

    return after


def fault(error):
    raise error


# ---------------------------------------------------------------------------------------- signals


@POSIX
@pytest.mark.parametrize(("name", "code"), [("SIGINT", 0), ("SIGTERM", 143), ("SIGHUP", 129)])
@pytest.mark.heavy
def test_a_signal_keeps_what_was_learned_however_often_it_comes(here, after, monkeypatch, capsys, name, code):
    number, save = getattr(signal, name), files.write

    def impatient(path, content):
        os.kill(os.getpid(), number)  # a second, third ... time while the files are written
        save(path, content)

    monkeypatch.setattr(store, "write", impatient), monkeypatch.setattr(files, "write", impatient)
    before = signal.getsignal(number)
    after(3, lambda: os.kill(os.getpid(), number))
    assert run(f"{RING} --steps 300 --checkpoint c.pt") == code
    said = capsys.readouterr()
    assert said.err == "Stopped: what was learned so far is kept.\n" and "Wrote w.safetensors" in said.out
    assert signal.getsignal(number) is before and card()["steps"] in (3, 4)
    assert torch.load("c.pt", weights_only=True)["done"] == card()["steps"]
    monkeypatch.setattr(train, "fit", fit)
    monkeypatch.setattr(store, "write", save), monkeypatch.setattr(files, "write", save)
    assert run(f"{RING} --steps 6 --checkpoint c.pt") == 0 and card()["steps"] == 6


@POSIX
@pytest.mark.heavy
def test_a_real_process_keeps_what_was_learned_when_it_is_told_to_end(here):
    words = [*warm.python("diffusion_lib"), *shlex.split(f"{RING} --seconds 600 --checkpoint c.pt")]
    env = os.environ | {"DIFFUSION_LIB_DEVICE": "cpu"}
    with subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env) as work:
        try:
            assert "step" in work.stderr.readline()  # the bar in a log: it learns
            for _ in range(2):
                work.send_signal(signal.SIGTERM)
                time.sleep(0.02)
            out, err = work.communicate(timeout=120)
        finally:
            work.kill()
    assert work.returncode == 143 and "Wrote w.safetensors" in out and "kept" in err and "Traceback" not in err
    assert card()["steps"] == torch.load("c.pt", weights_only=True)["done"] > 3


@POSIX
def test_a_signal_that_shall_be_ignored_is_ignored(here, after):
    """nohup: the terminal may go."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        after(1, lambda: os.kill(os.getpid(), signal.SIGHUP))
        assert run(f"{RING} --steps 3") == 0 and card()["steps"] == 3
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("line", ["figure forward --T 3 --size 8", "sample --weights digits --n 2", RING])
@pytest.mark.heavy
def test_ctrl_c_before_there_is_anything_to_keep_is_one_word(here, monkeypatch, capsys, line):
    stop = lambda *a, **k: fault(KeyboardInterrupt())
    monkeypatch.setattr(lesson01, "_picture", stop), monkeypatch.setattr(ddpm, "draw", stop)
    monkeypatch.setattr(ddpm, "build", stop)
    assert run(line) == 130
    assert capsys.readouterr().err == "diffusion_lib: Stopped.\n" and not any(here.iterdir())


# ---------------------------------------------------------------------------------------- faults


@pytest.mark.parametrize(
    "error", [FloatingPointError("The loss is nan"), RuntimeError("out of memory\nand more"), MemoryError()], ids=repr
)
def test_a_fault_in_the_middle_keeps_what_was_learned_before(here, monkeypatch, capsys, error):
    build = ddpm.build

    def spoiled(*args, **options):
        model, parts = build(*args, **options)
        learner = parts.learners[0]
        return model, parts._replace(step=lambda *a: fault(error) if learner.steps == 3 else parts.step(*a))

    assert run(f"{RING} --steps 3") == 0
    three = weights()
    monkeypatch.setattr(ddpm, "build", spoiled)
    for _ in range(2):  # and once more, when the very first step after the checkpoint fails
        assert run(f"{RING} --steps 9 --checkpoint c.pt") == 1
        said = capsys.readouterr()
        assert said.err.count("\n") == 1 and "until step 3 is kept" in said.err and "Wrote w.safetensors" in said.out
        assert (str(error).splitlines() or ["MemoryError"])[0] in said.err
        assert card()["steps"] == 3 and all(v.isfinite().all() for v in weights().values())
        assert set(weights()) == set(three)
        Path("w.safetensors").unlink()


def test_a_loss_that_is_no_number_for_true(here, monkeypatch):
    build = ddpm.build

    def spoiled(*args, **options):
        model, parts = build(*args, **options)
        bad = ((x * (math.nan if i == 2 else 1), y) for i, (x, y) in enumerate(parts.batches))
        return model, parts._replace(batches=bad)

    monkeypatch.setattr(ddpm, "build", spoiled)
    assert run(f"{RING} --steps 9") == 1
    assert card()["steps"] == 2 and all(v.isfinite().all() for v in weights().values())


def test_nothing_learned_is_said_and_nothing_written(here, monkeypatch, capsys):
    monkeypatch.setattr(ddpm, "ddpm_loss", lambda *a, **k: fault(FloatingPointError("The loss is nan")))
    assert run(f"{RING} --steps 9") == 2
    assert capsys.readouterr().err.startswith("diffusion_lib: The loss is nan at step 1.") and not any(here.iterdir())


@pytest.mark.parametrize("place", ["nodir/c.pt", "file/c.pt", "folder"])
def test_a_checkpoint_without_a_place_is_refused_before_the_work(here, monkeypatch, capsys, place):
    Path("file").touch(), Path("folder").mkdir()
    monkeypatch.setattr(data, "load", lambda *a, **k: pytest.fail("the work has begun"))
    assert run(f"{RING} --steps 5 --checkpoint {place}") == 2
    assert f"Cannot write {place}" in capsys.readouterr().err
    _, parts = ddpm.build(data.ring(), batch=4)
    with pytest.raises(OSError, match="Cannot write"):  # and from Python
        next(fit(*parts, steps=5, checkpoint=place))
    assert parts.learners[0].steps == 0


def test_a_checkpoint_that_fails_later_costs_nothing_else(here, monkeypatch, capsys):
    monkeypatch.setattr(files, "write", lambda *a: fault(OSError(errno.ENOSPC, "No space left on device")))
    assert run(f"{RING} --steps 3 --checkpoint c.pt") == 0
    said = capsys.readouterr()
    assert said.err.count("\n") == 1 and "The checkpoint is not up to date. " in said.err and "No space" in said.err
    assert card()["steps"] == 3 and not Path("c.pt").exists()


def test_a_disk_too_full_for_the_checkpoint_but_not_for_the_weights(here, capsys):
    resource = pytest.importorskip("resource")
    assert run(f"{RING} --steps 1 --checkpoint c.pt") == 0
    old, size = Path("c.pt").read_bytes(), Path("w.safetensors").stat().st_size
    Path("w.safetensors").unlink()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 5000, before[1]))
    try:
        assert run(f"{RING} --steps 3 --checkpoint c.pt") == 0
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "not up to date. Cannot write c.pt (File too large)" in capsys.readouterr().err
    assert card()["steps"] == 3 and Path("c.pt").read_bytes() == old
    assert sorted(p.name for p in here.iterdir()) == ["c.pt", "w.safetensors"]


def test_a_folder_that_vanishes_does_not_take_the_weights_along(here, after, capsys):
    Path("out").mkdir()
    after(2, lambda: shutil.rmtree("out"))
    assert run("train --data ring --steps 3 --out out/w.safetensors --checkpoint out/c.pt") == 1
    said = capsys.readouterr()
    (kept,) = here.glob("w-kept-*.safetensors")
    assert "Cannot write out/w.safetensors" in said.err and f"kept as {kept}" in said.err
    assert f"Wrote {kept}" in said.out and store.load(kept).card["steps"] == 3


def test_weights_without_any_place_wait_for_one_while_somebody_looks_on(here, monkeypatch, capsys):
    tries, write = [], files.write

    def full(path, content):
        tries.append(path)
        if len(tries) < 8:  # --out and four places beside it, and some of them again
            raise OSError(errno.ENOSPC, "No space left on device")
        write(path, content)

    monkeypatch.setattr(store, "write", full), monkeypatch.setattr(shell, "_wait", lambda *a: None)
    assert run(f"{RING} --steps 1") == 2  # in a log nobody could make room
    assert "No space" in capsys.readouterr().err and len(tries) == 5
    tries.clear()
    monkeypatch.setattr(shell, "_columns", lambda: 80)
    assert run(f"{RING} --steps 1") == 1 and len(tries) == 8
    assert "waits for that" in capsys.readouterr().err and len(list(here.glob("w-kept-*"))) == 1
    tries.clear()
    monkeypatch.setattr(shell, "_wait", lambda came, asked: came.append(signal.SIGINT))
    assert run(f"{RING} --steps 1") == 2 and len(tries) == 5  # Ctrl+C gives it up


def test_a_training_that_is_broken_off_leaves_the_weights_of_before(here, after, capsys):
    assert run(f"{RING} --steps 5") == 0
    old = Path("w.safetensors").read_bytes()
    after(1, lambda: fault(KeyboardInterrupt()))
    assert run(f"{RING} --steps 5") == 0 and card()["steps"] == 1
    (spare,) = here.glob("w-before-*.safetensors")
    assert spare.read_bytes() == old and f"are now in {spare.name}" in capsys.readouterr().err
    # here nothing is lost: the next one goes on from there
    assert run(f"{RING} --steps 5 --checkpoint c.pt") == 0
    assert len(list(here.glob("w-before-*"))) == 1


def test_the_place_that_nobody_named_is_looked_at_too(here, monkeypatch, capsys):
    Path("weights.safetensors").mkdir(), Path("samples.npy").mkdir()
    monkeypatch.setattr(data, "load", lambda *a, **k: pytest.fail("the work has begun"))
    monkeypatch.setattr(store, "load", lambda *a, **k: pytest.fail("the work has begun"))
    assert run("train --data ring") == 2 and "weights.safetensors (it is a folder)" in capsys.readouterr().err
    assert run("sample --weights digits") == 2 and "samples.npy (it is a folder)" in capsys.readouterr().err


def test_weights_that_16_bits_cannot_hold_are_kept_with_32(here, monkeypatch, capsys):
    build = ddpm.build

    def large(*args, **options):
        model, parts = build(*args, **options)
        return model, parts._replace(step=lambda *a: {"loss": float(model.net.last.bias.fill_(1e6).sum())})

    monkeypatch.setattr(ddpm, "build", large)
    assert run(f"{RING} --steps 1 --half") == 1
    assert "16 bits" in (said := capsys.readouterr().err) and "kept with 32 bits" in said
    assert float(store.load("w.safetensors").net.last.bias[0]) == 1e6


def test_warnings_that_are_errors_cost_nothing(here, monkeypatch):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        monkeypatch.setattr(files, "write", lambda *a: fault(OSError("full")))
        assert run(f"{RING} --steps 2 --checkpoint c.pt") == 1 and card()["steps"] == 2


# ---------------------------------------------------------------------------------------- going on


def test_a_finished_training_started_again_writes_its_weights(here, capsys):
    line = f"{RING} --steps 4 --checkpoint c.pt"
    assert run(line) == 0
    first, about = weights(), card()
    Path("w.safetensors").unlink()
    assert run(line) == 0 and equal(first, weights()) and card() == about
    assert run(line.replace("--steps 4", "--seconds 0.1")) in (0, 1) and not capsys.readouterr().err.count("Nothing")


def test_the_first_record_of_a_training_that_goes_on_says_where_it_is(here):
    def parts():
        return ddpm.build(data.ring(), batch=4)[1]

    first = list(fit(*parts(), steps=3, checkpoint="c.pt"))[-1]
    (again,) = fit(*parts(), steps=3, checkpoint="c.pt")
    assert (again.step, again.seconds, again.values) == (first.step, first.seconds, first.values)
    more = list(fit(*parts(), steps=5, checkpoint="c.pt"))
    assert [r.step for r in more] == [3, 4, 5] and more[0].values == first.values


def test_going_on_keeps_the_precision_of_the_start(here):
    """The race that chooses it may end otherwise the next time."""
    for precision in ("float32", "bfloat16"):
        Path("c.pt").unlink(missing_ok=True)
        learner = train.Learner(torch.nn.Linear(2, 2), precision=precision)
        other = train.Learner(torch.nn.Linear(2, 2), precision="float32")
        other.load_state_dict(learner.state_dict())
        assert other.precision == precision
        other.load_state_dict(learner.state_dict() | {"device": "cuda", "precision": "elsewhere"})
        assert other.precision == precision


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ("--data moons", "data = ring"),
        ("--items 30", r"data = ring \(60 items, \w+\), not with ring \(30 items"),
        ("--predicts eps", "predicts = v, not with eps"),
        ("--learn-variance", "learn_variance = False, not with True"),
        ("--optimizer muon", "optimizer = adamw, not with muon"),
        ("--channels 64", "channels = 128, not with 64"),
        ("--seed 1", "seed = 0, not with 1"),
        ("--model gan", "model = ddpm, not with gan"),
        ("--model vae", "model = ddpm, not with vae"),
    ],
)
@pytest.mark.heavy
def test_a_checkpoint_of_something_else_is_refused(here, capsys, change, names):
    assert run(f"{RING} --steps 1 --checkpoint c.pt") == 0
    old = Path("c.pt").read_bytes()
    capsys.readouterr()
    assert run(f"{RING} --steps 2 --checkpoint c.pt {change}") == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and re.search(f"Cannot go on from c.pt: it was made with {names}", said)
    assert Path("c.pt").read_bytes() == old


@pytest.mark.parametrize(
    ("model", "change", "names"),
    [
        ("gan", "--loss hinge", "loss = relativistic, not with hinge"),
        ("gan", "--latent 3", "latent = 2, not with 3"),
        ("vae", "--sd 0.1", "sd = None, not with 0.1"),
    ],
)
def test_a_checkpoint_of_another_game_is_refused(here, capsys, model, change, names):
    line = f"{RING} --model {model} --checkpoint c.pt"
    assert run(f"{line} --steps 1") == 0 and run(f"{line} --steps 2 {change}") == 2
    assert names in capsys.readouterr().err and run(f"{line} --steps 2") == 0


def test_what_a_model_is_built_from_is_told_by_its_contents():
    ring = RINGS(20)

    def words(data):
        return told({"data": data})["data"]

    other = ring.x.clone()
    other[7, 1] += 1e-6
    assert words(ring) == words(RINGS(20)) and words(ring).startswith("ring (20 items, ")
    others = [replace(ring, x=other), replace(ring, y=ring.y.flip(0)), replace(ring, y=None), ring.subset(19)]
    assert len({words(d) for d in [ring, *others]}) == 5
    schedules = [Schedule.of("cosine", 10), Schedule.of("cosine", 11), Schedule.of("linear", 10)]
    schedules.append(Schedule(schedules[0].alpha_bar ** 2, "cosine"))
    assert len({told({"schedule": s})["schedule"] for s in schedules}) == 4
    several = [torch.nn.Linear(2, 2), nets.Generator((2,), 2, channels=8), nets.Generator((2,), 2, channels=16)]
    assert len({told({"net": net})["net"] for net in several}) == 3


@pytest.mark.parametrize("family", [ddpm, gan, vae, classifier], ids=lambda m: m.__name__.rpartition(".")[2])
def test_every_option_of_every_family_is_told(family):
    pictures = data.Data(torch.zeros(4, 1, 8, 8), torch.tensor([0, 1, 0, 1]), ("a", "b"))
    _, parts = family.build(pictures, **({"precision": "float32"} if family is ddpm else {}))
    options = set(inspect.signature(family.build).parameters) - {"device"}
    assert options <= set(told(parts.about)) and parts.about["model"] == family.__name__.rpartition(".")[2]


def test_the_two_files_of_a_training_are_two(here, capsys):
    Path("link.safetensors").symlink_to("w.safetensors")
    for name in ("w.safetensors", "./w.safetensors", "link.safetensors"):
        assert run(f"{RING} --steps 1 --checkpoint {name}") == 2
        assert "two files" in capsys.readouterr().err
