"""What runs, as data: specs, commands and endpoints, and the contracts of runner and machine checks."""
