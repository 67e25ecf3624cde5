"""The lessons by their numbers: what each asks, and the file that it is. What points to a lesson gets its name here."""

from __future__ import annotations

from ..words import N_

LESSONS = {  # number: (its notebook, its question); a test holds them to the notebooks
    "00": ("00_tour", N_("How do machines draw?")),
    "01": ("01_forward_noise", N_("How does an image become noise?")),
    "02": ("02_noise_schedules", N_("How fast should a picture drown?")),
    "03": ("03_reverse_denoising", N_("How does noise become an image?")),
    "04": ("04_train_a_ddpm", N_("Where does the denoiser come from?")),
    "05": ("05_gan_by_hand", N_("What do G and D do to each other?")),
    "06": ("06_when_gans_break", N_("Why are GANs hard to train?")),
    "07": ("07_arena", N_("Which is better, and for what?")),
    "08": ("08_fewer_steps", N_("Why can ten calls do what a thousand did?")),
    "09": ("09_vae_latents_and_copying", N_("What is inside, and is it a copy?")),
    "10": ("10_words_to_pictures", N_("How does a service obey a sentence?")),
    "13": ("13_studio", N_("How do I show this to others?")),
}


def link(number: str) -> str:
    """The notebook of a lesson, as its neighbours in the folder call it."""
    return f"{LESSONS[number][0]}.ipynb"
