"""The report of a parity check: as data, JSON, text, HTML and JUnit, and the history of reports."""
