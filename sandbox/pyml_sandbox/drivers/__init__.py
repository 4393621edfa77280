"""How services run: the contract of a driver, and the choice of one."""
