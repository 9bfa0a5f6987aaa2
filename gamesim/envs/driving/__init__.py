"""Driving: two cars that meet at a crossing, a merge, or while one overtakes on a two-way road."""
