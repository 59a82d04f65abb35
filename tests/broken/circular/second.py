from .first import ONE

TWO = ONE + 1
