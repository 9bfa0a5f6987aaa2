"""Metrics: functions of a record, registered under ``gamesim.metrics``; ``compute`` writes their tables, ``summary`` sums up."""

from __future__ import annotations

from .base import Metric, metric
from .compute import compute, evaluate, summary

__all__ = ["Metric", "compute", "evaluate", "metric", "summary"]
