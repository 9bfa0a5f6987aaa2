"""The built-in sections. Each is ``(study) -> Section | None`` and says nothing where it does not apply."""
