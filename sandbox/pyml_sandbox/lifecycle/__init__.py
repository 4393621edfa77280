"""The life of a sandbox: up, down, deploy, status, logs, doctor."""
