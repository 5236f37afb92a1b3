"""What the command line does, one module per command. Each has ``command(args) -> exit code``."""
