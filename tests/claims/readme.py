"""README and benchmarks/README, section by section. Their rows of figures are made here again, from the records."""

import math
import re
from functools import cache

from diffusion_lib import data, store
from diffusion_lib.data.factors import FACTORS
from diffusion_lib.data.stickers import KINDS
from diffusion_lib.evaluation import records
from diffusion_lib.sampling import SAMPLERS
from diffusion_lib.telling import MORE

from . import ROOT, benchmark, lesson00, lesson06, lesson07, lesson08, numbers


def slider_rows():
    for r in benchmark("slider")["results"].values():
        step, settle = r["key_to_painted_ms"], r["settle_after_50_keys_ms"]
        row = [f"{v:.0f}" for v in (step["median"], step["p95"], settle["median"], settle["max"])]
        yield f"| {' | '.join([*row, str(r['blank_frames']), str(r['height_changes'])])} |"


def live_rows():
    for r in benchmark("live")["results"].values():
        painted, begun, kernel = (r[f"{key}_ms"] for key in ("button_to_painted", "button_to_its_frame", "kernel"))
        row = [painted["median"], painted["p95"], begun["median"], kernel["median"], r["blank_frames"]]
        yield f"| {' | '.join(f'{v:.0f}' for v in row)} |"


def quality_rows():
    g, d, m, s = (benchmark("quality")[part] for part in ("grid", "digits", "mnist", "shipped"))
    true, perfect, ours = g["true_data"], g["perfect_denoiser_same_sampler"], g["median"]

    def islands(r):
        return f"{r['kl']:.4f}, {r['high_quality']:.1%}, {r['sd_ratio']:.2f}"

    def digits(r):
        return f"{r['accuracy']:.1%}, {r['frechet']:.1f}"

    yield f"| {g['all_25_modes']} of {len(g['seeds'])} seeds; {islands(ours)} | {islands(true)}; optimal denoiser {islands(perfect)} |"
    yield f"| {digits(d['median'])} | {d['real_accuracy']:.1%}, {d['real_against_real']:.1f} |"
    yield f"| {digits(m['median'])} | {m['real_against_real']:.1f} |"
    yield f"| {digits(s['mnist'])} | {s['mnist']['real_against_real']:.1f} |"


def race_rows():
    race = benchmark("race")["competitors"]
    curves = {name: c["runs"][0]["curve"] for name, c in race.items()}
    shown = {"ours": curves["ours"][1:]} | {k: curves[k][-1:] for k in ("lucidrains", "course_unit2")}
    for name, points in shown.items():
        scores = ", ".join(f"{p['frechet']:.1f}" for p in points)
        after = ", ".join(f"{p['seconds']:.0f} s" for p in points)
        yield f"| {race[name]['parameters'] / 1e6:.2f} M | {scores} | {after} |"


@cache
def rows() -> list[str]:
    """Every row of figures: those that stand here, those of the benchmarks, and those of the cures and the ladder."""
    import arena
    import focus
    import gan
    import gpu
    import lessons
    import optimizers
    import rate
    import thousand
    import words
    from test_lesson06 import cure_rows, ladder_rows

    made = [
        *slider_rows(),
        *live_rows(),
        *quality_rows(),
        *race_rows(),
        *gan.table(benchmark("gan")),
        *cure_rows(),
        *ladder_rows(),
        *thousand.table(records.read("thousand")),
        *words.factor_rows(records.read("words")),
        *words.other_rows(records.read("words")),
        *words.limit_rows(records.read("words")),
        *rate.table(benchmark("rate")),
        *optimizers.table(benchmark("optimizers")),
        *focus.table(benchmark("focus")),
        *gpu.table(benchmark("gpu")),
    ]
    made += [*arena.table(), *arena.second_table(), *arena.outcomes()]
    made += lessons.markdown(benchmark("lessons")["lessons"])
    return [row for row in made if re.search(r"\d", row)]


def under_headings(whole: str) -> dict[str, str]:
    parts = re.split(r"(?m)^#{1,3} (.+)$", whole)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


FRONT, TABLES = (ROOT.joinpath(*p).read_text(encoding="utf-8") for p in (["README.md"], ["benchmarks", "README.md"]))
MEASUREMENTS = "What was measured"  # in front a few lines of figures, behind them the page of that name
WHOLE = FRONT + TABLES.replace(f"# {MEASUREMENTS}", f"# {MEASUREMENTS}: the tables", 1)
HEADINGS = list(under_headings(WHOLE))


