"""Games in normal form, played round after round."""
