"""HTTP plumbing that every dialect shares; it holds no word of any of them."""
