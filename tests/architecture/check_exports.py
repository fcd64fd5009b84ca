"""The shared library exports exactly the functions that the public headers declare with LYC_API.

    check_exports.py LIBRARY INCLUDE_FOLDER
"""
import os
import re
import subprocess
import sys


def declared(folder):
    names = set()
    for header in os.listdir(os.path.join(folder, "lyceum")):
        text = open(os.path.join(folder, "lyceum", header), encoding="utf-8").read()
        text = re.sub(r"/\*.*?\*/", " ", text, flags=re.S)
        text = re.sub(r"^[ \t]*#.*(\\\n.*)*$", "", text, flags=re.M)
        for match in re.finditer(r"\bLYC_API\b([^;{]*)[;{]", text):
            names.add(re.search(r"\b(lyc_\w+)\s*\(", match.group(1)).group(1))
    return names


def exported(library):
    listing = subprocess.run(["nm", "-D", "--defined-only", library], check=True, capture_output=True, text=True)
    return {line.split()[-1].split("@")[0] for line in listing.stdout.splitlines()}


def main():
    library, folder = sys.argv[1:3]
    wanted, found = declared(folder), exported(library)
    for name in sorted(wanted - found):
        print(f"{name} is declared in a public header, but {os.path.basename(library)} does not define it")
    for name in sorted(found - wanted):
        print(f"{name} is exported by {os.path.basename(library)}, but no public header declares it")
    print(f"{len(wanted)} declared, {len(found)} exported")
    return 0 if wanted == found and wanted else 1


if __name__ == "__main__":
    sys.exit(main())
