/* `lyceum data cifar` */
#include <string.h>

#include "app/data.h"

typedef struct cifar_options {
    lyc__data_parts parts;
    const char *labels;
} cifar_options;

static const lyc__option options[] = {
    LYC__DATA_TRAIN("FILE", "records of the train part; repeat it for several files (required)"),
    LYC__DATA_TEST("FILE", "records of the test part; without them nothing can be measured on `test`"),
    {"labels", 0, LYC__OPTION_TEXT, offsetof(cifar_options, labels), "KIND",
     "what stands in front of the pixels: cifar10 (one byte, the default), cifar100 (two bytes, of which the "
     "second, the fine class, is taken) or cifar100-coarse (the first is)",
     0, 0},
    LYC__DATA_CLASSES("names of the classes, in the order of the labels (default: their numbers)"),
    LYC__DATA_COMMON,
};

static const lyc__usage usage = {
    .command = "data cifar",
    .synopsis = "--train FILE [--train FILE]... [--test FILE] -o FILE [options]",
    .summary = "make a data-set file from CIFAR's binary records",
    .about =
        "Reads the \"binary version\" of CIFAR-10 and CIFAR-100, plain or gzipped. A record is one label "
        "byte (CIFAR-100: the coarse class, then the fine one) and 3,072 pixels: 32 x 32 red ones, then "
        "green, then blue. The files have no header, so any set of that form can be read.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .examples =
        "lyceum data cifar --train data_batch_1.bin --train data_batch_2.bin --test test_batch.bin \\\n"
        "    --classes airplane,automobile,bird,cat,deer,dog,frog,horse,ship,truck -o data/cifar10.h5\n"
        "lyceum data cifar --labels cifar100 --train train.bin --test test.bin -o data/cifar100.h5",
    .configures = -1,
};

static lyc_status import(const void *target, const lyc_import_options *import_options,
                         lyc_import_summary *out, lyc_error *err) {
    static const char *const names[] = {[LYC_CIFAR10] = "cifar10",
                                        [LYC_CIFAR100_FINE] = "cifar100",
                                        [LYC_CIFAR100_COARSE] = "cifar100-coarse"};
    enum { NAMES = sizeof names / sizeof *names };
    const cifar_options *o = target;
    lyc_import_parts files;
    int labels = 0;
    while (o->labels && labels < NAMES && strcmp(names[labels], o->labels) != 0) labels++;
    if (labels == NAMES) return lyc__unknown_name("--labels", o->labels, names, NAMES, err);
    LYC_TRY(lyc__data_take_parts(&o->parts, &files, err));
    return lyc_data_import_cifar(&files, (lyc_cifar_labels)labels, o->parts.common.out, import_options, out,
                                 err);
}

const lyc__data_kind lyc__data_cifar = {"cifar", "binary records of CIFAR-10 and CIFAR-100", &usage,
                                        sizeof(cifar_options), import};
