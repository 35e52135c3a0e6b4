"""What training costs elsewhere, at other times, and with other technology."""
