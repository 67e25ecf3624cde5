"""Lesson 09: what of it anybody may take away."""

from __future__ import annotations

from ...words import N_
from .. import lesson09
from ..scenes import DIGITS, view

WALKS = N_("A digit becomes another one: a walk through the latent space of a GAN, of a VAE and of a diffusion model")
BLUR = N_("Why a picture of a VAE blurs: it is near the mean of all that may have made its z")

SCENES = (
    view("walks", WALKS, lesson09.walks, (0, 24, -1), DIGITS),
    view("blur", BLUR, lesson09.why_blurred, (2,), DIGITS),
)
