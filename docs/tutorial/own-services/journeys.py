from locust import FastHttpUser, task


class Convert(FastHttpUser):
    @task
    def convert(self) -> None:
        with self.client.get("/convert?amount=3", catch_response=True) as answer:
            if answer.status_code == 200:
                self.outcome = "degraded" if answer.json()["estimated"] else "ok"
