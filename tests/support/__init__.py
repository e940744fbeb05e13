"""What tests share: servers and hosts that they start, pictures that they draw, words that they speak."""
