/* A data set in memory: images, labels, identities. Read-only after opening, so thread-safe.
 *
 *     lyc_dataset *data;
 *     if (lyc_dataset_open(&data, "fashion.h5", &err) != LYC_OK) return report(&err);
 *     lyc_splits *splits;
 *     lyc_split_options options = {.reward_fraction = 0.05, .valid_fraction = 0.05};
 *     status = lyc_splits_create(&splits, data, &options, &err);
 *
 * The file is HDF5 and made by lyceum/import.h or by hand, for instance with h5py: docs/files.md has its
 * layout and what may be left out. /x u8 or floats [N,C,H,W] (PyTorch's order), /y integers [N] (-1 = no
 * label), /split [N] (0 = train part, 1 = test part, as the source delivered it), /id [N] (unique).
 *
 * A *row* is an index 0..N-1 in the file; an *id* is the value in /id. Banks and batches speak of rows
 * and check ids.
 */
#ifndef LYCEUM_DATASET_H
#define LYCEUM_DATASET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lyceum/error.h"

LYC_BEGIN_DECLS

#define LYC_FINGERPRINT_SIZE 33 /* 32 hex digits and the terminator */
#define LYC_UNLABELLED       (-1)

typedef enum lyc_split {
    LYC_SPLIT_TRAIN,
    LYC_SPLIT_REWARD,
    LYC_SPLIT_VALID,
    LYC_SPLIT_TEST,
    LYC_SPLIT_COUNT
} lyc_split;
LYC_API const char *lyc_split_name(lyc_split split); /* "train", "reward", "valid", "test" */

typedef struct lyc_dataset lyc_dataset;

/* Reads the whole file and checks all of it: sizes and types, finite values, labels below the number of
 * classes, unique ids, and the content against the fingerprint that the file states. LYC_EIO: no such file, a
 * directory. LYC_EFORMAT: anything wrong inside, with the row or attribute at fault. LYC_ENOMEM: larger than
 * memory. */
LYC_API LYC_MUST_USE lyc_status lyc_dataset_open(lyc_dataset **out, const char *path, lyc_error *err);
LYC_API void lyc_dataset_close(lyc_dataset *data); /* NULL is fine */

/* What getters return is borrowed until the data set is closed. */
LYC_API const char *lyc_dataset_path(const lyc_dataset *data);
LYC_API size_t lyc_dataset_rows(const lyc_dataset *data);
LYC_API int lyc_dataset_classes(const lyc_dataset *data);
LYC_API const char *lyc_dataset_class_name(const lyc_dataset *data, int class_index);
/* XXH3-128 over shape, type, number of classes, /x, /y, /split, /id, mean and std: 32 hex digits. */
LYC_API const char *lyc_dataset_fingerprint(const lyc_dataset *data);
LYC_API void lyc_dataset_shape(const lyc_dataset *data, int *channels, int *height, int *width);
/* [channels], of x scaled to 0..1: as the file states, else computed over its train part. std is above 0. */
LYC_API const float *lyc_dataset_mean(const lyc_dataset *data);
LYC_API const float *lyc_dataset_std(const lyc_dataset *data);
LYC_API const int32_t *lyc_dataset_labels(const lyc_dataset *data); /* [rows], LYC_UNLABELLED or class */
LYC_API const uint64_t *lyc_dataset_ids(const lyc_dataset *data);   /* [rows] */
LYC_API const uint8_t *lyc_dataset_parts(const lyc_dataset *data);  /* [rows], 0 train part, 1 test part */
/* XXH3-64 of one row of /x, channel by channel as in the file: bytes for u8, 32-bit floats for floats of any
 * width (numpy and xxhash: xxh3_64_intdigest(x[row].tobytes())). Recorded logits prove with it which sample they
 * answer for. */
LYC_API uint64_t lyc_dataset_row_checksum(const lyc_dataset *data, size_t row);

/* How pixels become network input: x/255 (u8) or x (f32), then (x - mean[c]) / std[c]. Part of a
 * teacher's fingerprint: every network carries its own. */
typedef struct lyc_preprocess {
    int channels;
    float mean[16], std[16];
} lyc_preprocess;
LYC_API void lyc_preprocess_of(const lyc_dataset *data, lyc_preprocess *out); /* the data set's own */

/* Augmentation: a pure function of (seed, recipe, view, row id), and no function of the training seed, of the
 * number of views or of the rows beside it. View 0 is always the clean sample. The image is mirrored first,
 * then moved, then a square is cut out.
 *
 * `shift` is what others call a random crop after zero-padding by as many pixels. `cutout` is the side of a
 * square (DeVries and Taylor 2017, "Improved regularization of convolutional neural networks with cutout") whose
 * middle is a uniformly drawn pixel, so that it may hang over the border; inside it the network's input is 0,
 * which is the mean that its preprocessing subtracts. */
typedef struct lyc_view_recipe {
    int views; /* how many different views exist; 1 = only the clean one */
    int shift; /* up to this many pixels in each direction, zero (before normalisation) outside */
    bool flip; /* mirror left-right with probability 1/2 */
    int cutout; /* side of the square that is cut out, in pixels; 0 = none */
    uint64_t seed;
} lyc_view_recipe;
#define LYC_VIEW_KEY_SIZE 96
/* "shift=2 flip=1 seed=0", "shift=2 flip=1 cutout=8 seed=0": the recipe as it enters a bank's key (without the
 * count of views). What cuts nothing out has the key that it had before there was a cutout. */
