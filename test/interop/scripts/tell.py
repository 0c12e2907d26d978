"""How a script tells the test what it has logged or read."""

import json


def tell(name, value):
    print("\nTELL", name, json.dumps(value), flush=True)
