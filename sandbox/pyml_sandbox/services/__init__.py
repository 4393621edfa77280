"""The services of the sandbox: one module each, giving a `ServiceSpec` and the probe that asks it a real request."""
