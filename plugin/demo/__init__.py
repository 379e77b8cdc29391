"""The demo: a week of partner e-mails over both sandbox helpdesks, handled by the real service."""
