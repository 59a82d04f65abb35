"""What the registry decides, in pure Python: no Django, no Nautobot, no database."""
