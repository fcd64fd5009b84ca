/* The kinds of `lyceum data KIND`: one file (data_<kind>.c) with one table of options, and one row in data.c.
 */
#ifndef LYCEUM_APP_DATA_H
#define LYCEUM_APP_DATA_H

#include "app/command.h"
#include "lyceum/import.h"

/* First member of every kind's structure of options. */
typedef struct lyc__data_common {
    lyc__common common;
    const char *out, *classes, *source, *licence;
    bool force;
} lyc__data_common;

/* For kinds that read a list of files or folders for each part. */
typedef struct lyc__data_parts {
    lyc__data_common common;
    lyc__texts train, test;
} lyc__data_parts;

typedef struct lyc__data_kind {
    const char *name, *summary;
    const lyc__usage *usage;
    size_t size; /* of the structure of options */
    lyc_status (*import)(const void *options, const lyc_import_options *import, lyc_import_summary *out,
                         lyc_error *err);
} lyc__data_kind;

extern const lyc__data_kind lyc__data_idx, lyc__data_cifar, lyc__data_csv, lyc__data_images;

/* LYC_EUSAGE without --train; what the library wants to know of the two lists. */
LYC_MUST_USE lyc_status lyc__data_take_parts(const lyc__data_parts *options, lyc_import_parts *out,
                                             lyc_error *err);

/* clang-format off */
#define LYC__DATA_OPTION(name, letter, member, placeholder, doc)                                             \
    {name, letter, LYC__OPTION_TEXT, offsetof(lyc__data_common, member), placeholder, doc, 0, 0}
#define LYC__DATA_TRAIN(placeholder, doc)                                                                    \
    {"train", 0, LYC__OPTION_LIST, offsetof(lyc__data_parts, train), placeholder, doc, 0, 0}
#define LYC__DATA_TEST(placeholder, doc)                                                                     \
    {"test", 0, LYC__OPTION_LIST, offsetof(lyc__data_parts, test), placeholder, doc, 0, 0}
#define LYC__DATA_CLASSES(doc) LYC__DATA_OPTION("classes", 0, classes, "A,B,C", doc)
#define LYC__DATA_COMMON                                                                                     \
    LYC__DATA_OPTION("output", 'o', out, "FILE", "data-set file to write (required)"),                       \
    {"force", 'f', LYC__OPTION_FLAG, offsetof(lyc__data_common, force), NULL,                                \
     "replace the file if it exists", 0, 0},                                                                 \
    LYC__DATA_OPTION("source", 0, source, "TEXT", "where the data comes from; kept in the file"),            \
    LYC__DATA_OPTION("licence", 0, licence, "TEXT", "its licence; kept in the file"),                        \
    LYC__COMMON_JSON, LYC__COMMON_QUIET, LYC__COMMON_HELP
/* clang-format on */

#endif
