"""The REST side: the same calls as over gRPC, in HTTP and JSON."""
