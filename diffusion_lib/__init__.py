"""How machines draw pictures: a GAN's two players and a diffusion model's two directions, to see, step and change.

Start reading at `diffusion`; the README's table of modules is the order of reading and of import.
"""

import os

from .words import language

__all__ = ["language"]

# Threads of GNU's OpenMP that wait for each other spin. On a laptop that also runs a browser, that slowed training by ten;
# spinning a hundredth as long costs nothing when it is quiet. It is read when torch is loaded, so `make lab` sets it too.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")
