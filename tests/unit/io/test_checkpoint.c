/* Checkpoints: what comes back, what is refused, what survives torn files, kills and a full disk. */
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cmocka.h>
#include <hdf5.h>

#include "hdf5_leaks.h"
#include "io/hdf5_util.h"
#include "lyceum/checkpoint.h"
#include "lyceum/memory.h"
#include "scratch.h"

#define PARAMS 5000

/* One array of each type, and what a run of its own would require. */
typedef struct world {
    float params[PARAMS];
    double moments[7];
    int32_t i32[3];
    uint32_t u32[3];
    int64_t i64[2];
    uint64_t u64[2];
    uint8_t u8[5];
    lyc_state *state;
} world;

static void fill(world *w, unsigned seed) {
    for (size_t i = 0; i < PARAMS; i++) w->params[i] = sinf((float)(i + seed));
    for (size_t i = 0; i < 7; i++) w->moments[i] = cos((double)(i + seed)) * 1e-300;
    for (size_t i = 0; i < 3; i++)
        w->i32[i] = -(int32_t)(i + seed), w->u32[i] = 0xffffff00u + (uint32_t)i + seed;
    for (size_t i = 0; i < 2; i++) w->i64[i] = INT64_MIN + (int64_t)seed, w->u64[i] = UINT64_MAX - seed;
    for (size_t i = 0; i < 5; i++) w->u8[i] = (uint8_t)(250 + i + seed);
}

static void register_world(world *w) {
    lyc_error err = {0};
    assert_int_equal(lyc_state_create(&w->state, &err), LYC_OK);
    assert_int_equal(lyc_state_add(w->state, "student/params", LYC_TYPE_F32, w->params, PARAMS, &err),
                     LYC_OK);
    assert_int_equal(lyc_state_add(w->state, "student/optimizer/moments", LYC_TYPE_F64, w->moments, 7, &err),
                     LYC_OK);
    assert_int_equal(lyc_state_add(w->state, "agent/i32", LYC_TYPE_I32, w->i32, 3, &err), LYC_OK);
    assert_int_equal(lyc_state_add(w->state, "agent/u32", LYC_TYPE_U32, w->u32, 3, &err), LYC_OK);
    assert_int_equal(lyc_state_add(w->state, "cursor/i64", LYC_TYPE_I64, w->i64, 2, &err), LYC_OK);
    assert_int_equal(lyc_state_add(w->state, "cursor/u64", LYC_TYPE_U64, w->u64, 2, &err), LYC_OK);
    assert_int_equal(lyc_state_add(w->state, "cursor/u8", LYC_TYPE_U8, w->u8, 5, &err), LYC_OK);
    assert_int_equal(lyc_state_add(w->state, "agent/nothing", LYC_TYPE_F32, NULL, 0, &err), LYC_OK);
}

static world *make_world(unsigned seed) {
    world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    fill(w, seed);
    register_world(w);
    return w;
}

static void drop_world(world *w) {
    lyc_state_destroy(w->state);
    free(w);
}

static bool same(const world *a, const world *b) {
    return memcmp(a->params, b->params, sizeof a->params) == 0 &&
           memcmp(a->moments, b->moments, sizeof a->moments) == 0 &&
           memcmp(a->i32, b->i32, sizeof a->i32) == 0 && memcmp(a->u32, b->u32, sizeof a->u32) == 0 &&
           memcmp(a->i64, b->i64, sizeof a->i64) == 0 && memcmp(a->u64, b->u64, sizeof a->u64) == 0 &&
           memcmp(a->u8, b->u8, sizeof a->u8) == 0;
}

static void save(const world *w, uint64_t step, int keep) {
    lyc_error err = {0};
    if (lyc_checkpoint_save(w->state, scratch_directory, step, keep, &err) != LYC_OK)
        fail_msg("%s", err.message);
}

static void comes_back(void **state) {
    (void)state;
    world *written = make_world(1), *read = make_world(2);
    written->params[3] = NAN;
    written->params[4] = -0.0f;
    memcpy(&written->params[5], &(uint32_t){0x7fa00001}, 4); /* a signalling NaN with a payload */
    lyc_error err = {0};
    const char *path = scratch_path("state.h5");
    assert_int_equal(lyc_state_save(written->state, path, &err), LYC_OK);
    assert_int_equal(lyc_state_load(read->state, path, &err), LYC_OK);
    assert_true(same(written, read));
    assert_false(scratch_has("state.h5.tmp"));
    drop_world(written);
    drop_world(read);
}

