"""Tests of the types of our client, and of the clients that generators make."""
