"""Enforces the house rules of docs/architecture.md on the sources below a folder, without building anything.

    check.py ROOT      prints one line a violation; exit status 1 when there is any

Rules: which part may include which (the arrows), which folder may include which library, nothing below src/app ends
the process, prints or takes memory from elsewhere than lyceum/memory.h, public headers include nothing but public and
standard headers, lyceum.h includes every one of them, and no file is longer than MOST_LINES.
"""
import os
import re
import sys

MOST_LINES = 600

FOLDERS = {"base": "src/base", "config": "src/config", "nn": "src/nn", "io": "src/io", "data": "src/data",
           "teachers": "teachers", "student": "student", "agent": "agent", "distill": "src/distill",
           "report": "src/report", "app": "src/app"}

# The arrows: what each part may use.
LOW = {"base", "config", "nn", "io", "data"}
USES = {"base": set(), "config": {"base"}, "nn": {"base"}, "io": {"base", "nn"}, "data": {"base", "nn", "io"},
        "teachers": LOW, "student": LOW, "agent": LOW, "distill": LOW | {"teachers", "student", "agent"},
        "report": LOW | {"teachers", "student", "agent", "distill"},
        "app": LOW | {"teachers", "student", "agent", "distill", "report"}}

# Whose public header it is. A new header needs a row.
OWNER = {"error": "base", "export": "base", "log": "base", "memory": "base", "pool": "base", "random": "base",
         "version": "base", "config": "config", "blas": "nn", "network": "nn", "checkpoint": "io", "dataset": "io",
         "model": "io", "run_layout": "io", "runfile": "io", "import": "data", "teacher": "teachers", "plant": "teachers",
         "student": "student", "agent": "agent", "metrics": "distill", "distill": "distill",
         "ablation": "distill", "inspect": "report",
         "lyceum": "app"}
# Headers whose types are what the parts meet through: open to everyone above base.
MEETING = {"network", "dataset", "teacher", "student", "agent"}

# Where a library may be included, by the name of its header: a folder (ends in /) or one file.
LIBRARIES = [(r"hdf5.*\.h|H5.*\.h", ["src/io/"]), (r"(cjson/)?cJSON\.h", ["src/config/"]),
             (r"cblas\.h|openblas.*|lapack.*", ["src/nn/blas.c"]), (r"dnnl.*|oneapi/dnnl/.*", ["src/nn/onednn/"]),
             (r"Random123/.*", ["src/base/random.c"]),
             (r"sleef.*\.h", ["src/nn/"]), (r"xxhash\.h|xxh3\.h", ["src/base/"]), (r"zlib\.h", ["src/io/"]),
             (r"png.*\.h", ["src/io/png.c"]), (r"jpeglib\.h|jerror\.h", ["src/io/jpeg.c"])]

STANDARD = set("assert complex ctype errno fenv float inttypes limits locale math setjmp signal stdalign stdarg "
               "stdatomic stdbool stddef stdint stdio stdlib stdnoreturn string tgmath threads time uchar wchar "
               "wctype".split())

ENDS = r"\b(exit|_exit|_Exit|quick_exit|abort)\s*\("
PRINTS = r"\b(printf|vprintf|puts|putchar|perror)\s*\(|\b(stdout|stderr)\b"
HEAP = r"\b(malloc|calloc|realloc|reallocarray|aligned_alloc|posix_memalign|free|strdup|strndup|asprintf)\s*\("
HEAP_HOME = "src/base/memory.c"

COMMENT_OR_TEXT = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)


def sources(root, folder):
    for directory, folders, names in os.walk(os.path.join(root, folder)):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(directory, name)
            yield os.path.relpath(path, root), path


def bare(text):
    """The code without comments and literals, its lines kept; include lines are left whole."""
    def blank(match):
        start = text.rfind("\n", 0, match.start()) + 1
        if match.group().startswith('"') and INCLUDE.match(text[start:match.end()]):
            return match.group()
        return re.sub(r"[^\n]", " ", match.group())
    return COMMENT_OR_TEXT.sub(blank, text)


def line_of(text, position):
    return text.count("\n", 0, position) + 1


