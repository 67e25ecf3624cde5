"""How machines draw pictures: a GAN's two players and a diffusion model's two directions, to see, step and change.

Start reading at `diffusion`; the README's table of modules is the order of reading and of import.
"""
