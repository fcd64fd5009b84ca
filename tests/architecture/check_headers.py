"""Every public header compiles alone, as C17 and as C++17, without a warning.

    check_headers.py COMPILER INCLUDE_FOLDER
"""
import os
import subprocess
import sys

LANGUAGES = [("c", "c17"), ("c++", "c++17")]


def main():
    compiler, folder = sys.argv[1:3]
    headers = sorted(name for name in os.listdir(os.path.join(folder, "lyceum")) if name.endswith(".h"))
    failures = 0
    for header in headers:
        for language, standard in LANGUAGES:
            # Twice, so that a missing guard shows.
            source = f'#include "lyceum/{header}"\n' * 2 + "typedef int not_empty;\n"
            result = subprocess.run([compiler, "-x", language, f"-std={standard}", "-Wall", "-Wextra", "-Wpedantic",
                                     "-Werror", "-fsyntax-only", f"-I{folder}", "-"], input=source, text=True,
                                    capture_output=True)
            if result.returncode != 0:
                failures += 1
                print(f"lyceum/{header} does not compile alone as {standard}:\n{result.stderr}")
    print(f"{len(headers)} headers, {failures} failures")
    return 1 if failures or not headers else 0


if __name__ == "__main__":
    sys.exit(main())
