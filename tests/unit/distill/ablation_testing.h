/* What the tests of the ablation share: files in a folder of their own. */
#ifndef LYCEUM_TESTS_ABLATION_TESTING_H
#define LYCEUM_TESTS_ABLATION_TESTING_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lyceum/ablation.h"

#define TEACHERS "[{\"name\": \"a\", \"model\": \"a.h5\"}, {\"name\": \"b\", \"model\": \"b.h5\"}]"
#define BASE                                                                                                 \
    "{\"name\": \"base\", \"output\": \"unused\", \"data\": {\"path\": \"data.h5\"}, "                       \
    "\"teachers\": " TEACHERS ", "                                                                           \
    "\"student\": {\"arch\": \"mlp\", \"hidden\": [8]}, \"train\": {\"epochs\": 3}}"
/* An ablation of the base with these further members. */
#define ABLATION(members) "{\"name\": \"test\", \"base\": \"base.json\", \"output\": \"out\", " members "}"

static void write_file(const char *path, const char *text) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

static char *folder_before;

static int enter_folder(void **state) {
    static char name[] = "/tmp/lyceum-ablation-XXXXXX";
    (void)state;
    folder_before = getcwd(NULL, 0);
    if (!mkdtemp(name) || chdir(name) != 0) return -1;
    *state = name;
    write_file("base.json", BASE);
    return 0;
}

static int leave_folder(void **state) {
    (void)remove("base.json");
    (void)remove("ablation.json");
    int left = chdir(folder_before);
    free(folder_before);
    return left != 0 || rmdir(*state) != 0 ? -1 : 0;
}

static lyc_status load_text(lyc_ablation **out, const char *text, lyc_error *err) {
    write_file("ablation.json", text);
    return lyc_ablation_load(out, "ablation.json", err);
}

static lyc_ablation *load(const char *text) {
    lyc_ablation *ablation = NULL;
    lyc_error err = {0};
    if (load_text(&ablation, text, &err) != LYC_OK) fail_msg("%s", err.message);
    return ablation;
}

#endif
