"""A sentence that somebody types: what of it is understood, and that nothing else is pretended to be."""

from pathlib import Path

import pytest
import torch

from diffusion_lib import __main__
from diffusion_lib.data.captions import caption
from diffusion_lib.data.factors import FACTORS, TOLD, vocabulary
from diffusion_lib.data.prompts import IGNORED, KNOWN, LONGEST, meaning, tokens, understand

FLOWER = {"species": "flower"}
CAT = {"species": "cat"}


@pytest.mark.parametrize(
    "text,said",
    [
        ("blue and yellow flower in the night", FLOWER | {"petals": "blue", "centre": "yellow", "time": "night"}),
        ("BLUE, Yellow FLOWERS; night!", FLOWER | {"petals": "blue", "centre": "yellow", "time": "night"}),
        ("a flower with a yellow centre and blue petals", FLOWER | {"petals": "blue", "centre": "yellow"}),
        ("青い黄色い花、夜", FLOWER | {"petals": "blue", "centre": "yellow", "time": "night"}),
        ("黄色の花びらの花", FLOWER | {"petals": "yellow"}),
        ("夜の黒猫", CAT | {"fur": "black", "time": "night"}),
        ("ネコ 🌙", CAT | {"time": "night"}),
        ("kittens under the stars", CAT | {"time": "night"}),
        ("red tulips", FLOWER | {"petals": "red", "shape": "tulip"}),
        ("black white cat", CAT | {"fur": "black", "pattern": "tuxedo"}),
        ("sleeping ginger cat", CAT | {"fur": "orange", "eyes": "sleepy", "pose": "curled"}),
        ("<b>cat</b> &amp; moon", CAT | {"time": "night"}),
        ("night", {"time": "night"}),
        ("", {}),
        ("   ?!... ", {}),
    ],
)
def test_what_is_said_and_no_more(text, said):
    """What is not said stays open: it is not the first value, as in `captions.parse`."""
    p = understand(text)
    assert p.readings == (said,)
    assert p.y(3).tolist() == [[TOLD[f].index(said[f]) if f in said else -1 for f in TOLD]] * 3


def test_each_value_of_each_factor_can_be_asked_for():
    for kind, factors in FACTORS.items():
        for factor, values in factors.items():
            for value in values:
                text = f"{kind} {value} {factor}" if factor in ("petals", "centre") else f"{kind} {value}"
                assert understand(text).readings == ({"species": kind, factor: value},)
    full = {"species": "cat", "fur": "grey", "pattern": "tabby", "eyes": "wide", "pose": "loaf", "time": "night"}
    assert understand(caption(full)).readings == (full,)


def test_the_readme_and_the_help_say_what_can_be_asked_for(capsys):
    page = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    said = page.split("### What a sentence may say")[1].split("\n## ")[0]
    with pytest.raises(SystemExit):
        __main__.main(["figure", "prompt", "--help"])
    told = " ".join(capsys.readouterr().out.split())
    assert all(f"\n- {line}\n" in said and line in told for line in vocabulary())
    for word in ("kitten", "ginger", "sleeping", "moonlit", "夜の黒猫", "青い花"):
        assert f"`{word}`" in said and not understand(word).troubles() and understand(word).understood
    for text in ("cat, no black", "cat, not black", "cat without black", "a cat that isn't black", "黒くない猫"):
        assert understand(text).avoided == {"fur": "black"}
    assert all(f"`{no}`" in said for no in ("no", "not", "without", "isn't", "黒くない猫"))
    assert understand("anime style").troubles() == ["I do not know “anime”, “style”."]
    assert "I do not know “anime”, “style”." in said


@pytest.mark.parametrize(
    "text,says",
    [
        ("oragne cat", "“oragne”, and did not use it: did you mean orange"),
        ("blue flower which is anime style", "I do not know “anime”, “style”"),
        ("gorgeous flower", "Passed over: gorgeous"),
        ("purple cat", "a cat can have fur orange, black"),
        ("winking flower", "“winking” here: a flower has no such thing"),
        ("day night cat", "no room for “night”, because the picture already has time = day"),
        ("grey and black cat", "already has fur = grey"),
        ("cat and flower", "One picture shows one thing: “flower” is left out"),
        ("", "Nothing is asked for"),
        ("кошка", "I do not know “кошка”"),
        ("cat 🚀", "I do not know “🚀”"),
        ("宇宙の猫", "I do not know “宇宙”"),
        ("<script>cat</script>", "I do not know “script”"),
        ("happy", "Only a cat has that, so it is one"),
        ("orange", "Cat and flower can both be meant"),
        ("white cat sleeping", "sleeping (eyes: sleepy), sleeping (pose: curled)"),
        ("black white cat", "white (pattern: tuxedo)"),
        ("青い花", "青い (petals: blue), 花 (flower)"),
        (" ".join(f"word{i}" for i in range(60)), "and 48 more"),
    ],
)
def test_what_is_not_understood_is_said(text, says):
    lines = understand(text).says()
    assert says in " ".join(lines) and all("\n" not in line and len(line) < 500 for line in lines)


