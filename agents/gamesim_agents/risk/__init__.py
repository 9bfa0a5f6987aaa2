"""Agents of risky games: drivers."""