@cache
def sections() -> dict[str, str]:
    """Heading -> what is said under it, without the rows of figures."""
    whole = re.sub(r"<code>.*?</code>|<img [^>]*>", " ", WHOLE)
    for row in rows():
        whole = whole.replace(row, " ")
    return under_headings(whole)


# ---------------------------------------------------------------------------------------- what stands in sentences


def live() -> list[str]:
    """How often was pressed, and how busy the machine was."""
    book = benchmark("live")
    (presses,) = {f"{len(r['kernel_ms']['all'])}" for r in book["results"].values()}
    load = book["load_average"]
    return [presses, f"{min(load):.0f}", f"{max(load):.0f}", f"{book['machine']['cores']}"]


def quality() -> list[str]:
    q, race = benchmark("quality"), benchmark("race")
    seconds, calls = (re.search(p, q["grid"]["what"]).group(1) for p in (r"(\d+) s of", r"(\d+) network"))
    pictures = [re.match(r"\d+", q[k]["what"]).group() for k in ("digits", "mnist")]
    minutes = f"{store.load('mnist').card['seconds'] / 60:.0f}"
    noise = [f"{q[k]['noise']:,.0f}" for k in ("digits", "mnist")]
    real = f"{race['real_against_real']['mean']:.1f}"
    samples, reference = re.search(r"(\d+) samples against ([\d,]+)", race["score"]).groups()
    assert reference == "2,500" and race["finished"]
    islands = [calls, "25", "25", "3", seconds]
    learned = store.load("mnist").card["items"]
    halves = ["2,500", "5,000", f"{learned:,}"]  # quality.judge_mnist
    return [
        *islands,
        "8",
        "8",
        *pictures,
        *halves,
        "5,000",
        minutes,
        *noise,
        "5,000",
        samples,
        samples,
        real,
        "2",
        *ahead(),
    ]


def ahead() -> list[str]:
    """Neither peer had in ten times our seconds what ours had after the second mark."""
    curves = {name: c["runs"][0]["curve"] for name, c in benchmark("race")["competitors"].items()}
    ours = curves.pop("ours")[-1]
    for curve in curves.values():
        assert curve[-1]["seconds"] >= 10 * ours["seconds"] - 5 and curve[-1]["frechet"] > ours["frechet"]
    return [f"{ours['seconds']:.0f}"]


def tried() -> list[str]:
    """Seeds of each recipe, and configurations that were tried: all, and for RpGAN."""
    report = benchmark("gan")
    seeds = {len(r["seeds"]) for part in ("ring", "grid") for r in report[part].values() if "seeds" in r}
    tries = report["search"]
    assert tries["relativistic"] + tries["minimax"] == len(tries["tried"])
    return [*map(str, seeds), str(len(tries["tried"])), str(tries["relativistic"])]


def off_the_mean(*places: str) -> str:
    """By how much of the mean of the three the seconds of a family differ at most, rounded up."""
    worst = 0.0
    for place in places:
        runs = records.race_book(place)["runs"]
        for seed in {r["seed"] for r in runs}:
            seconds = [r["seconds"] for r in runs if r["seed"] == seed]
            worst = max(worst, *(abs(s * len(seconds) / sum(seconds) - 1) for s in seconds))
    return f"{math.ceil(1000 * worst) / 10}"


def audited() -> list[str]:
    races, latents, full = (benchmark(name) for name in ("audit", "audit_latents", "audit_full"))
    elsewhere = benchmark("audit_elsewhere")
    places = [elsewhere["another_processor"][place] for place in ("digits", "grid")]
    assert elsewhere["seeds"] == 10 and elsewhere["places"] == ["digits", "grid"]
    assert [place["contradict"] for place in places] == [0, 0]
    there = ["26", "2026", *(str(place[k]) for place in places for k in ("inside", "entries")), "0"]
    differ = [r["numbers_that_differ"] for r in (races, full)]
    assert latents["numbers_that_differ"] == 0 and races["cores"] == 2
    hours = (f"{races['minutes'] + latents['minutes']:.0f}", f"{full['minutes']:.0f}")
    ours = (races["seeds"], hours[0], differ[0], full["seeds"], hours[1], differ[1])
    return ["0", *map(str, ours), "95", *there]


