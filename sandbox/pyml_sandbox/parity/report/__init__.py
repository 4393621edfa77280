"""The report of a parity check: as data, text, HTML, JUnit and JSON schema."""
