"""Episodes to watch: which one, and how it is drawn."""
