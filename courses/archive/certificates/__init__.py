"""Certificates of completed classes (结业证书): numbered, on paper, to be checked by anybody who holds one."""