def arena_section() -> list[str]:
    """MNIST's classifier learned from 4,500 of 5,000 pictures, the digits' from the 1,000 of the families."""
    assert [store.load(f"classifier_{n}").card["items"] for n in ("mnist", "digits")] == [4500, 1000]
    unseen = [f"{len(lesson07.place(n).unseen):,}" for n in ("mnist", "digits", "digits")]
    learned = ["1,000", "4,500", f"{len(data.mnist()):,}", *unseen]
    equal = [off_the_mean("grid", "digits"), off_the_mean("sprites", "mnist")]
    return ["4", *equal, "5", *learned, "95", "25", "2026"]


def cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip("|").split("|")]


def won() -> list[str]:
    """Data sets where the DDPM is shown to cover more than the VAE, than the GAN; how much faster those two draw."""
    import arena

    told = {words: verdicts for words, *verdicts in map(cells, arena.outcomes())}
    vae, gan = (told[f"the DDPM covers more than the {family}"] for family in ("VAE", "GAN"))
    *_, mnist = gan
    assert "mnist" in told["predicted"][-1] and mnist.startswith("no:")
    shown = [f"{sum(verdict.startswith('yes') for verdict in verdicts)}" for verdicts in (vae, gan)]
    times = [
        int(n)
        for said in told["GAN and VAE draw at least 10 times faster than the DDPM"]
        for n in re.findall(r"\d+", said)
    ]
    places = str(len(vae))
    return [shown[0], places, shown[1], places, str(min(times)), str(max(times))]


def words_obeyed() -> list[str]:
    """The record and the commands are of the weights that ship; every picture takes so many calls; one word, whole captions."""
    import words

    book, card = records.read("words"), store.load(words.WEIGHTS).card
    assert {k: card[k] for k in book["of"]} == book["of"], "benchmarks/words.py has not seen the weights that ship"
    times = [book[part] for part in words.timed(book)]
    assert times and all((t["threads"], t["calls"]) == (2, words.CALLS) for t in times)
    assert [t["cpu"] for t in times] == [words.CHIPS[part].replace("-", "") for part in words.timed(book)]
    one, whole = (book["obeyed"]["2"][k] for k in ("one word", "captions"))
    each = {f"{one['factors'][name]['n'] / len(values):g}" for name, values in FACTORS["cat"].items() if name != "time"}
    five, ours, *more = book["calls"]["rows"]
    assert (five["calls"], ours["calls"]) == (5, words.CALLS) and more
    assert five["words"]["share"] < ours["words"]["share"] and five["frechet"] > 1.02 * ours["frechet"]
    assert all(abs(r["words"]["share"] - ours["words"]["share"]) < 0.001 for r in more)  # "hardly change"
    assert all(abs(r["frechet"] / ours["frechet"] - 1) < 0.02 for r in more)
    few = book["spread"][f"nothing, w = 1, {words.CALLS} calls"]
    other = book["spacing"]  # as many calls at other times: each kind of word is obeyed at most as often
    assert min(few.values()) == few["pattern"] and other["even"] == "snr"
    assert all(row["share"] <= one["factors"][name]["share"] for name, row in other["factors"].items())
    missed = words.missed(book)
    assert f"\n{missed}\n" in TABLES, (
        f"benchmarks/README.md should have {missed} (python benchmarks/words.py --texts writes it)"
    )
    told, last = f"```sh\n{words.trainings()}```", card["command"]
    assert told in TABLES, f"benchmarks/README.md should have {told} (python benchmarks/words.py --texts writes it)"
    assert last in told and re.findall(r"--start (\S+)", told) == re.findall(r"mv sprites32\S* (\S+)", told)
    return [
        *each,
        f"{whole['whole']['n']:,}",
        re.search(r"--bits (\d+)", last)[1],
        *[str(words.CALLS)] * 4,
        f"{few['pattern']:.3f}",
        *(f"{100 * part['share']:.1f}" for part in (other["words"], other["factors"]["eyes"])),
        str(words.SPREAD_CALLS),
        *{str(t["runs"]) for t in times},
        f"{words.GOALS['milliseconds']}",
        *(f"{n:,}" for n in (store.PART, store.SMALL)),
        *numbers(missed),
        *words_lost(book["limits"]),
    ]


