"""The process driver: supervisord, virtual environments and Java on this machine."""
