"""Who owns the company: shares, options, SAFEs, notes, and the rounds that convert them. Exact."""
