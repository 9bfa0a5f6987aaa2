"""Mechanisms: reports go in, an outcome and payments come out."""
