from .nothing_here import Bad
