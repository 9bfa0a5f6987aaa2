"""Who answers a meta-strategy. Registered under ``gamesim.oracles``: configurations, whose ``build`` gives the oracle itself."""
