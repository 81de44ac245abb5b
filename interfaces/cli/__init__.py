"""The command line: `hark`."""
