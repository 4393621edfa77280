"""The commands that list what a sandbox holds: models, jobs and reports."""
