"""Markov games: play moves through states that everybody sees."""
