"""Converts money. Its retry, breaker and timeout are its own: nothing here knows the workbench."""

import os

import aiohttp
import stamina
from circuitbreaker import CircuitBreakerError, circuit
from fastapi import FastAPI

app = FastAPI()
RATE = os.environ["BACK_URL"] + "/rate"
LATE = aiohttp.ClientTimeout(total=0.3)
AWAY = (aiohttp.ClientError, TimeoutError)


@stamina.retry(on=AWAY, attempts=2, wait_initial=0.02, wait_jitter=0.02, timeout=None)
@circuit(failure_threshold=10, recovery_timeout=3, expected_exception=AWAY)  # inside: an open breaker ends retries
async def rate() -> float:
    async with aiohttp.ClientSession(timeout=LATE) as session, session.get(RATE, raise_for_status=True) as answer:
        return float((await answer.json())["rate"])


@app.get("/convert")
async def convert(amount: float) -> dict[str, float | bool]:
    try:
        return {"amount": amount * await rate(), "estimated": False}
    except (CircuitBreakerError, *AWAY):
        return {"amount": amount * 1.1, "estimated": True}  # yesterday's rate, and says so
