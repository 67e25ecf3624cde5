"""What views share: only what was asked last is shown."""

import threading
import time

# ---------------------------------------------------------------------------------------- more asked than can be done


def test_only_what_was_asked_last_is_shown():
    """Ten quick steps of a slider, as the browser's thread hears them: the last one is walked, the others are left off."""
    from diffusion_lib.course.common import Newest

    newest, begun, done = Newest(), [], []

    def work(k):
        def walk(stale):
            begun.append(k)
            for _ in range(100):
                if stale():
                    return
                time.sleep(0.002)
            done.append(k)

        return walk

    def press():
        for k in range(10):
            newest.ask(work(k))
            time.sleep(0.005)

    tick = time.perf_counter()
    thread = threading.Thread(target=press)
    thread.start()
    thread.join()
    assert time.perf_counter() - tick < 5 and not done  # who asks does not wait
    end = time.monotonic() + 20
    while not done and time.monotonic() < end:
        time.sleep(0.01)
    assert done == [9] and begun[-1] == 9
    newest.ask(work("a cell"))  # in a cell it is there when the line has run
    assert done == [9, "a cell"]
