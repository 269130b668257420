"""What several pages share: the session, fields, frames, chart styles."""
