"""Archives of Java classes: where they are kept, and the process that makes them in the background."""
