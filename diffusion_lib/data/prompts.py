"""A sentence that somebody types, and what of it can be drawn: which words are understood, which are not, what stays open.

Nothing is guessed: a word that is nearly one of ours is named as such and not used, and a word that we do not know is said
to be unknown. English and Japanese; a network hears the result as numbers, see `factors.TOLD`.

Longer than 400 lines because the words stand beside what reads them.
"""

from __future__ import annotations

import difflib
import itertools
import re
import unicodedata
from dataclasses import dataclass

import torch
from torch import Tensor

from ..words import N_, _
from .factors import COLOURS, FACTORS, FUR, TOLD, told

LONGEST = 500  # characters

# ---------------------------------------------------------------------------------------- the words


def _table(lines: str) -> dict[str, str]:
    """ "night: moon stars" -> {"moon": "night", "stars": "night"}"""
    pairs = (line.split(":") for line in lines.strip().splitlines())
    return {word: meaning.strip() for meaning, words in pairs for word in words.split()}


# Each line: what it means, and other words for it. Plurals need no entry of their own.
SYNONYMS = _table("""
    five: 5 ５枚 五枚 ５ 五
    six: 6 六枚 六
    eight: 8 many 八枚 八
    cat: kitten kitty pussycat feline 猫 ネコ ねこ 子猫 仔猫 🐱 🐈 😺
    flower: blossom bloom 花 お花 🌸 🌼 🌻 🌺 💐
    tulip flower: tulip tulipshaped チューリップ 🌷
    orange: ginger オレンジ オレンジ色 橙 橙色
    black: 黒 黒い
    grey: gray silver 灰色 グレー
    white: 白 白い
    brown: chocolate 茶色 茶色い 茶
    pink: ピンク ピンク色 桃色
    red: crimson scarlet 赤 赤い
    yellow: 黄 黄色 黄色い
    blue: azure navy 青 青い
    purple: violet lilac 紫 紫色
    plain: 無地
    tabby: striped stripe stripy 縞 縞模様 しま しましま トラ
    tuxedo: タキシード ハチワレ
    patched: patch spotted calico patchy ぶち 三毛
    open: awake
    wide: staring surprised
    happy: smiling smile joyful cheerful 笑顔 嬉しい うれしい 笑っている
    sleepy: drowsy tired 眠い 眠そう 眠たい
    sleepy curled: sleeping asleep 眠っている 寝ている
    winking: wink winks ウインク ウィンク
    sitting: seated sits sit 座った 座っている すわった
    portrait: headshot closeup アップ
    loaf: loafing 香箱座り 香箱
    curled: curl curling 丸まった 丸くなった
    round: circular 丸い
    pointed: pointy spiky sharp 尖った とがった
    heart: heartshaped ハート ハート型 ハート形
    day: sun sunny daylight daytime sunlight sunshine morning noon 昼 昼間 日中 太陽 朝 🌞 ☀
    night: moon moonlight moonlit starry star midnight evening 夜 夜空 夜中 月 星 星空 🌙 🌛 🌃
    petals: petal 花びら 花弁
    centre: center middle 中心 真ん中
    fur: coat 毛 毛皮
    eyes: eye 目 瞳
""")
NOT = set(
    "no not without never except neither nor none non un cannot avoid minus lacking isnt arent dont doesnt".split()
)
NOT_AFTER = set(  # Japanese says it after the word
    """ない なく ではない ではなく でない でなく じゃない じゃなく くない くなく でもない でもなく 無い なし 無し 以外
    ません ではありません じゃありません くありません ありません いらない 要らない 描かない 描かないで""".split()
)
OR, AND = (
    {"or", "も", "や"},
    {"and", "と"},
)  # a no goes on beyond or, and beyond the and of two colours: "not black and white"
# a colour before one of these is not that of a cat or a flower
ELSEWHERE = set("sky background sun moon star 空 背景 太陽 月 星 星空 夜空".split())
IGNORED = set(
    """a an the with of in on at by and or under up really is are be its it this that which who has have having while there below over
    i do does want like look need should must would could can will to any all
    very please draw me picture image photo show make create sky color colour colored coloured style shaped big small little gorgeous beautiful pretty cute lovely nice adorable sweet
    の と に で が を は も な や い た て いる ある した 色 色の 枚 形 型 下 中 絵 描いて かわいい 可愛い 美しい きれい きれいな 綺麗 綺麗な""".split()
) - {"style"}  # a style is something that we cannot draw in
# what is asked for, and its values, as a translation finds them
N_("species"), N_("fur"), N_("pattern"), N_("eyes"), N_("pose"), N_("petals"), N_("centre"), N_("shape"), N_("count")
N_("time"), N_("day"), N_("night"), N_("cat"), N_("flower"), N_("tulip"), N_("orange"), N_("black"), N_("grey")
N_("white"), N_("brown"), N_("pink"), N_("red"), N_("yellow"), N_("blue"), N_("purple"), N_("plain"), N_("tabby")
N_("tuxedo"), N_("patched"), N_("open"), N_("wide"), N_("happy"), N_("sleepy"), N_("winking"), N_("sitting")
N_("portrait"), N_("loaf"), N_("curled"), N_("round"), N_("pointed"), N_("heart"), N_("five"), N_("six"), N_("eight")
VALUES = {value for values in TOLD.values() for value in values}
PARTS = {*TOLD} - {"species", "time"}  # what a value may be said of: "happy eyes", "blue petals"
KNOWN = {word: word for word in (*VALUES, *TOLD)} | SYNONYMS
JAPANESE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff々ー０-９]+")
_PARTS = sorted((w for w in {*KNOWN, *IGNORED, *NOT_AFTER} if JAPANESE.fullmatch(w)), key=len, reverse=True)


