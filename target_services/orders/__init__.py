"""Orders: takes an order once, and brings it to an end whatever happens on the way."""
