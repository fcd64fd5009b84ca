/* `lyceum data KIND`: the files that a data set comes in become one data-set file. */
#include <stdio.h>
#include <string.h>

#include "app/data.h"
#include "app/format.h"
#include "base/json_writer.h"
#include "lyceum/memory.h"

static const lyc__data_kind *const kinds[] = {&lyc__data_idx, &lyc__data_cifar, &lyc__data_csv,
                                              &lyc__data_images};
enum { KINDS = sizeof kinds / sizeof *kinds };

static const lyc__option options[] = {LYC__COMMON_HELP};

static const lyc__usage usage = {
    .command = "data",
    .synopsis = "KIND [options] -o FILE",
    .summary = "make a data-set file from the files a data set comes in",
    .about = "Reads the files of a data set, checks them, and writes one HDF5 file with images, "
             "labels, the parts `train` and `test`, an id for each row, class names, mean and "
             "deviation, and a fingerprint of it all. Files are read in pieces: memory does not grow "
             "with the images. The result is written under a temporary name and renamed: it is whole or "
             "not there.\n\n"
             "Each kind has options of its own: see `lyceum data KIND --help`.\n\n"
             "kinds\n"
             "  idx      MNIST's format: images and labels in files of their own\n"
             "  cifar    binary records of CIFAR-10 and CIFAR-100\n"
             "  csv      tables of numbers\n"
             "  images   PNG and JPEG files, one folder a class",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .least_arguments = 1,
    .most_arguments = 1,
    .argument = "the kind of the files (idx, cifar, csv, images)",
    .examples = "lyceum data cifar --help\n"
                "lyceum data cifar --train data_batch_1.bin --test test_batch.bin -o data/cifar10.h5",
    .configures = -1,
};

static const lyc__data_kind *find_kind(const char *name) {
    for (size_t i = 0; i < KINDS; i++)
        if (strcmp(kinds[i]->name, name) == 0) return kinds[i];
    return NULL;
}

lyc_status lyc__data_take_parts(const lyc__data_parts *from, lyc_import_parts *out, lyc_error *err) {
    if (from->train.count == 0) LYC_FAIL(err, LYC_EUSAGE, "--train, what to read, is missing");
    *out = (lyc_import_parts){from->train.items, from->train.count, from->test.items, from->test.count};
    return LYC_OK;
}

/* "a,b,c" to a list; the names point into *copy. */
static lyc_status split_names(const char *text, char **copy, const char ***names, size_t *count,
                              lyc_error *err) {
    *copy = lyc_strdup(text);
    size_t entries = 1;
    for (const char *p = text; *p; p++) entries += *p == ',';
    lyc_status status = *copy ? lyc_allocate((void **)names, entries, sizeof **names, "class names", err)
                              : LYC_ERROR(err, LYC_ENOMEM, "no memory for the class names");
    if (status != LYC_OK) return status;
    char *rest = *copy;
    for (char *name; (name = strsep(&rest, ",")) != NULL;) {
        if (!*name) LYC_FAIL(err, LYC_EUSAGE, "--classes has an empty name: \"%s\"", text);
        (*names)[(*count)++] = name;
    }
    return LYC_OK;
}

static lyc_status print_json(const lyc__data_common *o, const lyc_import_summary *s, lyc_error *err) {
    lyc__json json;
    lyc__json_start(&json, true);
    lyc__json_object(&json, NULL);
    lyc__json_text(&json, "path", o->out);
    lyc__json_unsigned(&json, "train_rows", s->train_rows);
    lyc__json_unsigned(&json, "test_rows", s->test_rows);
    lyc__json_integer(&json, "classes", s->classes);
    lyc__json_array_inline(&json, "shape");
    const int shape[] = {s->channels, s->height, s->width};
    for (int i = 0; i < 3; i++) lyc__json_integer(&json, NULL, shape[i]);
    lyc__json_end(&json);
    lyc__json_array_inline(&json, "mean");
    for (int i = 0; i < s->channels; i++) lyc__json_number(&json, NULL, (double)s->mean[i]);
    lyc__json_end(&json);
    lyc__json_array_inline(&json, "std");
    for (int i = 0; i < s->channels; i++) lyc__json_number(&json, NULL, (double)s->std[i]);
    lyc__json_end(&json);
    lyc__json_text(&json, "fingerprint", s->fingerprint);
    lyc__json_end(&json);
    return lyc__print_json(&json, err);
}

static lyc_status print_text(const lyc__data_common *o, const lyc_import_summary *s, lyc_error *err) {
    (void)err;
    char train[LYC__SHORT], test[LYC__SHORT];
    lyc__format_count(s->train_rows, train);
    lyc__format_count(s->test_rows, test);
    printf("%s: %s train and %s test rows of %d x %d x %d, %d classes\n", o->out, train, test, s->channels,
           s->height, s->width, s->classes);
    return LYC_OK;
}

static lyc_status run(const lyc__data_kind *kind, const lyc__data_common *o, lyc_error *err) {
    if (!o->out) LYC_FAIL(err, LYC_EUSAGE, "-o FILE, the file to write, is missing");
    lyc_import_options import = {.source = o->source, .licence = o->licence, .overwrite = o->force};
    char *copy = NULL;
    const char **names = NULL;
    lyc_import_summary summary;
    lyc_status status = LYC_OK;
    if (o->classes) LYC_TRY_GOTO(split_names(o->classes, &copy, &names, &import.class_count, err));
    import.class_names = names;
    LYC_TRY_GOTO(kind->import(o, &import, &summary, err));
    lyc__terminal_stop();
    LYC_TRY_GOTO((o->common.json ? print_json : print_text)(o, &summary, err));
done:
    lyc_free(names);
    lyc_free(copy);
    return status;
}

static int run_kind(const lyc__data_kind *kind, int argc, char **argv) {
    lyc_error err = {0};
    void *target = NULL;
    int code = LYC__EXIT_DONE;
    if (lyc_allocate(&target, 1, kind->size, "the options", &err) != LYC_OK)
        return lyc__failed(kind->usage, &err);
    if (lyc__begin(kind->usage, argc, argv, target, &code))
        code = run(kind, target, &err) == LYC_OK ? LYC__EXIT_DONE : lyc__failed(kind->usage, &err);
    lyc_free(target);
    return code;
}

/* The kind comes first, as it decides which options there are. */
int lyc__app_data(int argc, char **argv) {
    const lyc__data_kind *kind = argc > 1 ? find_kind(argv[1]) : NULL;
    if (kind) return run_kind(kind, argc - 1, argv + 1);
    lyc__common common = {0};
    lyc_error err = {0};
    const char *names[KINDS];
    int code = LYC__EXIT_DONE;
    bool is_option = argc > 1 && argv[1][0] == '-';
    for (size_t i = 0; i < KINDS; i++) names[i] = kinds[i]->name;
    if (argc > 1 && !is_option && lyc__unknown_name("kind", argv[1], names, KINDS, &err) != LYC_OK)
        return lyc__failed(&usage, &err);
    (void)lyc__begin(&usage, argc, argv, &common, &code);
    return code;
}