def _plain(text: str) -> str:
    """In small letters, and each in one way only; "isn't" becomes "not", and "heart-shaped" one word."""
    plain = unicodedata.normalize("NFKC", text).lower()
    plain = re.sub(r"(?<=\w)['’]s\b", "", re.sub(r"\b\w+n['’]t\b", "not", plain))
    return re.sub(r"(?<=\w)-shaped\b|(?<=\bstar) shaped\b", "shaped", plain)


def _letter(sign: str) -> bool:
    """Is it part of a word? So are the marks that some scripts write above, below or between their letters."""
    return sign.isalnum() or sign == "_" or unicodedata.category(sign) in ("Mn", "Mc", "Cf")


def tokens(text: str) -> list[str]:
    """The words of a text as they are typed: of letters, of Japanese by the longest word that we know, and single signs.

    Punctuation parts them and is no word; what writes < or # is punctuation too.
    """
    found = []
    for letters, run in itertools.groupby(_plain(text), _letter):
        for piece in re.split(f"({JAPANESE.pattern})", "".join(run)) if letters else run:
            if JAPANESE.fullmatch(piece):
                found += _parted(piece)
            elif any(sign.isalnum() or sign == "_" or unicodedata.category(sign) == "So" for sign in piece):
                found.append(piece)
    return found


def _parted(run: str) -> list[str]:
    """Japanese has no spaces: known words, the longest first, and what lies between them."""
    found, unknown = [], ""
    while run:
        part = next((w for w in _PARTS if run.startswith(w)), "")
        if part:
            found += [unknown] * bool(unknown) + [part]
            unknown = ""
        else:
            unknown += run[0]
        run = run[len(part) or 1 :]
    return found + [unknown] * bool(unknown)


def meaning(word: str) -> str | None:
    """The word or words of ours that it stands for, also in the plural; None if we know none."""
    singular = [word, word.removesuffix("s"), word.removesuffix("es")]
    return next((KNOWN[w] for w in singular if w in KNOWN), None)


# ---------------------------------------------------------------------------------------- what is understood


@dataclass(frozen=True)
class Problem:
    """A word that cannot be used, and why, in one sentence."""

    word: str
    why: str


