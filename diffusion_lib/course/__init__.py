"""How it is taught: what lessons share, and a room for each lesson. May import: everything but cli; a lesson also earlier lessons.

from diffusion_lib.course import check, hint, predict, same, solution
from diffusion_lib.course import lesson06 as views
"""

from .checking import check, hint, same, solution
from .maps import gan_loop, whole_model
from .prediction import predict

__all__ = ["check", "gan_loop", "hint", "predict", "same", "solution", "whole_model"]
