"""Game trees: builders of classic games and a catalog with what is known of their equilibria."""
