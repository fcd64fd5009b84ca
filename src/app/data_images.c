/* `lyceum data images` */
#include "app/data.h"

typedef struct images_options {
    lyc__data_parts parts;
    int64_t channels;
} images_options;

static const lyc__option options[] = {
    LYC__DATA_TRAIN("DIR", "the train part: a folder with one folder a class in it (required)"),
    LYC__DATA_TEST("DIR", "the test part, likewise; without it nothing can be measured on `test`"),
    {"channels", 0, LYC__OPTION_COUNT, offsetof(images_options, channels), "1|3",
     "turn all images into grey (1) or colour (3) ones (default: as the first is, and all must be alike)", 1,
     3},
    LYC__DATA_CLASSES("names of the folders, in the order of the labels (default: sorted)"),
    LYC__DATA_COMMON,
};

static const lyc__usage usage = {
    .command = "data images",
    .synopsis = "--train DIR [--test DIR] -o FILE [options]",
    .summary = "make a data-set file from folders of images",
    .about = "Reads DIR/CLASS/*.png, *.jpg and *.jpeg: each folder is a class, each file in it a sample. All "
             "images must have one size; the first one that differs or is damaged is named.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .examples = "lyceum data images --train photos/train --test photos/test -o data/photos.h5\n"
                "lyceum data images --train scans --channels 1 --classes cat,dog -o data/scans.h5\n"
                "# one size for all, for instance: mogrify -resize '32x32!' photos/*/*/*.jpg",
    .configures = -1,
};

static lyc_status import(const void *target, const lyc_import_options *import_options,
                         lyc_import_summary *out, lyc_error *err) {
    const images_options *o = target;
    lyc_import_parts folders;
    LYC_TRY(lyc__data_take_parts(&o->parts, &folders, err));
    return lyc_data_import_images(&folders, (int)o->channels, o->parts.common.out, import_options, out, err);
}

const lyc__data_kind lyc__data_images = {"images", "PNG and JPEG files, one folder a class", &usage,
                                         sizeof(images_options), import};
