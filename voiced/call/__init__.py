"""What a call is, and how it goes. No sockets here, and every clock is given."""
