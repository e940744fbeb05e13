"""Pictures that AIL stored before the module was installed."""
