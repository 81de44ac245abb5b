"""The faces: the command line and the web app. Only they print or exit."""
