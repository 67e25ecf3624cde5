"""How machines draw pictures: a GAN's two players and a diffusion model's two directions, to see, step and change.

Reading order is import order: diffusion, oracle, sprites, data, figures, player, views, check.
"""