static void carries_the_step(void **state) {
    (void)state;
    world *written = make_world(1), *read = make_world(2);
    save(written, 1234, 0);
    assert_true(scratch_has("checkpoints/step-000001234.h5"));
    save(written, UINT64_C(123456789012), 0);
    int found = 0;
    uint64_t step = 0;
    lyc_error err = {0};
    assert_int_equal(lyc_checkpoint_load(read->state, scratch_directory, &found, &step, &err), LYC_OK);
    assert_int_equal(found, 1);
    assert_int_equal(step, UINT64_C(123456789012));
    assert_true(same(written, read));
    assert_string_equal(scratch_warnings, "");
    drop_world(written);
    drop_world(read);
}

static void nothing_there(void **state) {
    (void)state;
    world *w = make_world(1);
    int found = 7;
    uint64_t step = 0;
    lyc_error err = {0};
    assert_int_equal(lyc_checkpoint_load(w->state, scratch_directory, &found, &step, &err), LYC_OK);
    assert_int_equal(found, 0);
    drop_world(w);
}

/* ---- what is refused ------------------------------------------------------------------------------ */

/* Loads the file into a state of one array (and a text), which must fail with `status`, name `word` and touch
 * nothing. */
static void refuses_array(const char *path, const char *name, lyc_type type, size_t count, const char *word) {
    uint64_t data[8] = {11, 12, 13, 14, 15, 16, 17, 18}, before[8];
    memcpy(before, data, sizeof data);
    lyc_state *state;
    lyc_error err = {0};
    assert_int_equal(lyc_state_create(&state, &err), LYC_OK);
    assert_int_equal(lyc_state_add(state, "a/first", LYC_TYPE_U64, data, 1, &err), LYC_OK);
    assert_int_equal(lyc_state_add(state, name, type, data + 1, count, &err), LYC_OK);
    assert_int_equal(lyc_state_load(state, path, &err), LYC_EMISMATCH);
    assert_non_null(strstr(err.message, path));
    assert_non_null(strstr(err.message, word));
    assert_memory_equal(data, before, sizeof data);
    lyc_state_destroy(state);
}

static void other_arrays(void **state) {
    (void)state;
    uint64_t first = 1;
    uint32_t numbers[4] = {1, 2, 3, 4};
    lyc_state *small;
    lyc_error err = {0};
    const char *path = scratch_path("small.h5");
    assert_int_equal(lyc_state_create(&small, &err), LYC_OK);
    assert_int_equal(lyc_state_add(small, "a/first", LYC_TYPE_U64, &first, 1, &err), LYC_OK);
    assert_int_equal(lyc_state_add(small, "b/numbers", LYC_TYPE_U32, numbers, 4, &err), LYC_OK);
    assert_int_equal(lyc_state_save(small, path, &err), LYC_OK);
    refuses_array(path, "b/other", LYC_TYPE_U32, 4, "'b/other'");
    refuses_array(path, "b/numbers", LYC_TYPE_U32, 3, "4 numbers of type u32 there, 3 of type u32");
    refuses_array(path, "b/numbers", LYC_TYPE_I32, 4, "of type i32");
    lyc_state_destroy(small);

    assert_int_equal(lyc_state_create(&small, &err), LYC_OK);
    assert_int_equal(lyc_state_add(small, "a/first", LYC_TYPE_U64, &first, 1, &err), LYC_OK);
    assert_int_equal(lyc_state_load(small, path, &err), LYC_EMISMATCH);
    assert_non_null(strstr(err.message, "holds 'b/numbers', which this run has not"));
    lyc_state_destroy(small);
}

static lyc_status text_load(const char *path, const char *save_as, const char *load_as, lyc_error *err) {
    lyc_state *texts;
    uint32_t number = 1;
    assert_int_equal(lyc_state_create(&texts, err), LYC_OK);
    assert_int_equal(lyc_state_add(texts, "n", LYC_TYPE_U32, &number, 1, err), LYC_OK);
    const char *value = save_as != NULL ? save_as : load_as;
    assert_int_equal(
        lyc_state_require(texts, "data/fingerprint", value, "give the data set of that run", err), LYC_OK);
    lyc_status status = save_as != NULL ? lyc_state_save(texts, path, err) : lyc_state_load(texts, path, err);
    lyc_state_destroy(texts);
    return status;
}

