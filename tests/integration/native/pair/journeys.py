from locust import FastHttpUser, task


class Ask(FastHttpUser):  # type: ignore[misc]
    @task  # type: ignore[untyped-decorator]
    def ask(self) -> None:
        self.client.get("/ask")
