/* `lyceum data idx` */
#include "app/data.h"

typedef struct idx_options {
    lyc__data_common common;
    lyc_idx_files files;
} idx_options;

#define AT(member) offsetof(idx_options, files.member)

static const lyc__option options[] = {
    {"train-images", 0, LYC__OPTION_TEXT, AT(train_images), "FILE", "images of the train part (required)", 0,
     0},
    {"train-labels", 0, LYC__OPTION_TEXT, AT(train_labels), "FILE", "their labels (required)", 0, 0},
    {"test-images", 0, LYC__OPTION_TEXT, AT(test_images), "FILE",
     "images of the test part; without them nothing can be measured on `test`", 0, 0},
    {"test-labels", 0, LYC__OPTION_TEXT, AT(test_labels), "FILE", "their labels", 0, 0},
    LYC__DATA_CLASSES("names of the classes, in the order of the labels (default: 0 to 9)"),
    LYC__DATA_COMMON,
};

static const lyc__usage usage = {
    .command = "data idx",
    .synopsis = "--train-images FILE --train-labels FILE [--test-... FILE] -o FILE [options]",
    .summary = "make a data-set file from idx files",
    .about = "Reads the format of MNIST and its relatives, plain or gzipped: images [N,H,W] or [N,C,H,W] of "
             "bytes, labels [N].",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .examples = "lyceum data idx --train-images train-images-idx3-ubyte.gz --train-labels "
                "train-labels-idx1-ubyte.gz \\\n"
                "    --test-images t10k-images-idx3-ubyte.gz --test-labels t10k-labels-idx1-ubyte.gz \\\n"
                "    --source 'Fashion-MNIST' --licence MIT -o data/fashion.h5",
    .configures = -1,
};

static lyc_status import(const void *target, const lyc_import_options *import_options,
                         lyc_import_summary *out, lyc_error *err) {
    const idx_options *o = target;
    if (!o->files.train_images) LYC_FAIL(err, LYC_EUSAGE, "--train-images FILE is missing");
    if (!o->files.train_labels) LYC_FAIL(err, LYC_EUSAGE, "--train-labels FILE is missing");
    if (!o->files.test_images != !o->files.test_labels)
        LYC_FAIL(err, LYC_EUSAGE, "--test-images and --test-labels belong together; give both or none");
    return lyc_data_import_idx(&o->files, o->common.out, import_options, out, err);
}

const lyc__data_kind lyc__data_idx = {"idx", "MNIST's format: images and labels in files of their own",
                                      &usage, sizeof(idx_options), import};
