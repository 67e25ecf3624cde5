"""How good, and what it cost: measures, races, records. May import: the top level and data."""
