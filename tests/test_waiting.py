"""Whoever waits for a picture hears how far it is, and may break it off."""

import threading

import numpy as np
import pytest

from diffusion_lib.viz import moving, waiting


class Enough(Exception):
    pass


def test_whoever_waits_hears_each_step_and_others_hear_nothing():
    heard, elsewhere = [], []
    with waiting.heard(heard.append):
        assert list(waiting.counted("abcd")) == list("abcd") and heard == [0, 0.25, 0.5, 0.75]
        assert list(waiting.counted(iter("ab"), 2)) == ["a", "b"] and heard[4:] == [0, 0.5]
        with waiting.heard(elsewhere.append):
            waiting.tell(2)
        thread = threading.Thread(target=lambda: waiting.tell(0.5))
        thread.start(), thread.join()
    waiting.tell(0.5)
    assert elsewhere == [1.0] and len(heard) == 6


@pytest.mark.parametrize("ending", (".gif", ".webp"))
@pytest.mark.parametrize("colour", (True, False))
def test_a_film_that_is_broken_off_while_it_is_written_leaves_the_old_file(tmp_path, ending, colour):
    """Pillow writes it in one call, and is heard all the same; the bytes are those of one for which nobody waits."""
    out, shares = tmp_path / f"a{ending}", []
    frames = np.random.default_rng(0).integers(0, 256, (6, 16, 16, 3 if colour else 1), dtype=np.uint8)
    frames = np.broadcast_to(frames, (6, 16, 16, 3))
    moving.save_film(frames, out)
    before = out.read_bytes()
    with waiting.heard(shares.append):
        moving.save_film(frames, out)
    assert out.read_bytes() == before and len(shares) >= 6 and 0.5 in shares
    for nth in (3, len(shares) - 2):
        left = iter(range(nth))

        def say(share, left=left):
            if next(left, None) is None:
                raise Enough

        with pytest.raises(Enough), waiting.heard(say):
            moving.save_film(frames[::-1], out)
        assert out.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == [out.name]
