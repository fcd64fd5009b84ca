/* `lyceum data csv` */
#include <stdio.h>
#include <string.h>

#include "app/data.h"

typedef struct csv_options {
    lyc__data_parts parts;
    const char *label, *header, *delimiter, *shape;
    bool unlabelled;
} csv_options;

#define AT(member) offsetof(csv_options, member)

static const lyc__option options[] = {
    LYC__DATA_TRAIN("FILE", "rows of the train part; repeat it for several files (required)"),
    LYC__DATA_TEST("FILE", "rows of the test part; without them nothing can be measured on `test`"),
    {"label-column", 0, LYC__OPTION_TEXT, AT(label), "NAME|N",
     "the column that holds the class: its name in the header, its number from 0, or -1 for the last "
     "(default)",
     0, 0},
    {"unlabelled", 0, LYC__OPTION_FLAG, AT(unlabelled), NULL, "no column holds a class; needs --classes", 0,
     0},
    {"shape", 0, LYC__OPTION_TEXT, AT(shape), "C,H,W",
     "the features of a row are an image of C channels, plane by plane (default: a flat list)", 0, 0},
    {"header", 0, LYC__OPTION_TEXT, AT(header), "yes|no|auto",
     "whether the first line names the columns (default: auto, which looks for a word where a number should "
     "be)",
     0, 0},
    {"delimiter", 0, LYC__OPTION_TEXT, AT(delimiter), "C",
     "what stands between fields: one character, or `tab` (default: a comma)", 0, 0},
    LYC__DATA_CLASSES(
        "names of the classes: a label is a name, or else its number from 0 (default: the labels)"),
    LYC__DATA_COMMON,
};

static const lyc__usage usage = {
    .command = "data csv",
    .synopsis = "--train FILE [--test FILE] -o FILE [options]",
    .summary = "make a data-set file from CSV files of numbers",
    .about =
        "Reads text files with one row a sample, plain or gzipped: one column is the class, every other one "
        "a feature. Quoted fields, a byte-order mark and either line end are fine; an empty class means "
        "that the row has no label. Features that are all whole numbers from 0 to 255 are kept as bytes, "
        "as pixels are; others as 32-bit floats.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .examples =
        "lyceum data csv --train iris.csv --label-column species -o data/iris.h5\n"
        "lyceum data csv --train mnist_train.csv --test mnist_test.csv --label-column 0 --shape 1,28,28 "
        "-o data/mnist.h5",
    .configures = -1,
};

static lyc_status take_header(const char *text, lyc_csv_header *out, lyc_error *err) {
    static const char *const names[] = {
        [LYC_CSV_HEADER_AUTO] = "auto", [LYC_CSV_HEADER_PRESENT] = "yes", [LYC_CSV_HEADER_ABSENT] = "no"};
    enum { NAMES = sizeof names / sizeof *names };
    for (int i = 0; i < NAMES; i++)
        if (strcmp(names[i], text) == 0) {
            *out = (lyc_csv_header)i;
            return LYC_OK;
        }
    return lyc__unknown_name("--header", text, names, NAMES, err);
}

static lyc_status take_options(const csv_options *o, lyc_csv_options *out, lyc_error *err) {
    *out = (lyc_csv_options){.label = o->label, .unlabelled = o->unlabelled};
    if (o->header) LYC_TRY(take_header(o->header, &out->header, err));
    if (o->delimiter) {
        out->delimiter = strcmp(o->delimiter, "tab") == 0 ? '\t' : o->delimiter[0];
        if (out->delimiter != '\t' && o->delimiter[1])
            LYC_FAIL(err, LYC_EUSAGE, "--delimiter takes one character or `tab`, not \"%s\"", o->delimiter);
    }
    int end = 0;
    if (o->shape &&
        (sscanf(o->shape, "%5d,%5d,%5d%n", &out->channels, &out->height, &out->width, &end) != 3 ||
         o->shape[end] || out->channels < 1 || out->height < 1 || out->width < 1))
        LYC_FAIL(err, LYC_EUSAGE, "--shape takes channels, height and width as 3,32,32, not \"%s\"",
                 o->shape);
    if (o->unlabelled && o->label)
        LYC_FAIL(err, LYC_EUSAGE, "--label-column and --unlabelled contradict each other; give one of them");
    if (o->unlabelled && !o->parts.common.classes)
        LYC_FAIL(err, LYC_EUSAGE, "--unlabelled needs --classes A,B,C: nothing else tells what there is");
    return LYC_OK;
}

static lyc_status import(const void *target, const lyc_import_options *import_options,
                         lyc_import_summary *out, lyc_error *err) {
    const csv_options *o = target;
    lyc_import_parts files;
    lyc_csv_options csv;
    LYC_TRY(take_options(o, &csv, err));
    LYC_TRY(lyc__data_take_parts(&o->parts, &files, err));
    return lyc_data_import_csv(&files, &csv, o->parts.common.out, import_options, out, err);
}

const lyc__data_kind lyc__data_csv = {"csv", "tables of numbers", &usage, sizeof(csv_options), import};
