"""Model versions: kept, found and routed, and the contract of what builds their environments."""