static void other_texts(void **state) {
    (void)state;
    const char *path = scratch_path("texts.h5");
    lyc_error err = {0};
    assert_int_equal(text_load(path, "abc", NULL, &err), LYC_OK);
    assert_int_equal(text_load(path, NULL, "abc", &err), LYC_OK);
    assert_int_equal(text_load(path, NULL, "abd", &err), LYC_EMISMATCH);
    assert_non_null(strstr(err.message, "data/fingerprint differs: 'abc' in the checkpoint, 'abd' now"));
    assert_non_null(strstr(err.message, "give the data set of that run"));
    assert_int_equal(text_load(path, NULL, "ab", &err), LYC_EMISMATCH);
    assert_int_equal(text_load(path, "", NULL, &err), LYC_OK);
    assert_int_equal(text_load(path, NULL, "", &err), LYC_OK);
    assert_int_equal(text_load(path, NULL, "x", &err), LYC_EMISMATCH);

    /* Of several lines the one that differs. */
    assert_int_equal(text_load(path, "{\n  \"batch\": 8,\n  \"epochs\": 60,\n}", NULL, &err), LYC_OK);
    assert_int_equal(text_load(path, NULL, "{\n  \"batch\": 8,\n  \"epochs\": 61,\n}", &err), LYC_EMISMATCH);
    assert_non_null(
        strstr(err.message, "differs: '\"epochs\": 60,' in the checkpoint, '\"epochs\": 61,' now"));

    /* A long one: the message shows where they part, not 200 kB. */
    static char a[200001], b[200001];
    memset(a, 'x', sizeof a - 1);
    memset(b, 'x', sizeof b - 1);
    memcpy(b + 150000, "DIFFERENT", 9);
    assert_int_equal(text_load(path, a, NULL, &err), LYC_OK);
    assert_int_equal(text_load(path, NULL, a, &err), LYC_OK);
    assert_int_equal(text_load(path, NULL, b, &err), LYC_EMISMATCH);
    assert_non_null(strstr(err.message, "DIFFERENT"));
    assert_true(strlen(err.message) < 600);
}

static void missing_text(void **state) {
    (void)state;
    uint32_t number = 1;
    lyc_state *without;
    lyc_error err = {0};
    const char *path = scratch_path("without.h5");
    assert_int_equal(lyc_state_create(&without, &err), LYC_OK);
    assert_int_equal(lyc_state_add(without, "n", LYC_TYPE_U32, &number, 1, &err), LYC_OK);
    assert_int_equal(lyc_state_save(without, path, &err), LYC_OK);
    lyc_state_destroy(without);
    assert_int_equal(text_load(path, NULL, "abc", &err), LYC_EMISMATCH);
    assert_non_null(strstr(err.message, "holds no 'data/fingerprint'"));
}

static void bad_names(void **state) {
    (void)state;
    static const char *const bad[] = {"",       "/a",      "a/",        "a//b", ".",
                                      "a/../b", "require", "require/x", "b",    "b/c/d"};
    lyc_state *list;
    lyc_error err = {0};
    uint8_t byte = 0;
    assert_int_equal(lyc_state_create(&list, &err), LYC_OK);
    assert_int_equal(lyc_state_add(list, "b/c", LYC_TYPE_U8, &byte, 1, &err), LYC_OK);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(lyc_state_add(list, bad[i], LYC_TYPE_U8, &byte, 1, &err), LYC_EINTERNAL);
    assert_int_equal(lyc_state_add(list, "b/c", LYC_TYPE_U8, &byte, 1, &err), LYC_EINTERNAL);
    assert_int_equal(lyc_state_add(list, "b/cd", LYC_TYPE_U8, &byte, 1, &err), LYC_OK);
    assert_int_equal(lyc_state_add(list, "null", LYC_TYPE_U8, NULL, 1, &err), LYC_EINTERNAL);
    assert_int_equal(lyc_state_require(list, "x", "", "", &err), LYC_OK);
    assert_int_equal(lyc_state_require(list, "x", "", "", &err), LYC_EINTERNAL);
    assert_int_equal(lyc_state_require(list, "../x", "", "", &err), LYC_EINTERNAL);
    lyc_state_destroy(list);
}

/* ---- damage --------------------------------------------------------------------------------------- */