def words_lost(part: dict) -> list[str]:
    """Eyes at each noise, the more the noisier; how far off the network's guess is at least, from one noise to another."""
    rows = sorted(part["rows"], key=lambda row: row["sigma"])
    for w in ("1", "2"):
        kept = [row["obeyed"][w]["eyes"]["share"] for row in rows if row["species"] == "cat"]
        assert kept == sorted(kept, reverse=True) and kept[0] < 1
    far = {row["sigma"] for row in rows if row["network"] > 2 * row["others"]}
    both = [
        sigma
        for sigma in sorted(far)
        if all(row["network"] > 2 * row["others"] for row in rows if row["sigma"] == sigma)
    ]
    sizes = [str(part["captions"]), str(part["n"]), f"{part['others']:,}"]
    return [*sizes, "1", "1", *(f"{sigma:g}" for sigma in both)]  # twice 1: of sigma's formula


def network_call() -> list[str]:
    """The goals, and where none is reached."""
    import rate

    book = benchmark("rate")
    reached = {
        what: {key for key, row in book.items() for r in row["networks"].values() if r[what]["ratio"] >= goal}
        for what, goal in rate.GOALS.items()
    }
    intel = {what: {key for key in keys if "AMD" not in key} for what, keys in reached.items()}
    assert not intel["training"] and intel["sampling"] and all(key.endswith("AVX2") for key in intel["sampling"])
    amd = [row["networks"] for key, row in book.items() if key.endswith(", AMD EPYC")]
    met = {
        (name, what): sum(r[name][what]["ratio"] >= rate.GOALS[what] for r in amd)
        for name in rate.NETWORKS
        for what in rate.GOALS
    }
    assert len(amd) == 4 and {met["sprites32", what] for what in rate.GOALS} == {4} == {met["mnist", "training"]}
    assert met["mnist", "sampling"] == 3  # "in most"
    assert met["digits", "sampling"] == met["digits", "training"] == 0
    return [f"{100 * goal:.0f}" for goal in rate.GOALS.values()] + [str(rate.CHANNELS)] * 2 + [str(rate.BATCH)]


def two_optimizers() -> list[str]:
    """Seconds, least and most steps of each, and the unseen pictures; three throws of the dice, four noises."""
    import optimizers

    book = benchmark("optimizers")
    rows = book["rows"]
    assert len(rows) == 6 and len(book["noises"]) == 4
    steps = [[r["steps"] for r in rows if r["optimizer"] == name] for name in ("adamw", "muon")]
    spans = [f"{n:,}" for some in steps for n in (min(some), max(some))]
    return [*{f"{r['seconds']:.0f}" for r in rows}, *spans, f"{optimizers.UNSEEN:,}"]


def with_a_focus() -> list[str]:
    """Seconds, least and most steps without and with, and the unseen pictures; three throws of the dice, three noises."""
    import focus
    import optimizers

    book = benchmark("focus")
    rows = book["rows"]
    assert len(rows) == 6 and len(book["noises"]) == 3 == len(focus.WORDS) and MORE == 4
    steps = [[r["steps"] for r in rows if r["focus"] == on] for on in (False, True)]
    spans = [f"{n:,}" for some in steps for n in (min(some), max(some))]
    return [*{f"{r['seconds']:.0f}" for r in rows}, *spans, f"{optimizers.UNSEEN:,}"]


def lines_of_figures() -> list[str]:
    """What the front page says of the tables."""
    import words

    slider, pressed, q = benchmark("slider")["results"], benchmark("live")["results"], benchmark("quality")["digits"]
    fast = [f"{slider[k]['key_to_painted_ms']['median']:.0f}" for k in ("player", "redraw")]
    fast += [
        f"{pressed[k]['button_to_painted_ms']['median']:.0f}" for k in ("points", "cats", "points_first", "cats_first")
    ]
    good = [
        "8",
        "8",
        *re.findall(r"(\d+) s of", q["what"]),
        f"{q['median']['accuracy']:.1%}"[:-1],
        f"{q['real_accuracy']:.1%}"[:-1],
    ]
    few = records.read("few_steps")["parity"]["digits"]
    steps = [f"{few['at_10']['dpmpp_2m']:.1f}", "250", f"{few['ddpm_250']:.1f}", f"{few['floor']:.1f}"]
    g = benchmark("gan")
    grid, ring = g["grid"]["RpGAN + R1 + R2"]["seeds"], g["ring"]["minimax (2014)"]["seeds"]
    found, off = sum(r["modes"] == 25 for r in grid), sum(r["high_quality"] < 0.1 for r in ring)
    modes = ["25", str(found), str(len(grid)), "2014", "8", str(off), str(len(ring))]
    seeds, differ = (sum(benchmark(n)[k] for n in ("audit", "audit_full")) for k in ("seeds", "numbers_that_differ"))
    told = words.bullet(records.read("words"))
    assert told in FRONT, f"README.md should have {told} (python benchmarks/words.py --texts writes it)"
    ratios = times_as_fast()
    card = [f"{v:.0f}" for k in ("usual", "drawn") for v in (min(ratios[k]), max(ratios[k]))]
    return [
        *fast,
        *good,
        *steps,
        *modes,
        *won(),
        *numbers(told),
        str(seeds),
        str(differ),
        "100",
        *card,
    ]  # the card is an H100


