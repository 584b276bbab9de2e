"""``python -m oddline_api.cli``: the command without its script."""

from oddline_api.cli.main import main

main()
