"""Training classes (专题班): roster, attendance or required lessons and an exam, hours once at the end."""
