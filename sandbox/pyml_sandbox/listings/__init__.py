"""What a sandbox holds: its models, jobs and reports, as lists."""