/* Whatever is done to the bytes: either the old content or an error, and an error touches nothing. */
static void check_damaged(const unsigned char *bytes, size_t size, const world *written,
                          const world *untouched, size_t *refused) {
    world *read = make_world(2);
    lyc_error err = {0};
    assert_true(scratch_write("damaged.h5", bytes, size));
    lyc_status status = lyc_state_load(read->state, scratch_path("damaged.h5"), &err);
    if (status == LYC_OK) {
        assert_true(same(read, written));
    } else {
        assert_true(status == LYC_EFORMAT || status == LYC_EIO);
        assert_non_null(strstr(err.message, "damaged.h5"));
        assert_true(same(read, untouched));
        ++*refused;
    }
    assert_int_equal(H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL), 0);
    drop_world(read);
}

static void torn_or_flipped(void **state) {
    (void)state;
    world *written = make_world(1), *untouched = make_world(2);
    lyc_error err = {0};
    assert_int_equal(lyc_state_save(written->state, scratch_path("whole.h5"), &err), LYC_OK);
    size_t size = 0, refused = 0, tried = 0;
    unsigned char *bytes = scratch_read("whole.h5", &size);
    assert_non_null(bytes);
    assert_true(size > PARAMS * 4);
    for (size_t length = 0; length < size; length += length < 256 ? 8 : size / 50, tried++)
        check_damaged(bytes, length, written, untouched, &refused);
    assert_int_equal(refused, tried); /* no shorter file is ever taken */

    refused = tried = 0;
    for (size_t at = 0; at < size; at += at < 2048 ? 1 : 131, tried++) {
        bytes[at] ^= (unsigned char)(1u << (at % 8));
        check_damaged(bytes, size, written, untouched, &refused);
        bytes[at] ^= (unsigned char)(1u << (at % 8));
    }
    /* Everything between the first and the last number is covered; what may change unseen is HDF5's slack. */
    assert_true(refused * 10 > tried * 4);
    unsigned char *numbers = memmem(bytes, size, written->params, sizeof written->params);
    assert_non_null(numbers);
    refused = 0;
    for (size_t at = 0; at < sizeof written->params; at += 997) {
        numbers[at] ^= 0x10;
        check_damaged(bytes, size, written, untouched, &refused);
        numbers[at] ^= 0x10;
    }
    assert_int_equal(refused, (sizeof written->params + 996) / 997);
    /* A page that the disk never wrote. */
    memset(numbers, 0, 4096);
    check_damaged(bytes, size, written, untouched, &refused);
    assert_int_equal(refused, (sizeof written->params + 996) / 997 + 1);
    free(bytes);
    drop_world(written);
    drop_world(untouched);
}

static void foreign_file(void **state) {
    (void)state;
    world *w = make_world(1);
    lyc_error err = {0};
    assert_true(scratch_write("text.h5", "not HDF5 at all", 15));
    assert_int_equal(lyc_state_load(w->state, scratch_path("text.h5"), &err), LYC_EFORMAT);
    assert_int_equal(lyc_state_load(w->state, scratch_path("absent.h5"), &err), LYC_EIO);
    assert_non_null(strstr(err.message, "absent.h5"));
    /* Whole, but of a version to come: not damaged, so that nobody falls back to an older one. */
    save(w, 10, 0);
    hid_t file = H5Fopen(scratch_path("checkpoints/step-000000010.h5"), H5F_ACC_RDWR, H5P_DEFAULT);
    assert_true(file >= 0 && H5Adelete(file, "format") >= 0);
    assert_int_equal(lyc__h5_write_text_attribute(file, "format", "lyceum checkpoint 2", &err), LYC_OK);
    assert_true(H5Fclose(file) >= 0);
    int found = 0;
    uint64_t step = 0;
    assert_int_equal(lyc_checkpoint_load(w->state, scratch_directory, &found, &step, &err), LYC_EMISMATCH);
    assert_non_null(strstr(err.message, "is a 'lyceum checkpoint 2'"));
    drop_world(w);
}

static void cut(const char *name, size_t size) {
    assert_int_equal(truncate(scratch_path(name), (off_t)size), 0);
}