LYC_API void lyc_view_key(const lyc_view_recipe *recipe, char out[LYC_VIEW_KEY_SIZE]);
/* Do views leave something of these images? LYC_ECONFIG where they are moved or cut out as a whole. */
LYC_API LYC_MUST_USE lyc_status lyc_view_check(const lyc_view_recipe *recipe, const lyc_dataset *data, lyc_error *err);

/* Writes rows `rows[count]` in view `view` as NHWC floats, out[count * H*W*C]. A row has the same bits in
 * every call. `preprocess` has the data set's channels; `recipe` may be NULL (clean). Any thread; allocates
 * nothing. */
LYC_API void lyc_dataset_fill(const lyc_dataset *data, const lyc_preprocess *preprocess,
                              const lyc_view_recipe *recipe, int view, const uint32_t *rows, size_t count,
                              float *out);

/* ---- splits ------------------------------------------------------------------------------------ */

typedef struct lyc_split_options {
    double reward_fraction, valid_fraction; /* of the labelled rows of the train part; together below 1 */
    uint64_t seed;                          /* belongs to the data, not to the training seed */
    int64_t train_rows;          /* train on exactly this many labelled rows, chosen like those that `labelled`
                                    keeps, and leave all others out; 0 = all */
    int64_t labelled;            /* keep exactly this many labels of `train`, stratified, at least one a
                                    class; 0 = all */
    bool train_on_reward;        /* the rows of `reward` are rows of `train` as well, with their labels */
    bool strict;                 /* duplicates are errors */
    const int32_t *only_classes; /* train on rows of these classes only (as class_order reads them);
                                    filters train, reward and valid; test stays whole. NULL = all */
    size_t only_class_count;
    const int32_t *class_order; /* a permutation: label y is read as class_order[y]; NULL = as is.
                                   Applies to train, reward, valid and test alike */
    size_t class_order_count;
} lyc_split_options;

/* Four disjoint lists of rows (but for train_on_reward). The train part of the file is cut (stratified by class) into train,
 * reward and valid; the test part is test. Rows of equal content go to one split; rows of the train
 * part that equal a test row are dropped. Rows without a label stay in train, and each class keeps at least
 * one row there.
 *
 * Which row goes where depends on the file, the fractions and the seed alone: the class filter, the class
 * order, `train_rows` and `labelled` come after the cut. So a teacher that was made with a filter learned from no row that
 * another run holds out, as long as fractions and seed are the same. */
typedef struct lyc_splits {
    uint32_t *rows[LYC_SPLIT_COUNT]; /* ascending */
    uint32_t count[LYC_SPLIT_COUNT]; /* of test it may be 0, which logs a warning */
    int32_t *labels;   /* [dataset rows]: what the student may see: LYC_UNLABELLED where withheld, and for
                          rows that are in no split */
    uint32_t labelled; /* rows of train that keep their label */
    uint32_t duplicates_grouped; /* train-part rows whose content equals another train-part row */
    uint32_t duplicates_dropped; /* train-part rows dropped because they equal a test row */
} lyc_splits;

/* LYC_ECONFIG names the key (data.reward_fraction ...): fractions, class lists, `train_rows` or `labelled` that are not
 * possible, an empty train, reward or valid split. LYC_EFORMAT: duplicates where `strict` is set, with their
 * numbers and the first pair. A reward or valid split under 200 rows logs a warning; duplicates are logged.
 */
LYC_API LYC_MUST_USE lyc_status lyc_splits_create(lyc_splits **out, const lyc_dataset *data,
                                                  const lyc_split_options *options, lyc_error *err);
LYC_API void lyc_splits_destroy(lyc_splits *splits); /* NULL is fine */

/* ---- batches ----------------------------------------------------------------------------------- */

/* The sampler: batch `step` of epoch `epoch` is a pure function of (seed, epoch, step); every row comes once
 * an epoch. The view is epoch % views, whatever the seed. The last batch of an epoch may be smaller; a step
 * past the end gives an empty one. Not thread-safe (it keeps the permutation of the last epoch asked for);
 * make one per thread that needs one. LYC_ECONFIG: no rows, a batch of 0, no view. */
typedef struct lyc_sampler lyc_sampler;
typedef struct lyc_batch {
    uint32_t epoch, step; /* step within the epoch */
    int view;
    uint32_t count;
    const uint32_t *rows; /* [count], rows of the data set; borrowed until the next call */
} lyc_batch;

LYC_API LYC_MUST_USE lyc_status lyc_sampler_create(lyc_sampler **out, const uint32_t *rows, uint32_t count,
                                                   uint32_t batch, int views, uint64_t seed, lyc_error *err);
LYC_API void lyc_sampler_destroy(lyc_sampler *sampler);         /* NULL is fine */
LYC_API uint32_t lyc_sampler_steps(const lyc_sampler *sampler); /* batches in an epoch */
LYC_API void lyc_sampler_batch(lyc_sampler *sampler, uint32_t epoch, uint32_t step, lyc_batch *out);

LYC_END_DECLS

#endif