def broken() -> list[str]:
    """The section on cures and ladder, but for its definitions."""
    rates, networks, each = lesson06.tries()
    _, _, _, *more = lesson06.rules()
    assert lesson06.held() == "two"
    return [
        each,
        rates,
        networks,
        *more,
        *lesson06.of("usual", "minimax (2014)", "flew apart"),
        *lesson06.of("usual", "non-saturating", "clump between"),
        f"{records.read('ladder')['seconds']:.0f}",
        *lesson06.millions(),
    ]


def running() -> list[str]:
    """Of each lesson: minutes for the reader, and the processor's seconds of a run."""
    tour = f"{benchmark('lessons')['lessons']['00']['processor_s']:.0f}"
    return ["15", tour, *lesson00.table()]


def limits() -> list[str]:
    """Minutes that a lesson and that all may take on the wall, the machine's cores, and what they took with AVX2: all, the longest."""
    import lessons

    cores = {row["cores"] for row in benchmark("lessons")["lessons"].values()}
    rows = benchmark("lessons_avx2")["lessons"]
    assert rows.keys() == benchmark("lessons")["lessons"].keys()
    walls = [row["wall_s"] for row in rows.values()]
    took = [f"{sum(walls):.0f}", f"{max(walls):.0f}"]
    return [f"{lessons.EACH // 60}", f"{lessons.ALL // 60}", *map(str, cores), *took]


def few_steps() -> list[str]:
    """Lesson 08's numbers of ten calls, and the steps that are left to heun."""
    unseen, left = len(data.digits()) - 1000, SAMPLERS["heun"].steps(10)
    excess = records.read("few_steps")["parity"]["digits"]["excess"]
    assert excess["dpmpp_2m"] <= 1.25 * excess["ddpm_250"]
    above = [f"{excess[who]:.1f}" for who in ("dpmpp_2m", "ddpm_250")]
    _, *mnist = lesson08.on_pictures()[:6]
    said = ["500", "500", "2", *mnist, "250"]
    return [*lesson08.parity(), *above, "250", "1.25", *said, f"{unseen}", f"{left}", *lesson08.overhead()]


def thousand_kinds() -> list[str]:
    """The reader, the ruler and the floor of the stickers' benchmark."""
    book = records.read("thousand")
    reader, ruler, floor = book["reader"], book["ruler"], book["floor"]
    read = [f"{reader['n']:,}", f"{reader['whole']['share']:.2%}"[:-1]]
    apart = [f"{ruler['limit']:.4f}", "1", "1", f"{ruler['n']:,}", f"{ruler['real']['most']:.4f}"]
    near = [f"{book['near']['share']:.1%}"[:-1], f"{book['near']['n']:,}"]
    new = book["held_out"]
    assert new["held_out"] == 100 == KINDS // 10
    shares = [f"{new[k]:.1%}"[:-1] for k in ("valid", "share", "low", "high")]
    kept = [f"{new['seconds']:.0f}", *shares, str(new["kinds"]), "100", "10"]
    head = [f"{KINDS:,}", *read, *apart, *near, str(book["shipped"]["calls"]), str(floor["draws"])]
    return [*head, *kept, *uneven_start(book["start"]), *stickers_guessed(book["limits"])]


