"""Made-up requests to a real gateway and model servers: whatever is sent, the answer is one of ours and nothing is left."""
