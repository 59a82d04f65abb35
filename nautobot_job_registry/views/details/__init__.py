"""Contents of the detail pages of the job registry, one page or panel a module."""
