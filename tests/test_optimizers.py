"""The rows that `benchmarks/optimizers.py` makes of its record."""

import optimizers


def test_optimizers_are_compared_seed_by_seed():
    row = lambda seed, name, v: {"seed": seed, "optimizer": name, "errors": {"0.3": {"told": v, "species": 2 * v}}}
    rows = [row(seed, name, seed + v) for seed in (0, 1) for name, v in (("adamw", 0.5), ("muon", 0.4))]
    assert optimizers.table({"noises": [0.3], "rows": rows}) == [
        "| 0.3 | 1.0000, 0.9000 | -0.1000 (-0.1000 to -0.1000) | 2.0000, 1.8000 | -0.2000 (-0.2000 to -0.2000) |"
    ]
