"""The folder that misp-modules scans; it holds only the module. `misp-modules -c` takes its parent."""
