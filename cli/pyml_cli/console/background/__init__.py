"""What runs behind the pages of the console: commands as processes, answers that take a while, requests counted."""
