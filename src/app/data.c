/* `lyceum data KIND`: the files that a data set comes in become one data-set file. */
#include <stdio.h>
#include <string.h>

#include "app/command.h"
#include "app/format.h"
#include "base/json_writer.h"
#include "lyceum/import.h"
#include "lyceum/memory.h"

typedef struct data_options {
    lyc__common common;
    lyc_idx_files idx;
    const char *classes, *source, *licence, *out;
    bool force;
} data_options;

#define AT(member) offsetof(data_options, member)

static const lyc__option options[] = {
    {"train-images", 0, LYC__OPTION_TEXT, AT(idx.train_images), "FILE",
     "idx: images of the train part (required)", 0, 0},
    {"train-labels", 0, LYC__OPTION_TEXT, AT(idx.train_labels), "FILE", "idx: their labels (required)", 0, 0},
    {"test-images", 0, LYC__OPTION_TEXT, AT(idx.test_images), "FILE",
     "idx: images of the test part; without them nothing can be measured on `test`", 0, 0},
    {"test-labels", 0, LYC__OPTION_TEXT, AT(idx.test_labels), "FILE", "idx: their labels", 0, 0},
    {"output", 'o', LYC__OPTION_TEXT, AT(out), "FILE", "data-set file to write (required)", 0, 0},
    {"force", 'f', LYC__OPTION_FLAG, AT(force), NULL, "replace the file if it exists", 0, 0},
    {"classes", 0, LYC__OPTION_TEXT, AT(classes), "A,B,C",
     "names of the classes, in the order of the labels (default: 0 to 9)", 0, 0},
    {"source", 0, LYC__OPTION_TEXT, AT(source), "TEXT", "where the data comes from; kept in the file", 0, 0},
    {"licence", 0, LYC__OPTION_TEXT, AT(licence), "TEXT", "its licence; kept in the file", 0, 0},
    LYC__COMMON_JSON,
    LYC__COMMON_QUIET,
    LYC__COMMON_HELP,
};

static const lyc__usage usage = {
    .command = "data",
    .synopsis = "KIND --train-... FILE [--test-... FILE] -o FILE [options]",
    .summary = "make a data-set file from the files a data set comes in",
    .about = "Reads the files of a data set, checks them, and writes one HDF5 file with images, "
             "labels, the parts `train` and `test`, an id for each row, class names, mean and "
             "deviation, and a fingerprint of it all. The file is written under a temporary name "
             "and renamed: it is whole or not there.\n\n"
             "kinds\n"
             "  idx   the format of MNIST and its relatives, plain or gzipped: images\n"
             "        [N,H,W] or [N,C,H,W] of bytes, labels [N]",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .least_arguments = 1,
    .most_arguments = 1,
    .argument = "the kind of the files (idx)",
    .examples = "lyceum data idx --train-images train-images-idx3-ubyte.gz --train-labels "
                "train-labels-idx1-ubyte.gz \\\n"
                "    --test-images t10k-images-idx3-ubyte.gz --test-labels t10k-labels-idx1-ubyte.gz \\\n"
                "    --source 'Fashion-MNIST' --licence MIT -o data/fashion.h5",
    .configures = -1,
};

typedef struct kind {
    const char *name;
    lyc_status (*import)(const data_options *options, const lyc_import_options *import,
                         lyc_import_summary *out, lyc_error *err);
} kind;

static lyc_status import_idx(const data_options *o, const lyc_import_options *import, lyc_import_summary *out,
                             lyc_error *err) {
    if (!o->idx.train_images) LYC_FAIL(err, LYC_EUSAGE, "--train-images FILE is missing");
    if (!o->idx.train_labels) LYC_FAIL(err, LYC_EUSAGE, "--train-labels FILE is missing");
    if (!o->idx.test_images != !o->idx.test_labels)
        LYC_FAIL(err, LYC_EUSAGE, "--test-images and --test-labels belong together; give both or none");
    return lyc_data_import_idx(&o->idx, o->out, import, out, err);
}

static const kind kinds[] = {{"idx", import_idx}};
enum { KINDS = sizeof kinds / sizeof *kinds };

static lyc_status find_kind(const char *name, const kind **out, lyc_error *err) {
    const char *names[KINDS];
    for (size_t i = 0; i < KINDS; i++) {
        names[i] = kinds[i].name;
        *out = &kinds[i];
        if (strcmp(kinds[i].name, name) == 0) return LYC_OK;
    }
    return lyc__unknown_name("kind", name, names, KINDS, err);
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

static lyc_status print_json(const data_options *o, const lyc_import_summary *s, lyc_error *err) {
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

static lyc_status print_text(const data_options *o, const lyc_import_summary *s, lyc_error *err) {
    (void)err;
    char train[LYC__SHORT], test[LYC__SHORT];
    lyc__format_count(s->train_rows, train);
    lyc__format_count(s->test_rows, test);
    printf("%s: %s train and %s test images of %d x %d x %d, %d classes\n", o->out, train, test, s->channels,
           s->height, s->width, s->classes);
    return LYC_OK;
}

static lyc_status run(const data_options *o, lyc_error *err) {
    const kind *chosen = NULL;
    LYC_TRY(find_kind(o->common.arguments.items[0], &chosen, err));
    if (!o->out) LYC_FAIL(err, LYC_EUSAGE, "-o FILE, the file to write, is missing");
    lyc_import_options import = {.source = o->source, .licence = o->licence, .overwrite = o->force};
    char *copy = NULL;
    const char **names = NULL;
    lyc_import_summary summary;
    lyc_status status = LYC_OK;
    if (o->classes) LYC_TRY_GOTO(split_names(o->classes, &copy, &names, &import.class_count, err));
    import.class_names = names;
    LYC_TRY_GOTO(chosen->import(o, &import, &summary, err));
    lyc__terminal_stop();
    LYC_TRY_GOTO((o->common.json ? print_json : print_text)(o, &summary, err));
done:
    lyc_free(names);
    lyc_free(copy);
    return status;
}

int lyc__app_data(int argc, char **argv) {
    data_options o = {0};
    int code = LYC__EXIT_DONE;
    if (!lyc__begin(&usage, argc, argv, &o, &code)) return code;
    lyc_error err = {0};
    return run(&o, &err) == LYC_OK ? LYC__EXIT_DONE : lyc__failed(&usage, &err);
}