static void older_one_is_used(void **state) {
    (void)state;
    world *written = make_world(1), *read = make_world(2);
    save(written, 10, 0);
    fill(written, 5);
    save(written, 20, 0);
    world *at_20 = make_world(5);
    fill(written, 6);
    save(written, 30, 0);
    fill(written, 7);
    save(written, 40, 0);
    cut("checkpoints/step-000000040.h5", 1000);
    cut("checkpoints/step-000000030.h5", 0);
    int found = 0;
    uint64_t step = 0;
    lyc_error err = {0};
    assert_int_equal(lyc_checkpoint_load(read->state, scratch_directory, &found, &step, &err), LYC_OK);
    assert_int_equal(found, 1);
    assert_int_equal(step, 20);
    assert_true(same(read, at_20));
    assert_non_null(strstr(scratch_warnings, "step-000000040.h5"));
    assert_non_null(strstr(scratch_warnings, "step-000000030.h5"));

    /* Saving again must not take the damaged newer ones for the newest and remove the good one. */
    save(written, 25, 1);
    assert_true(scratch_has("checkpoints/step-000000025.h5"));
    assert_false(scratch_has("checkpoints/step-000000020.h5"));

    cut("checkpoints/step-000000025.h5", 100);
    found = 1;
    assert_int_equal(lyc_checkpoint_load(read->state, scratch_directory, &found, &step, &err), LYC_EFORMAT);
    assert_int_equal(found, 0);
    assert_non_null(strstr(err.message, "none of the 3 checkpoints is intact"));
    assert_true(same(read, at_20));
    drop_world(written);
    drop_world(read);
    drop_world(at_20);
}

/* The newest is whole, but of another run: never silently an older one. */
static void mismatch_is_not_skipped(void **state) {
    (void)state;
    world *w = make_world(1);
    save(w, 10, 0);
    lyc_state *other;
    lyc_error err = {0};
    uint8_t byte = 0;
    assert_int_equal(lyc_state_create(&other, &err), LYC_OK);
    assert_int_equal(lyc_state_add(other, "byte", LYC_TYPE_U8, &byte, 1, &err), LYC_OK);
    assert_int_equal(lyc_checkpoint_save(other, scratch_directory, 20, 0, &err), LYC_OK);
    int found = 1;
    uint64_t step;
    assert_int_equal(lyc_checkpoint_load(w->state, scratch_directory, &found, &step, &err), LYC_EMISMATCH);
    assert_int_equal(found, 0);
    assert_non_null(strstr(err.message, "step-000000020.h5"));
    lyc_state_destroy(other);
    drop_world(w);
}

static void keeps_the_newest(void **state) {
    (void)state;
    world *w = make_world(1);
    save(w, 5, 3);
    assert_true(scratch_write("checkpoints/step-000000001.h5.tmp", "x", 1)); /* left by a kill */
    assert_true(scratch_write("checkpoints/notes.txt", "x", 1));
    assert_true(scratch_write("checkpoints/step-7.h5", "x", 1)); /* not a name of ours */
    for (uint64_t step = 10; step <= 50; step += 10) save(w, step, 3);
    assert_true(scratch_has("checkpoints/step-000000050.h5"));
    assert_true(scratch_has("checkpoints/step-000000040.h5"));
    assert_true(scratch_has("checkpoints/step-000000030.h5"));
    assert_false(scratch_has("checkpoints/step-000000020.h5"));
    assert_false(scratch_has("checkpoints/step-000000005.h5"));
    assert_false(scratch_has("checkpoints/step-000000001.h5.tmp"));
    assert_true(scratch_has("checkpoints/notes.txt"));
    assert_true(scratch_has("checkpoints/step-7.h5"));
    save(w, 60, 0);
    assert_true(scratch_has("checkpoints/step-000000030.h5"));
    drop_world(w);
}

/* ---- full disk, no memory, kill --------------------------------------------------------------------- */

/* The limit on a file's size stands in for a full disk: write() fails half way. */
static void full_disk(void **state) {
    (void)state;
    world *written = make_world(1), *read = make_world(3);
    save(written, 10, 1);
    fill(written, 2);
    struct rlimit before, limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = 8192;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    lyc_error err = {0};
    lyc_status status = lyc_checkpoint_save(written->state, scratch_directory, 20, 1, &err);
    lyc_status again = lyc_checkpoint_save(written->state, scratch_directory, 10, 1, NULL);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, handler);
    assert_int_equal(status, LYC_EIO);
    assert_int_equal(again, LYC_EIO); /* nor does it harm the file that it was to replace */
    assert_non_null(strstr(err.message, "step-000000020.h5"));
    assert_non_null(strstr(err.message, "File too large"));
    assert_non_null(strstr(err.message, "untouched"));
    assert_false(scratch_has("checkpoints/step-000000020.h5"));
    assert_false(scratch_has("checkpoints/step-000000020.h5.tmp"));
    assert_false(scratch_has("checkpoints/step-000000010.h5.tmp"));
    int found = 0;
    uint64_t step = 0;
    assert_int_equal(lyc_checkpoint_load(read->state, scratch_directory, &found, &step, &err), LYC_OK);
    assert_int_equal(step, 10);
    fill(written, 1);
    assert_true(same(read, written));
    drop_world(written);
    drop_world(read);
}

