"""An AIL checkout on this machine: the module's files, AIL's configuration, and patches of its code."""
