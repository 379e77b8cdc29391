"""One module a rule of the contract; `engine.py` says in which order they speak."""