@pytest.mark.parametrize(
    "typed,near",
    [("moonligth", ("moonlight", "moonlit")), ("stirped", ("striped", "tired")), ("curlde", ("curled", "curl"))],
)
def test_the_nearest_words_are_named_the_nearest_first(typed, near):
    assert understand(f"{typed} cat").unknown == ((typed, near),)


def test_a_colour_that_both_have_is_given_to_both_in_turn():
    p = understand("orange at night")
    cat, flower = p.readings
    assert cat == CAT | {"fur": "orange", "time": "night"} and flower == FLOWER | {"petals": "orange", "time": "night"}
    assert p.y(4).tolist() == [*p.y(2).tolist()] * 2 and p.y(2)[0, 0] != p.y(2)[1, 0]


def test_what_shall_not_be_there():
    for p in (
        understand("cat", "night"),
        understand("cat not at night"),
        understand("夜じゃない猫"),
        understand("cat, no moon"),
    ):
        assert p.readings == (CAT,) and p.avoided == {"time": "night"}
        assert "To be avoided: night." in p.says()
    assert understand("cat").negative(2) is None
    assert understand("not a cat").avoided == CAT and understand("not a cat").readings == ({},)
    assert understand("cat without stripes").avoided == {"pattern": "tabby"}
    p = understand("no stripes, black cat at night")  # a no is for one word
    assert p.avoided == {"pattern": "tabby"} and p.readings == (CAT | {"fur": "black", "time": "night"},)
    assert torch.equal(understand("cat", "night").negative(2), understand("night").y(2))
    both = understand("night cat", "night")
    assert not both.avoided and "both wanted and unwanted" in " ".join(both.says())


NO_BLACK, NO_WHITE = {"fur": "black"}, {"fur": "white"}


@pytest.mark.parametrize(
    ("text", "wanted", "avoided"),
    [
        ("cat that isn't black", CAT, NO_BLACK),
        ("cat that isn’t black", CAT, NO_BLACK),
        ("a cat, it can't be black", CAT, NO_BLACK),
        ("don't draw a cat", {}, CAT),
        ("I don't want a flower", {}, FLOWER),
        ("neither black nor white cat", CAT, NO_BLACK),
        ("no really black cat", CAT, NO_BLACK),
        ("cat, not black or white", CAT, NO_BLACK),
        ("cat, not black and white", CAT, NO_BLACK),
        ("cat, not black and a white one", CAT | {"fur": "white"}, NO_BLACK),
        ("cat, not sleepy and happy", CAT | {"eyes": "happy"}, {"eyes": "sleepy"}),
        ("cat, not black and happy", CAT | {"eyes": "happy"}, NO_BLACK),
        ("黒と白ではない猫", CAT, NO_WHITE),
        ("夜と黒ではない猫", CAT | {"time": "night"}, NO_BLACK),
        ("no black cat or white cat", CAT, NO_BLACK),
        ("un-striped cat", CAT, {"pattern": "tabby"}),
        ("no cat or flower", {}, CAT),
        ("cat, no stripes or moon", CAT, {"pattern": "tabby", "time": "night"}),
        ("cat, no stripes, or a moon", CAT, {"pattern": "tabby", "time": "night"}),
        ("cat, no happy eyes, black fur", CAT | {"fur": "black"}, {"eyes": "happy"}),
        ("flower, no yellow centre", FLOWER, {"centre": "yellow"}),
        ("黒くない猫", CAT, NO_BLACK),
        ("黒ではない猫", CAT, NO_BLACK),
        ("黒じゃない猫", CAT, NO_BLACK),
        ("黒でも白でもない猫", CAT, NO_WHITE),
        ("黒や白じゃない猫", CAT, NO_WHITE),
        ("黒い猫ではなく白い猫", CAT | {"fur": "white"}, NO_BLACK),
        ("縞のない猫", CAT, {"pattern": "tabby"}),
        ("黄色い花びらのない花", FLOWER, {"petals": "yellow"}),
        ("猫を描かないで", {}, CAT),
        ("花はいらない", {}, FLOWER),
    ],
)
def test_what_is_said_against_is_no_wish(text, wanted, avoided):
    p = understand(text)
    assert (p.readings, p.avoided) == ((wanted,), avoided)


