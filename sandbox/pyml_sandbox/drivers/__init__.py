"""How services run: `base` is the contract, `process` and `container` are the drivers, `fake` is one for tests."""
