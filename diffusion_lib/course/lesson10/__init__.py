"""Lesson 10: what its notebook shows."""

from .box import prompt_box
from .comparing import by_weight, same_dice, two_scores
from .recorded import held_out_table, obeyed_table, same_trade, spread_table, trade_curves, trade_off

__all__ = ["by_weight", "held_out_table", "obeyed_table", "prompt_box", "same_dice", "same_trade", "trade_off"]
__all__ += ["spread_table", "trade_curves", "two_scores"]
