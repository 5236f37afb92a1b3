"""The steps of the workflow: paths and settings in, files out. Each module holds one function of its own name."""
