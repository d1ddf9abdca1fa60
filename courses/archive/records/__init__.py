"""The signed record of one member's ledger that another school can check and take in (组织关系转接)."""
