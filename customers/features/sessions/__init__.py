"""Sessions: logins, logouts, lists of sessions; and the accounts of admins, who are made from the command line."""