@pytest.mark.parametrize(
    ("text", "negative", "avoided", "says"),
    [
        ("flower, no tulip", "", {"shape": "tulip"}, None),
        ("flower", "tulip", {"shape": "tulip"}, None),
        ("flower", "tulip flower", {"shape": "tulip"}, None),
        ("cat", "black cat", NO_BLACK, None),
        ("cat", "black, orange", NO_BLACK, "at once: fur black is, “orange” is not."),
        ("cat", "black white", NO_BLACK, "at once: fur black is, “white” is not."),
        ("flower", "red yellow", {"petals": "red"}, "at once: petals red is, “yellow” is not."),
        ("flower, no tulip", "heart", {"shape": "tulip"}, "at once: shape tulip is, “heart” is not."),
        ("cat", "cat", {}, "“cat” is both wanted and unwanted"),
        ("cat, no eyes", "", {}, "I cannot leave out “eyes”, only one of open, wide, happy, sleepy, winking."),
        ("no fur cat", "", {}, "I cannot leave out “fur”, only one of orange"),
        ("no petals", "", {}, "I cannot leave out “petals”, only one of pink"),
        ("cat", "petals", {}, "“petals” need not be avoided"),
        ("cat", "brown eyes", {}, "“brown eyes” need not be avoided"),
        ("cat, no tulip", "", {}, "“tulip” need not be avoided"),
        ("no dog, black cat", "", {}, "“dog” shall not be there, but I do not know it"),
        ("笑っていない猫", "", {}, "“笑っ” shall not be there, but I do not know it"),
    ],
)
def test_each_word_that_shall_not_be_there_stands_for_itself(text, negative, avoided, says):
    p = understand(text, negative)
    assert p.avoided == avoided
    assert says in " ".join(p.says()) if says else len(p.says()) == 2  # understood, avoided


@pytest.mark.parametrize(
    ("text", "reading", "says"),
    [
        ("cat with brown eyes", CAT, "I cannot draw “brown eyes” here: a cat can have eyes open, wide"),
        ("black cat with white eyes", CAT | {"fur": "black"}, "I cannot draw “white eyes” here"),
        ("black cat with blue petals", CAT | {"fur": "black"}, "“blue petals” here: a cat has no such thing"),
        ("black petals", {}, "“black petals” here: a flower can have petals pink"),
        ("brown flower", FLOWER, "I cannot draw “brown” here: a flower can have petals pink"),
        ("brown and yellow flower", FLOWER | {"petals": "yellow"}, "I cannot draw “brown” here"),
        ("blue and brown flower", FLOWER | {"petals": "blue", "centre": "brown"}, "brown (centre)"),
        ("petals blue, centre yellow", FLOWER | {"petals": "blue", "centre": "yellow"}, "blue (petals)"),
        ("the flower's centre is blue", FLOWER | {"centre": "blue"}, "flower, blue (centre)"),
        ("cat black, eyes wide", CAT | {"fur": "black", "eyes": "wide"}, "black (fur)"),
        ("cat with eyes closed", CAT, "I do not know “closed”. Passed over: with, eyes."),
        ("flower with petals", FLOWER, "Passed over: with, petals."),
        ("seven petals", {}, "I do not know “seven”. Passed over: petals."),
        ("night day", {"time": "night"}, "because the picture already has time = night"),
        ("dark blue flower", FLOWER | {"petals": "blue"}, "I do not know “dark”"),
        ("star-shaped flower", FLOWER, "I do not know “starshaped”"),
        ("star shaped flower", FLOWER, "I do not know “starshaped”"),
        ("heart-shaped petals", FLOWER | {"shape": "heart"}, "heartshaped (shape: heart)"),
        ("cat under a white moon", CAT | {"time": "night"}, "a colour for “moon”: “white” is not used"),
        ("a flower and a blue sky", FLOWER, "a colour for “sky”: “blue” is not used"),
        ("happy face", CAT | {"eyes": "happy"}, "I do not know “face”"),
        ("curled up cat", CAT | {"pose": "curled"}, "Passed over: up."),
        ("बिल्ली रात में", {}, "I do not know “बिल्ली”, “रात”, “में”."),
        ("cat ☀️", CAT | {"time": "day"}, "☀ (day)."),
    ],
)
def test_nothing_is_made_of_a_word_that_it_does_not_mean(text, reading, says):
    """And what is made of it, or not, is said; no sentence speaks of a cat where none was named."""
    p = understand(text)
    said = " ".join(p.says())
    assert p.readings == (reading,) and says in said
    assert "cat" in f"{text} {reading}" or "cat" not in said


