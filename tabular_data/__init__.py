import sys

if sys.platform == "win32":
    raise ImportError("Regretta runs on Linux and macOS, not on Windows (in WSL it does)")