@dataclass(frozen=True)
class Prompt:
    """What a text asks for.

    readings: {factor: value}, what is said; two of them where a colour may be a cat's or a flower's: pictures take them in
    turn. avoided: what shall not be there. understood: (word, factor, value). ignored: words that say nothing to us.
    unknown: (word, words of ours that are nearly the same). problems: words of ours that cannot be used.
    species: that which the words imply, without naming it.
    """

    text: str
    readings: tuple[dict[str, str], ...]
    avoided: dict[str, str]
    understood: tuple[tuple[str, str, str], ...]
    ignored: tuple[str, ...]
    unknown: tuple[tuple[str, tuple[str, ...]], ...]
    problems: tuple[Problem, ...]
    species: str = ""

    def y(self, n: int) -> Tensor:
        """What a network of words is told for n pictures: (n, F), -1 where nothing is said."""
        return torch.tensor([told(self.readings[i % len(self.readings)]) for i in range(n)], device="cpu")

    def negative(self, n: int) -> Tensor | None:
        """What shall not be there, as y (n, F); None if nothing is."""
        return torch.tensor([told(self.avoided)] * n, device="cpu") if self.avoided else None

    def says(self) -> list[str]:
        """Some sentences: what is understood, what is avoided, what is not understood, what was passed over."""
        lines = [self._understood()]
        if self.species:
            which = _("a cat") if self.species == "cat" else _("a flower")
            lines.append(_("Only {which} has that, so it is one.").format(which=which))
        if len(self.readings) > 1:
            lines.append(_("Cat and flower can both be meant: the pictures take them in turn."))
        if self.avoided:
            lines.append(_("To be avoided: {words}.").format(words=_listed(self.avoided)))
        lines += self.troubles()
        if self.ignored:
            lines.append(_("Passed over: {words}.").format(words=_few(self.ignored)))
        return lines

    def troubles(self) -> list[str]:
        """Sentences about the words that could not be used; [] if there are none."""
        lines = [_near(word, near) for word, near in self.unknown if near][:4]
        if strange := [f"“{word[:40]}”" for word, near in self.unknown if not near]:
            lines.append(_("I do not know {words}.").format(words=_few(strange)))
        lines += [p.why for p in self.problems[:4]]
        if rest := [word for word, near in self.unknown if near][4:] + [p.word for p in self.problems[4:]]:
            lines.append(_("Not used either: {words}.").format(words=_few([f"“{word[:40]}”" for word in rest])))
        return lines

    def _understood(self) -> str:
        if not self.understood:
            return _("Nothing is asked for that can be drawn: everything is left to chance.")
        return _("Understood: {words}.").format(words=", ".join(_with_home(*one) for one in self.understood))


def _with_home(word: str, factor: str, value: str) -> str:
    """ "blue (petals)", "moon (night)", "white (pattern: tuxedo)": the word, and what was made of it where they differ."""
    home = [] if factor in ("species", "time") else [_(factor)]
    home += [] if value in (word, word.removesuffix("s")) else [_(value)]
    return f"{word} ({': '.join(home)})" if home else word


def _few(words, most: int = 12) -> str:
    """Words in a row, each once; the first dozen of them."""
    words = list(dict.fromkeys(words))
    more = [_("and {n} more").format(n=len(words) - most)] if len(words) > most else []
    return ", ".join(words[:most] + more)


def _near(word: str, near: tuple[str, ...]) -> str:
    why = _("I do not know “{word}”, and did not use it: did you mean {near}?")
    return why.format(word=word[:40], near=_(" or ").join(near))


def _listed(spec: dict[str, str]) -> str:
    return ", ".join(_(v) if f in ("species", "time") else f"{_(f)} {_(v)}" for f, v in spec.items())


