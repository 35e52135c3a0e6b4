"""What a sale of the company pays to whom."""
