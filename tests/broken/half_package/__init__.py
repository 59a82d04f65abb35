from .good import Good
from .bad import Bad
