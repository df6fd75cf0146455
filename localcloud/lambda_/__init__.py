"""Lambda: functions that run in children of their own, and the pollers that feed them."""
