"""What is learned: tensors with names, all of it offline. May import: the top level.

data.load("digits")    data.mnist()    data.sprites(1000, size=16)    data.folder("holiday")
"""

from ..dataset import Data
from .bundled import digits, flower_photo, mnist
from .catalog import DATASETS, load
from .drawn import sprites
from .own import folder, photo
from .points import cat, grid, moons, ring, swiss_roll
from .stickers import thousand

__all__ = ["DATASETS", "Data", "cat", "digits", "flower_photo", "folder", "grid", "load"]
__all__ += ["mnist", "moons", "photo", "ring", "sprites", "swiss_roll", "thousand"]
