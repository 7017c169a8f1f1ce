"""A running EverShop beside this service: one login for both. Off unless its cookie secrets are set."""
