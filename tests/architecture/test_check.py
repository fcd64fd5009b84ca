"""The test of check.py: a small tree that keeps every rule passes, and each planted violation is found and named."""
import os
import subprocess
import sys
import tempfile
import unittest

CHECK = os.path.join(os.path.dirname(os.path.abspath(__file__)), "check.py")

CLEAN = {
    "include/lyceum/export.h": "#include <stddef.h>\n",
    "include/lyceum/pool.h": '#include "lyceum/export.h"\n',
    "include/lyceum/network.h": '#include "lyceum/pool.h"\n',
    "include/lyceum/teacher.h": '#include "lyceum/network.h"\n',
    "include/lyceum/distill.h": '#include "lyceum/teacher.h"\n',
    "include/lyceum/lyceum.h": "".join(f'#include "lyceum/{name}.h"\n'
                                       for name in ("export", "pool", "network", "teacher", "distill")),
    "src/base/memory.c": "#include <stdlib.h>\nvoid f(void *p) { free(p); }\n",
    "src/base/pool.c": '#include "lyceum/pool.h"\n#include <xxhash.h>\n',
    "src/base/random.c": "#include <Random123/philox.h>\n",
    "src/config/tree.c": '#include <cjson/cJSON.h>\n#include "lyceum/teacher.h"\n',
    "src/nn/blas.c": '#include <cblas.h>\n#include "nn/gemm.h"\n',
    "src/nn/gemm.h": "/* one malloc(3) or printf(\"x\") in a comment is fine, exit() too */\n",
    "src/nn/vector.c": '#include <sleef.h>\n#include "gemm.h"\n',
    "src/io/file.c": '#include <hdf5.h>\n#include <zlib.h>\n#include "nn/gemm.h"\n',
    "src/io/text.c": 'const char *t = "call exit(1) and free(p), print to stdout";\nvoid lyc_free(void *p);\n',
    "src/data/view.c": '#include "io/file.h"\n#include "nn/gemm.h"\n',
    "teachers/kind.h": '#include "lyceum/teacher.h"\n',
    "teachers/network.c": '#include "teachers/kind.h"\n#include "data/view.h"\n',
    "student/step.c": '#include "lyceum/teacher.h"\n#include "config/tree.h"\n',
    "agent/policy.c": '#include "lyceum/network.h"\n',
    "src/distill/loop.c": '#include "teachers/kind.h"\n#include "lyceum/distill.h"\n',
    "src/report/html.c": '#include "distill/loop.h"\n',
    "src/app/main.c": '#include <stdio.h>\n#include "lyceum/lyceum.h"\nint main(void) { printf("hello"); exit(2); }\n',
    "tests/unit/test_x.c": "\n" * 600,
    "scripts/test": "\n",
}

# path, its content, what the report must say
PLANTED = [
    ("src/base/log.c", '#include "nn/gemm.h"\n', 'src/base/log.c:1: base may not use nn'),
    ("src/base/log.c", '#include "lyceum/network.h"\n', "base may not use lyceum/network.h"),
    ("src/config/a.c", '\n#include "io/file.h"\n', "src/config/a.c:2: config may not use io"),
    ("src/nn/a.c", '#include "io/file.h"\n', "nn may not use io"),
    ("src/io/a.c", '#include "data/view.h"\n', "io may not use data"),
    ("src/data/a.c", '#include "teachers/kind.h"\n', "data may not use teachers"),
    ("teachers/a.c", '#include "student/step.h"\n', "teachers may not use student"),
    ("student/a.c", '#include "agent/policy.h"\n', "student may not use agent"),
    ("agent/a.c", '  #  include "teachers/kind.h"\n', "agent may not use teachers"),
    ("agent/a.c", '#include "lyceum/distill.h"\n', "agent may not use lyceum/distill.h"),
    ("src/distill/a.c", '#include "report/html.h"\n', "distill may not use report"),
    ("src/report/a.c", '#include "app/command.h"\n', "report may not use app"),
    ("src/nn/a.c", '#include "lyceum/lyceum.h"\n', "nn may not use lyceum/lyceum.h"),
    ("src/nn/a.c", '#include "elsewhere/x.h"\n', "belongs to no part"),
    ("src/nn/a.c", '#include "missing.h"\n', "is not in this folder"),
    ("src/distill/a.c", "#include <hdf5.h>\n", "<hdf5.h> is for src/io/ only"),
    ("src/distill/a.c", '#include "hdf5_hl.h"\n', "<hdf5_hl.h> is for src/io/ only"),
    ("src/app/a.c", "#include <cjson/cJSON.h>\n", "is for src/config/ only"),
    ("src/nn/a.c", "#include <cblas.h>\n", "is for src/nn/blas.c only"),
    ("src/base/a.c", "#include <Random123/threefry.h>\n", "is for src/base/random.c only"),
    ("student/a.c", "#include <sleef.h>\n", "is for src/nn/ only"),
    ("teachers/a.c", "#include <xxhash.h>\n", "is for src/base/ only"),
    ("src/data/a.c", "#include <zlib.h>\n", "is for src/io/ only"),
    ("src/nn/a.c", "void f(void) { abort (); }\n", "abort: nothing below src/app ends the process"),
    ("agent/a.c", "void f(void) {\n exit(1); }\n", "agent/a.c:2: exit: nothing below src/app ends"),
    ("src/io/a.c", 'void f(void) { fprintf(stderr, "x"); }\n', "stderr: nothing below src/app prints"),
    ("src/io/a.c", 'void f(void) { puts("x"); }\n', "puts: nothing below src/app prints"),
    ("src/app/a.c", "void *f(void) { return malloc(3); }\n", "malloc: heap memory comes from"),
    ("src/base/arena.c", "void f(void *p) { free(p); }\n", "free: heap memory comes from"),
    ("include/lyceum/pool.h", "#include <hdf5.h>\n", "<hdf5.h> is not a standard header"),
    ("include/lyceum/pool.h", '#include "base/hash.h"\n', "is not a public header"),
    ("include/lyceum/pool.h", '#include "lyceum/distill.h"\n', "base may not use lyceum/distill.h"),
    ("include/lyceum/novelty.h", "\n", "lyceum/novelty.h has no row in OWNER"),
    ("include/lyceum/memory.h", "\n", "does not include lyceum/memory.h"),
    ("student/long.c", "\n" * 601, "601 lines; split it"),
    ("tests/unit/test_x.c", "\n" * 601, "601 lines; split it"),
    ("scripts/test", "\n" * 601, "601 lines; split it"),
]


def report(files):
    with tempfile.TemporaryDirectory() as root:
        for path, content in files.items():
            os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
            with open(os.path.join(root, path), "w") as file:
                file.write(content)
        result = subprocess.run([sys.executable, CHECK, root], capture_output=True, text=True)
        return result.returncode, result.stdout + result.stderr


class Check(unittest.TestCase):
    def test_clean_tree_passes(self):
        self.assertEqual(report(CLEAN), (0, ""))

    def test_each_planted_violation_is_found_alone(self):
        for path, content, expected in PLANTED:
            with self.subTest(path=path, content=content[:60]):
                status, text = report({**CLEAN, path: content})
                self.assertEqual(status, 1, text)
                self.assertIn(expected, text)
                self.assertEqual(len(text.splitlines()), 1, text)

    def test_wrong_folder_is_no_success(self):
        status, text = report({"README.md": ""})
        self.assertEqual(status, 1)
        self.assertIn("is not the root of the sources", text)


if __name__ == "__main__":
    unittest.main()
