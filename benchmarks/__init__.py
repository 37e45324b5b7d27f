"""Commands that measure speed and survival; nothing imports them."""
