"""Policy-space response oracles: pools of policies, the games they play, and oracles that answer mixtures of them."""
