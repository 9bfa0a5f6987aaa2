"""Teams that share one payoff and see different things."""
