"""Every family of models that learns to draw, by name; the arena, the shell and `store` know no other list.

A family is a module (or whatever else has these names) that states:

    build(data, *, seed, device, ...) -> (model, Parts)   a model that suits the data, and its training for `fit`; a shell
                                                          may set each keyword of it that it has an option for
    draw(model, n, *, y, seed, ...) -> batches (B, ...)   n samples; y (n,): their classes, None: each in turn
    suited(data) -> {keyword: value}                      what `build` takes for these data where it is told None
    MODEL, NETS                                           the class of the model, which says its `shape` and `classes`; the
                                                          networks that `store` keeps weights of
    CALLS                                                 how often `draw` asks the network for one sample
    network(model)                                        only if drawing needs less than the whole model: what it needs
    training_flops(parts, x, y, F) -> number              operations of one step on a batch x (B, ...), y, by thought, from
                                                          those of a forward pass, F(network, *inputs)
    bits_per_dimension(model, x, levels, y, ...)          only if it bounds -log2 p(x): the bound, in bits per number of x
    kinds_of_step(data, options) -> [(share, options)]    only if its steps differ by chance: what each kind is built with
"""

from __future__ import annotations

from types import ModuleType

from torch import nn

from . import ddpm, gan, vae

# Add a family here, and the arena, its tables and films, the shell and `store` have it.
FAMILIES: dict[str, ModuleType] = {"GAN": gan, "VAE": vae, "DDPM": ddpm}


def name_of(model: nn.Module) -> str | None:
    """Which family draws with this model; None for one that cannot draw, such as a classifier."""
    return next((name for name, family in FAMILIES.items() if isinstance(model, family.MODEL)), None)
