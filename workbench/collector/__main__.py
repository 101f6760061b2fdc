"""`python -m workbench.collector`."""

from workbench.collector.main import main

main()
