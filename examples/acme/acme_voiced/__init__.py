"""Acme Parcels on the telephone: plugins for voiced."""
