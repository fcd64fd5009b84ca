/* Feeds every file of a folder to a fuzz target, once: `replay-<target> FOLDER`. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "tests/fuzz/fuzz.h"

static int replay(const char *path) {
    struct stat about;
    FILE *file = fopen(path, "rb");
    if (!file || fstat(fileno(file), &about) != 0) return 1;
    size_t size = (size_t)about.st_size;
    uint8_t *bytes = malloc(size ? size : 1);
    int failed = !bytes || fread(bytes, 1, size, file) != size;
    if (!failed) (void)LLVMFuzzerTestOneInput(bytes, size);
    free(bytes);
    (void)fclose(file);
    return failed;
}

int main(int argc, char **argv) {
    int count = 0;
    DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
    if (!folder) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        char path[4096];
        if (entry->d_name[0] == '.') continue;
        (void)snprintf(path, sizeof path, "%s/%s", argv[1], entry->d_name);
        if (replay(path) != 0) {
            fprintf(stderr, "%s: cannot be read\n", path);
            return 1;
        }
        count++;
    }
    (void)closedir(folder);
    printf("%d inputs\n", count);
    return count > 0 ? 0 : 1;
}
