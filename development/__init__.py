"""What the development of this app needs: servers, a configuration, a database, a Git server. Not shipped."""