def understand(text: str, negative: str = "") -> Prompt:
    """What a text asks for, and what of it is not understood. negative: what shall not be there.

    "no", "not" and "without" send the next word to what shall not be there. Of a flower's colours the first is its petals',
    the second its centre's, unless "petals" or "centre" stands beside it; a cat that is white and something else is a tuxedo.
    Raises ValueError for a text that is none, or longer than LONGEST.
    """
    for what in (text, negative):
        if not isinstance(what, str):
            raise ValueError(f"A prompt is a text, such as 'black cat at night', but got {type(what).__name__}.")
        if len(what) > LONGEST:
            said = (
                f"A prompt has at most {LONGEST} characters, but this one has {len(what):,}: a picture needs no more."
            )
            raise ValueError(said)
    wanted, unwanted = _signed(tokens(text))
    unwanted += [t for part in _signed(tokens(negative)) for t in part]
    ignored = tuple(t for t in [*wanted, *unwanted] if t in IGNORED)
    words, elsewhere = _of_the_subject(wanted)
    readings, understood, unknown, problems, implied = _read(words)
    avoided, more = _avoided(_ours(unwanted), readings[0].get("species") if len(readings) == 1 else None)
    clash = [k for k in avoided if readings[0].get(k) == avoided[k]]
    both = _("“{word}” is both wanted and unwanted: it stays wanted.")
    more += [Problem(avoided[k], both.format(word=avoided[k])) for k in clash if k != "species" or len(avoided) == 1]
    avoided = {k: v for k, v in avoided.items() if k not in clash}
    against = _("“{word}” shall not be there, but I do not know it: nothing is avoided for it.")
    strange = _unknown(unwanted)
    more += [Problem(word, against.format(word=word[:40])) for word, near in strange if not near]
    unknown = tuple(dict.fromkeys(unknown + [one for one in strange if one[1]]))
    problems = (*elsewhere, *problems, *more)
    lone = tuple(word for word in _alone(words) if word not in {p.word for p in problems})
    return Prompt(text, tuple(readings), avoided, tuple(understood), ignored + lone, unknown, problems, implied)


def _unknown(words: list[str]) -> list[tuple[str, tuple[str, ...]]]:
    """(word, words of ours that are nearly the same), of each word that we do not know."""
    strange = [w for w in words if w not in IGNORED and meaning(w) is None]
    return [(word, tuple(difflib.get_close_matches(word, sorted(KNOWN), 2, 0.8))) for word in strange]


def _ours(words: list[str]) -> list[tuple[str, str]]:
    """(word, what it means) of each that we know; a word that means two things is there twice."""
    return [(word, m) for word in words for m in (meaning(word) or "").split()]


def _signed(words: list[str]) -> tuple[list[str], list[str]]:
    """The words that are wanted and those that are not: behind a "no", or before a Japanese one.

    A no is for one word, with the "eyes" of "no happy eyes", and goes on behind an "or".
    """
    wanted, unwanted, no, last = [], [], False, []
    for before, word, after in zip(["", *words], words, [*words[1:], ""], strict=False):
        if word in NOT:
            no = True
        elif word in NOT_AFTER:
            _take_back(wanted, unwanted)
        else:
            joins = word in OR or _both_colours(before, word, after)
            no = no or (last is unwanted and (joins or meaning(word) in PARTS))
            to = unwanted if no else wanted
            to.append(word)
            last = to if no or meaning(word) not in FACTORS else last  # "no black cat or white cat"
            no = no and word in IGNORED
    return wanted, unwanted


def _take_back(wanted: list[str], unwanted: list[str]) -> None:
    """The last word is not wanted; nor are the one that an "or" joins to it, and the colour of "yellow petals", "black cat"."""
    more = True
    while more:
        while wanted and wanted[-1] in IGNORED:
            wanted.pop()
        unwanted += [wanted.pop()] if wanted else []
        joins = wanted and (wanted[-1] in OR or _both_colours(*["", *wanted][-2:], unwanted[-1]))
        more = joins or (wanted and _goes_with(meaning(wanted[-1]), meaning(unwanted[-1])))


