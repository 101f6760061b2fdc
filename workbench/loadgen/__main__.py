"""`python -m workbench.loadgen JOB.json`. Patches the standard library before anything else is imported."""

from gevent import monkey

monkey.patch_all()

import sys  # noqa: E402 - has to come after patching

from workbench.loadgen.child import main  # noqa: E402

sys.exit(main(sys.argv[1:]))
