"""What every service of the shop shares. It must not know any service, product or order."""
