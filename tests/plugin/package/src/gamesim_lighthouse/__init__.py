"""A lighthouse that burns when enough keepers pay for its oil."""
