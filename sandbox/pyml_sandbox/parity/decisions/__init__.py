"""What a parity check decides between its steps: what is compared, what is noise, which checks and failures count."""
