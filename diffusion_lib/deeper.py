"""A U-Net that has learned gets more blocks, and goes on from where it was.

    deep = deeper(net, 2)                      # the same answers, to the bit; train --start FILE --depth 2

A block adds to its input what its last convolution says. Where that is 0 the block is the identity, so new ones change nothing
until they learn: one of the function-preserving steps of Net2Net (Chen et al. 2016, 1511.05641).
"""

from __future__ import annotations

from torch import nn

from .nets import UNet
from .values import need


def deeper(net: nn.Module, depth: int) -> UNet:
    """A U-Net of `depth` blocks at each size that answers as the given one, which has one. New blocks come after the old.

    Raises ValueError for another network, and for a depth below 2.
    """
    one = isinstance(net, UNet) and net.config["depth"] == 1
    need(one, "Only a U-Net with one block at each size can be made deeper: leave the depth as it is.")
    need(depth >= 2, f"To be made deeper takes 2 blocks at each size, or more, but got {depth!r}.")
    deep = UNet(**net.config | {"depth": depth})
    deep.load_state_dict(deep.state_dict() | net.state_dict())
    for blocks in deep.up:
        for block in blocks[1:]:  # hears the block before it and a twin on the way down: it keeps what the first says
            nn.init.dirac_(block.skip.weight), nn.init.zeros_(block.skip.bias)
    return deep.to(next(net.parameters()).device)
