"""What every service of the shop shares. It must not know any service, product or order."""

import os

# gRPC's core writes lines of its own to stderr, between the JSON lines of the log, about connections that end; the
# callers' outcomes tell the same. It looks at this once, when it is imported.
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
