"""Everything between a question to a language model and its answer: waiting, retrying, budgets, cache and journal."""
