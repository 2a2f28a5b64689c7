"""What is read from an ERP and kept here, to be found again by its number."""