class Checker:
    def __init__(self, root):
        self.root = root
        self.violations = []

    def complain(self, path, line, message):
        self.violations.append(f"{path}:{line}: {message}")

    def public_name(self, path, line, header):
        """The name of the public header `header` ("lyceum/pool.h" -> "pool"), or None after a complaint."""
        name = header[len("lyceum/"):-len(".h")]
        if name in OWNER:
            return name
        self.complain(path, line, f"{header} has no row in OWNER of tests/architecture/check.py")
        return None

    def public_include(self, part, path, line, header):
        name = self.public_name(path, line, header)
        if name is None:
            return
        owner = OWNER[name]
        if owner != part and owner not in USES[part] and not (name in MEETING and part != "base"):
            self.complain(path, line, f"{part} may not use {header}, which belongs to {owner}")

    def own_include(self, part, path, line, header):
        if header.startswith("lyceum/"):
            self.public_include(part, path, line, header)
        elif "/" not in header:
            if not os.path.exists(os.path.join(self.root, os.path.dirname(path), header)):
                self.complain(path, line, f'"{header}" is not in this folder; write its part in front')
        else:
            other = header.split("/")[0]
            if other not in USES:
                self.complain(path, line, f'"{header}" belongs to no part')
            elif other != part and other not in USES[part]:
                self.complain(path, line, f'{part} may not use {other}: "{header}"')

    def outside_include(self, path, line, header):
        """True when `header` is one of a library."""
        for pattern, places in LIBRARIES:
            if re.fullmatch(pattern, header):
                if not any(path == place or place.endswith("/") and path.startswith(place) for place in places):
                    self.complain(path, line, f"<{header}> is for {' and '.join(places)} only")
                return True
        return False

    def calls(self, path, code, pattern, message):
        for match in re.finditer(pattern, code):
            self.complain(path, line_of(code, match.start()), f"{match.group().rstrip('( ')}: {message}")

    def part(self, part):
        for path, file in sources(self.root, FOLDERS[part]):
            if not path.endswith((".c", ".h")):
                continue
            code = bare(open(file, encoding="utf-8").read())
            for match in INCLUDE.finditer(code):
                line = line_of(code, match.start(1))
                if not self.outside_include(path, line, match.group(2)) and match.group(1) == '"':
                    self.own_include(part, path, line, match.group(2))
            if part != "app":
                self.calls(path, code, ENDS, "nothing below src/app ends the process")
                self.calls(path, code, PRINTS, "nothing below src/app prints")
            if path != HEAP_HOME:
                self.calls(path, code, HEAP, "heap memory comes from lyceum/memory.h")

    def public_headers(self):
        umbrella = set()
        names = set()
        for path, file in sources(self.root, "include"):
            code = bare(open(file, encoding="utf-8").read())
            name = self.public_name(path, 1, os.path.relpath(path, "include"))
            names.add(name)
            for match in INCLUDE.finditer(code):
                line, header = line_of(code, match.start(1)), match.group(2)
                if match.group(1) == "<":
                    if header[:-len(".h")] not in STANDARD:
                        self.complain(path, line, f"<{header}> is not a standard header")
                elif not header.startswith("lyceum/"):
                    self.complain(path, line, f'"{header}" is not a public header')
                elif name == "lyceum":
                    umbrella.add(header[len("lyceum/"):-len(".h")])
                elif name is not None:
                    self.public_include(OWNER[name], path, line, header)
        for missing in sorted(name for name in names - umbrella if name not in (None, "lyceum")):
            self.complain("include/lyceum/lyceum.h", 1, f"does not include lyceum/{missing}.h")

    def lengths(self):
        for folder in ["include", "tests", "scripts", *FOLDERS.values()]:
            for path, file in sources(self.root, folder):
                if path.endswith((".c", ".h", ".py", ".sh", ".cmake")) or folder == "scripts":
                    lines = open(file, encoding="utf-8").read().count("\n")
                    if lines > MOST_LINES:
                        self.complain(path, MOST_LINES, f"{lines} lines; split it (at most {MOST_LINES})")

    def run(self):
        for part in FOLDERS:
            self.part(part)
        self.public_headers()
        self.lengths()
        return self.violations


def main():
    root = sys.argv[1]
    if not os.path.isdir(os.path.join(root, "src/base")):
        sys.exit(f"check.py: {root} is not the root of the sources")
    violations = Checker(root).run()
    for violation in violations:
        print(violation)
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