def uneven_start(part: dict) -> list[str]:
    """Sigma at T, the length of the stickers' mean, and the optimal denoiser's KL from both starts; only that from the mean is the goal's."""
    noise, mean = (next(row["kl"] for row in part["rows"] if row["around"] == about) for about in ("noise", "mean"))
    assert mean < 0.022 < noise < min(row["kl"] for row in records.read("thousand")["shipped"]["rows"])
    far = [f"{part['sigma']:.0f}", f"{part['mean']:.0f}", f"{part['mean'] / part['sigma']:.2f}"]
    return [*far, "1", f"{part['known']:,}", f"{noise:.4f}", f"{mean:.4f}", "0.022"]


def stickers_guessed(part: dict) -> list[str]:
    """The noises where the network's guess errs most beside what is possible, and how much."""
    far = {row["sigma"]: row["network"] / row["others"] for row in part["rows"]}
    worst = max(far, key=far.get)
    return [f"{part['others']:,}", f"{worst:g}", f"{far[worst]:.1f}"]


def times_as_fast() -> dict[str, list[float]]:
    """Of each kind of work, for each network: the card's rate over that of two threads."""
    card, slow = (benchmark("gpu")[part]["networks"].values() for part in ("card", "cpu"))
    usual, large = (
        [
            a["training"][i]["steps_a_second"] / b["training"][i]["steps_a_second"]
            for a, b in zip(card, slow, strict=True)
        ]
        for i in (0, 1)
    )
    drawn = [
        a["sampling"]["pictures_a_second"] / b["sampling"]["pictures_a_second"] for a, b in zip(card, slow, strict=True)
    ]
    return {"usual": usual, "large": large, "drawn": drawn}


def graphics_card() -> list[str]:
    """The large batch, calls, pictures at a time, the goal; and steps a second before kernels were recorded."""
    import gpu

    book = benchmark("gpu")
    before = book["card_one_by_one"]["networks"]["sprites32"]["training"][0]
    assert "H100" in book["card"]["machine"] == book["card_one_by_one"]["machine"] and "EPYC" in book["cpu"]["machine"]
    assert f"{gpu.THREADS} threads" in book["cpu"]["machine"]
    assert before["steps_a_second"] < 0.5 * book["card"]["networks"]["sprites32"]["training"][0]["steps_a_second"]
    return [f"{gpu.LARGE:,}", str(gpu.CALLS), "1,000", str(gpu.GOAL), f"{before['steps_a_second']:.0f}"]


MEASURED = {
    "A graphics card": graphics_card,
    "A thousand kinds": thousand_kinds,
    "Few steps": few_steps,
    "The lessons": running,
    "How fast": live,
    "How long a lesson runs": limits,
    "How good": quality,
    "GANs": lambda: ["2014", *tried(), "2014", *lesson06.of("plain", "minimax (2014)", "all")],
    "When GANs break": broken,
    "The arena": arena_section,
    "AdamW or Muon": two_optimizers,
    "A focus on some words": with_a_focus,
    "The audit": audited,
    "The network call": network_call,
    "Words": words_obeyed,
    MEASUREMENTS: lines_of_figures,
}
QUOTED = {
    "Six others, point by point": (
        ("smalldiffusion", "README.md at 1e6b201", "100 3 4 10"),
        ("MIT 6.S184", "diffusion.csail.mit.edu/2026", "2026"),
    )
}
PLAIN = {
    "How long a lesson runs": "2 512 2",  # names of instructions: AVX2, AVX-512
    "How machines draw pictures": "2 32 32 11 3.11 3.12 3.13 200 3",
    "Who it is for": "90",
    "Pictures to take away": "4 4.6",
    "The lessons": "1000 8 64 1 1,000",
    "For a class": "1.6 4 340",
    "Train and draw from a shell": "16 32 32 8",
    "AdamW or Muon": "95",
    "A focus on some words": "95",
    "The network call": "3 3 2 512 2",  # the kernel; AVX2, AVX-512
    "Words": "2 2 1 1 2 1 2 1 95 400 2 2 512 1 16",  # w; the scale; intervals; throws; AVX2, AVX-512
    "A graphics card": "100 512 1,024",  # H100, AVX-512, and the head of the table
    "Names": "1 0 1 1 1 0 0 1 1 1 0 1",
    "Dependencies, and why each": "8 8 5,000 3.11",
    f"{MEASUREMENTS}: the tables": "2014",
    "How fast": "95 50 95",
    "When GANs break": "3 1 8 3 8 3 1.5 2,000 8 64 16 32 16 64 16 2 2 32",
    "Six others, point by point": "26 2026 64",
    "Licence and citation": "2.0 0.1 2026",
}
