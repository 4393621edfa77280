"""The pages of the console: for each, its facts and where its forms lead."""
