"""Stag hunt on a grid: a trust dilemma that takes walking."""
