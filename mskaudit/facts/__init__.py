"""Pure functions from evidence to evidence: what follows from what was seen."""
