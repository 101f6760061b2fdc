"""`python -m workbench.loadgen JOB.json`. Patches the standard library before anything else is imported."""

from gevent import monkey

monkey.patch_all()

import os  # noqa: E402 - has to come after patching
import sys  # noqa: E402

from workbench.loadgen import without_web_page  # noqa: E402

sys.modules["locust.web"] = without_web_page

from workbench.loadgen.child import main  # noqa: E402

status = main(sys.argv[1:])
sys.stderr.flush()
os._exit(status)  # rows are on disk; threads and greenlets of user code must not hold up the end
