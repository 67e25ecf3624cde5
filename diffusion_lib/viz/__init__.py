"""Numbers to pictures, films and tables; knows no model. May import: the top level."""