static size_t requests, fail_at, alive;

static void *failing_allocate(void *payload, size_t size, size_t alignment) {
    (void)payload;
    if (requests++ == fail_at) return NULL;
    void *block = aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
    if (block != NULL) memset(block, 0, size), alive++;
    return block;
}

static void counting_release(void *payload, void *block) {
    (void)payload;
    if (block != NULL) alive--;
    free(block);
}

/* Fails the first request, then the second, ... until saving (or loading) gets through. */
static void no_memory(void **state) {
    (void)state;
    const lyc_allocator failing = {failing_allocate, counting_release, NULL};
    lyc_allocator_set(&failing);
    fail_at = SIZE_MAX;
    world *w = make_world(1), *untouched = make_world(1);
    size_t idle = alive;
    lyc_error err = {0};
    lyc_status status = LYC_ENOMEM;
    for (fail_at = 0; status == LYC_ENOMEM; fail_at++) {
        requests = 0;
        status = lyc_checkpoint_save(w->state, scratch_directory, 10, 1, &err);
        assert_true(status == LYC_ENOMEM || status == LYC_OK);
        assert_true(scratch_has("checkpoints/step-000000010.h5") == (status == LYC_OK) || fail_at > 8);
        assert_int_equal(alive, idle);
    }
    assert_true(fail_at > 8);
    status = LYC_ENOMEM;
    for (fail_at = 0; status == LYC_ENOMEM; fail_at++) {
        int found = 0;
        uint64_t step = 0;
        requests = 0;
        status = lyc_checkpoint_load(w->state, scratch_directory, &found, &step, &err);
        assert_true(status == LYC_ENOMEM || status == LYC_OK);
        assert_int_equal(found, status == LYC_OK);
        assert_true(same(w, untouched));
        assert_int_equal(alive, idle);
    }
    assert_true(fail_at > 20);
    fail_at = SIZE_MAX;
    drop_world(w);
    drop_world(untouched);
    assert_int_equal(alive, 0);
    lyc_allocator_set(NULL);
}

/* A child saves states whose every number follows from the step, until it is killed. */
static void killed_while_saving(void **state) {
    (void)state;
    unsigned random = 12345;
    uint64_t reached = 0;
    for (int round = 0; round < 10; round++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            (void)alarm(30); /* should the test end before it kills */
            world *w = make_world(0);
            for (uint64_t step = reached + 1;; step++) {
                fill(w, (unsigned)step);
                if (lyc_checkpoint_save(w->state, scratch_directory, step, 2, NULL) != LYC_OK) _exit(1);
            }
        }
        random = random * 1103515245u + 12345u;
        (void)usleep(5000 + random / 65536 % 30000);
        assert_int_equal(kill(child, SIGKILL), 0);
        int how = 0;
        assert_int_equal(waitpid(child, &how, 0), child);
        assert_true(WIFSIGNALED(how));
        world *read = make_world(0), *expected = make_world(0);
        int found = 0;
        uint64_t step = 0;
        lyc_error err = {0};
        assert_int_equal(lyc_checkpoint_load(read->state, scratch_directory, &found, &step, &err), LYC_OK);
        if (found) {
            fill(expected, (unsigned)step);
            assert_true(step >= reached);
            assert_true(same(read, expected));
            reached = step;
        }
        drop_world(read);
        drop_world(expected);
    }
    assert_true(reached > 0);
    assert_string_equal(scratch_warnings, "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_open, scratch_close)
        TEST(comes_back),
        TEST(carries_the_step),
        TEST(nothing_there),
        TEST(other_arrays),
        TEST(other_texts),
        TEST(missing_text),
        TEST(bad_names),
        TEST(torn_or_flipped),
        TEST(foreign_file),
        TEST(older_one_is_used),
        TEST(mismatch_is_not_skipped),
        TEST(keeps_the_newest),
        TEST(full_disk),
        TEST(no_memory),
        TEST(killed_while_saving),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
