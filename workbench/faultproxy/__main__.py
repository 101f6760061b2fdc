"""`python -m workbench.faultproxy`."""

from workbench.faultproxy.main import main

main()
