"""Users: accounts, passwords, and the tokens by which the gateway knows who asks."""
