"""Lesson 07: what of it anybody may take away."""

from __future__ import annotations

from ...words import N_
from .. import lesson07
from ..scenes import DIGITS, view

ALBUM = N_("What a DDPM finds of a thousand kinds of sticker, and how soon")
ARENA = N_("GAN, VAE and diffusion learn the same points for the same seconds of a processor")
ARENA_DIGITS = N_("GAN, VAE and diffusion learn the same digits for the same seconds of a processor")

SCENES = (
    view("album", ALBUM, lambda: lesson07.album(), (4, -1)),
    view("arena", ARENA, lambda: lesson07.recorded_arena("grid"), (3, -1)),
    view("arena-digits", ARENA_DIGITS, lambda: lesson07.recorded_arena("digits"), (-1,), DIGITS),
)
