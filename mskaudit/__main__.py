"""`python -m mskaudit`."""

from mskaudit.cli import main

main()