def test_words_of_each_line_mean_what_a_reader_takes_them_for():
    """An independent list: a few words for each of ours, in both languages."""
    for ours, others in {
        "five": "五枚 5 ５",
        "six": "六枚",
        "eight": "八枚 many",
        "cat": "kitten ネコ 🐈",
        "flower": "blossoms 花 🌼",
        "tulip flower": "tulips チューリップ",
        "orange": "ginger オレンジ",
        "black": "黒い",
        "grey": "gray 灰色",
        "white": "白い",
        "brown": "茶色",
        "pink": "ピンク",
        "red": "crimson 赤い",
        "yellow": "黄色",
        "blue": "navy 青い",
        "purple": "violet 紫",
        "plain": "無地",
        "tabby": "stripes striped 縞",
        "tuxedo": "タキシード",
        "patched": "spotted ぶち",
        "open": "awake",
        "wide": "surprised",
        "happy": "smiling 笑顔",
        "sleepy": "tired 眠い",
        "sleepy curled": "sleeping 寝ている",
        "winking": "winks ウインク",
        "sitting": "sits 座った",
        "portrait": "headshot アップ",
        "loaf": "香箱",
        "curled": "curling 丸まった",
        "round": "丸い",
        "pointed": "spiky 尖った",
        "heart": "ハート",
        "day": "sun sunny noon 昼 太陽",
        "night": "moon stars 夜 月",
    }.items():
        assert {word: meaning(tokens(word)[0]) for word in others.split()} == dict.fromkeys(others.split(), ours)
    assert understand("ＣＡＴ　ｂｙ　ｎｉｇｈｔ").readings == (
        CAT | {"time": "night"},
    )  # as a Japanese keyboard types it


def test_the_fifth_trouble_is_named_too():
    near = "stirped oragne moonligth curlde tiried yelow"
    bad = "cat purple pink red blue yellow violet"
    for text in (near, bad):
        said = " ".join(understand(text).says())
        assert all(f"“{word}”" in said for word in text.split()[1:]), said


def test_each_word_is_used_ignored_or_named():
    """Nothing that was typed is lost in silence."""
    for text in (
        "two gorgeous blue cats zzz under orange stars, sleeping in the sun with petals",
        "かわいい青い花と猫が踊る夜",
    ):
        p = understand(text)
        named = [w for w, *_rest in p.understood] + [*p.ignored] + [w for w, _near in p.unknown]
        said = " ".join(p.says())
        assert all(w in named or f"“{w}”" in said for w in tokens(text) if meaning(w) not in TOLD)


def test_words_are_ours_or_ignored_but_not_both():
    assert not set(KNOWN) & IGNORED
    ours = {value for values in TOLD.values() for value in values} | set(TOLD)
    assert all(set(m.split()) <= ours for m in KNOWN.values())
    assert meaning("flowers") == "flower" and meaning("dog") is None


@pytest.mark.parametrize(
    "call,says",
    [
        (lambda: understand("cat " * 2500), f"at most {LONGEST} characters, but this one has 10,000"),
        (lambda: understand("cat", "x" * 600), "at most"),
        (lambda: understand(None), "A prompt is a text"),
        (lambda: understand("cat", 3), "A prompt is a text"),
    ],
)
def test_what_is_no_prompt_gets_one_sentence(call, says):
    assert understand("cat".ljust(LONGEST)).readings == (CAT,)  # just not too long
    with pytest.raises(ValueError, match=says) as error:
        call()
    assert "\n" not in str(error.value)
