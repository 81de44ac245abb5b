"""`python -m interfaces.cli` is `hark`."""

from interfaces.cli.main import run

run()
