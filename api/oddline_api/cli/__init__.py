"""The command line: one module for each family of commands, loaded when it is called."""
