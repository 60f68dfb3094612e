"""People who sign in: passwords, second factors, invitations, mails, and their administration."""
