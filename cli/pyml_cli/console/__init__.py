"""The console: the sandbox in a browser, over the functions and the commands of the command line."""
