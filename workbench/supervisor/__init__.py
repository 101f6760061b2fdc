"""One process per stack: parent of everything it starts, and watchdog of the runner. Standard library only.

It knows nothing of scenarios or systems: it is given a flat list of processes, addresses to ask whether they
are ready, and what to do when the runner is gone.
"""