def _both_colours(before: str, word: str, after: str) -> bool:
    """Is the word an "and" between two colours?"""
    return word in AND and {meaning(before), meaning(after)} <= {*COLOURS, *FUR}


def _goes_with(m: str | None, thing: str | None) -> bool:
    """Is it a value of this part, or of a cat or a flower?"""
    return m in TOLD.get(thing, ()) or (thing in FACTORS and m in VALUES and m not in FACTORS)


def _of_the_subject(wanted: list[str]) -> tuple[list[str], list[Problem]]:
    """The words that say something of a cat or a flower; and problems: a "white moon" makes no cat white."""
    words, problems = [], []
    why = _("I cannot choose a colour for “{thing}”: “{word}” is not used.")
    for word, thing in zip(wanted, [*wanted, ""][1:], strict=True):
        if meaning(word) in COLOURS | FUR and thing.removesuffix("s") in ELSEWHERE:
            problems.append(Problem(word, why.format(thing=thing, word=word)))
        elif word not in IGNORED:
            words.append(word)
    return words, problems


def _said_of(ours: list[tuple[str, str]]) -> list[int]:
    """Where the part stands that each word is said of, -1 for none: behind it, "blue petals"; before it, if the text begins so."""
    ms = [m if m in PARTS or (m in VALUES and m not in FACTORS) else "" for _word, m in ours]
    told = [m for m in ms if m]
    step = -1 if told and told[0] in PARTS and told[-1] not in PARTS else 1
    found = []
    for i, m in enumerate(ms):
        part, beyond = [*(ms[i + 1 :] if step > 0 else ms[:i][::-1]), "", ""][:2]
        others = part in PARTS and m not in TOLD[part] and beyond in TOLD[part]  # "black, eyes wide"
        found.append(i + step if m not in ("", *PARTS) and part in PARTS and not others else -1)
    return found


def _alone(words: list[str]) -> tuple[str, ...]:
    """The parts of which nothing is said, such as "eyes": every cat has them."""
    ours = _ours(words)
    parts = _said_of(ours)
    return tuple(word for i, (word, m) in enumerate(ours) if m in PARTS and i not in parts)


def _avoided(ours: list[tuple[str, str]], kind: str | None) -> tuple[dict[str, str], list[Problem]]:
    """{factor: value} that shall not be there, one value of each factor; and problems. kind: the species, where one is wanted.

    Each word stands for itself: "black white" is no tuxedo, and "tulip" not every flower.
    """
    avoided, problems, parts = {}, [], _said_of(ours)
    factors = {"species": tuple(FACTORS), **(FACTORS[kind] if kind else TOLD)}
    for i, (word, m) in enumerate(ours):
        name, part = ours[parts[i]] if parts[i] >= 0 else ("", "")
        homes = [f for f, values in factors.items() if m in values]
        home = part if part in homes else next(iter(homes), "")
        if i in parts or (m in FACTORS and m != meaning(word)):
            continue
        if m in TOLD and m in factors:
            why = _("I cannot leave out “{word}”, only one of {values}.")
            problems.append(Problem(word, why.format(word=word, values=", ".join(_(v) for v in factors[m]))))
        elif not home or (part and part != home and m in COLOURS | FUR):
            why, word = _("“{word}” need not be avoided: no such thing is drawn here."), f"{word} {name}".strip()
            problems.append(Problem(word, why.format(word=word)))
        elif avoided.setdefault(home, m) != m:
            why = _("Two of a kind cannot be avoided at once: {factor} {value} is, “{word}” is not.")
            problems.append(Problem(word, why.format(factor=_(home), value=_(avoided[home]), word=word)))
    return avoided, problems


