"""`python -m console` is `vesiflow`."""

from console.cli import main

main()
