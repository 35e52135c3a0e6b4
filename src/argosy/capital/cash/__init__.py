"""Money by month: the ledger of a plan, what pays its bills, customers, and its futures."""