def _read(words: list[str]):
    """Readings, (word, factor, value), unknown words, problems, and the species that is implied though not named."""
    ours = _ours(words)
    named = list(dict.fromkeys(m for _w, m in ours if m in FACTORS))
    one = _("One picture shows one thing: “{word}” is left out.")
    problems = [Problem(w, one.format(word=w)) for w, m in ours if m in named[1:]]
    options = named[:1] or sorted(FACTORS)
    found = {kind: _place(ours, kind) for kind in options}
    fits = {kind: (len(said), -len(troubles)) for kind, (_spec, said, troubles) in found.items()}
    best = [kind for kind in options if fits[kind] == max(fits.values())]
    specs = [found[kind][0] for kind in best]
    free = not named and all(set(spec) <= {"time"} for spec in specs)
    readings = specs[:1] if free else [{"species": kind, **spec} for kind, spec in zip(best, specs, strict=True)]
    said = [(w, "species", m) for w, m in ours if m in named[:1]] + list(found[best[0]][1])
    implied = best[0] if not named and not free and len(best) == 1 else ""
    order = {word: i for i, word in reversed(list(enumerate(words)))}
    return readings, sorted(said, key=lambda s: order[s[0]]), _unknown(words), problems + found[best[0]][2], implied


def _place(ours: list[tuple[str, str]], kind: str):
    """Where each word belongs in a cat, or in a flower: {factor: value}, (word, factor, value), problems."""
    factors, spec, said, problems = FACTORS[kind], {}, [], []
    colours, beside = next(iter(factors)), [ours[i] if i >= 0 else ("", "") for i in _said_of(ours)]  # fur, or petals
    for (word, m), (name, part) in zip(ours, beside, strict=True):
        if part and m in COLOURS | FUR and m not in factors.get(part, ()):  # "brown eyes"
            problems.append(_unfit(f"{word} {name}", m, kind, part))
    wrong = {p.word for p in problems}
    kept = [i for i, (word, _m) in enumerate(ours) if f"{word} {beside[i][0]}" not in wrong]
    ours, after = [ours[i] for i in kept], [beside[i][1] for i in kept]
    coats = {m for _w, m in ours if m in FUR}
    if kind == "cat" and len(coats) > 1 and "white" in coats:  # black and white
        i = next(i for i, (_w, m) in enumerate(ours) if m == "white")
        ours = [*ours[:i], (ours[i][0], "tuxedo"), *ours[i + 1 :]]
    first = {word: m for word, m in reversed(ours)}
    # "yellow centre" before a lone "blue"; what a word means by the way, as "sleeping" does "curled", where there is room
    pairs = sorted(zip(ours, after, strict=True), key=lambda p: (p[0][1] != first[p[0][0]], p[1] not in factors))
    for (word, m), following in pairs:
        homes = [f for f, values in factors.items() if m in values]
        free = [f for f in homes if f not in spec]
        if m in FACTORS or m in TOLD:
            if m in TOLD and m not in factors and m not in ("species", "shape", "count", "time"):
                problems.append(_unfit(word, m, kind, colours))
        elif not homes or (m in COLOURS and not {colours, following} & {*homes, *spec}):  # "brown flower"
            problems.append(_unfit(word, m, kind, colours))
        elif free:
            home = following if following in free else free[0]
            spec[home] = m
            said.append((word, home, m))
        elif m == first[word] and (all(spec[f] != m for f in homes) or len(homes) > 1):
            taken = _(" and ").join(f"{_(f)} = {spec[f]}" for f in homes)
            why = _("There is no room for “{word}”, because the picture already has {taken}: leave one of them out.")
            problems.append(Problem(word, why.format(word=word, taken=taken)))
    return spec, said, problems


def _unfit(word: str, m: str, kind: str, part: str) -> Problem:
    if m in COLOURS | FUR and part in FACTORS[kind]:
        why = _("I cannot draw “{word}” here: a {kind} can have {factor} {values}.")
        values = ", ".join(_(v) for v in FACTORS[kind][part])
        return Problem(word, why.format(word=word, kind=_(kind), factor=_(part), values=values))
    return Problem(word, _("I cannot draw “{word}” here: a {kind} has no such thing.").format(word=word, kind=_(kind)))
