"""The life of the load child: load the users, probe, wait for the start, let arrivals come, drain, and say what there is.

Decides nothing about the run: the runner gives the schedule, the start and the end.
"""

from __future__ import annotations

import gc
import os
import resource
import signal
import sys
import traceback
from pathlib import Path
from time import monotonic_ns, time_ns
from types import SimpleNamespace
from typing import Any

import gevent
import gevent.event
import locust
from locust.argument_parser import get_parser
from locust.env import Environment

from workbench.loadgen.journey import Arrival
from workbench.loadgen.locustfiles import BrokenLocustfile, load_users
from workbench.loadgen.performer import Performer
from workbench.loadgen.pool import UserPool
from workbench.loadgen.probe import prepare_users, probe
from workbench.loadgen.propagation import Ids, propagate
from workbench.loadgen.recorder import Recorder
from workbench.loadgen.runner_link import RUNNER_GONE, RunnerLink
from workbench.loadgen.schedule import Schedule, read_schedule
from workbench.loadgen.tally import Tally
from workbench.model.loadjob import Broken, Done, LoadJob, Progress, Ready
