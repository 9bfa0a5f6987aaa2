"""Bounded YAML 1.2 in which every key and value knows its place; for scenarios and for games."""
