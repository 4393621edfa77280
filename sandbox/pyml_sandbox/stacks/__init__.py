"""What a sandbox is made of under one driver: its services, their addresses, its environments, its checks.

`choice.stack_for` gives the one that a sandbox was made with; nothing else asks which driver it is.
"""
