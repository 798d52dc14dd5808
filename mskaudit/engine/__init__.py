"""Rules, their expressions, and judging by them."""
