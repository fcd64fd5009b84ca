/* Registering what a checkpoint holds, and the checksum over it. */
#include "io/state.h"

#include <stdlib.h>
#include <string.h>

#include "lyceum/memory.h"

static const struct {
    size_t size;
    const char *name;
} types[] = {
    [LYC_TYPE_F32] = {4, "f32"}, [LYC_TYPE_F64] = {8, "f64"}, [LYC_TYPE_I32] = {4, "i32"},
    [LYC_TYPE_U32] = {4, "u32"}, [LYC_TYPE_I64] = {8, "i64"}, [LYC_TYPE_U64] = {8, "u64"},
    [LYC_TYPE_U8] = {1, "u8"},
};
#define TYPE_COUNT (sizeof types / sizeof types[0])
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "files and checksums are little-endian");

size_t lyc_type_size(lyc_type type) {
    return (size_t)type < TYPE_COUNT ? types[type].size : 0;
}

const char *lyc__type_name(lyc_type type) {
    return (size_t)type < TYPE_COUNT ? types[type].name : "unknown";
}

hid_t lyc__type_memory(lyc_type type) {
    const hid_t ids[TYPE_COUNT] = {
        [LYC_TYPE_F32] = H5T_NATIVE_FLOAT, [LYC_TYPE_F64] = H5T_NATIVE_DOUBLE,
        [LYC_TYPE_I32] = H5T_NATIVE_INT32, [LYC_TYPE_U32] = H5T_NATIVE_UINT32,
        [LYC_TYPE_I64] = H5T_NATIVE_INT64, [LYC_TYPE_U64] = H5T_NATIVE_UINT64,
        [LYC_TYPE_U8] = H5T_NATIVE_UINT8,
    };
    return ids[type];
}

hid_t lyc__type_file(lyc_type type) {
    const hid_t ids[TYPE_COUNT] = {
        [LYC_TYPE_F32] = H5T_IEEE_F32LE, [LYC_TYPE_F64] = H5T_IEEE_F64LE, [LYC_TYPE_I32] = H5T_STD_I32LE,
        [LYC_TYPE_U32] = H5T_STD_U32LE,  [LYC_TYPE_I64] = H5T_STD_I64LE,  [LYC_TYPE_U64] = H5T_STD_U64LE,
        [LYC_TYPE_U8] = H5T_STD_U8LE,
    };
    return ids[type];
}

lyc_status lyc_state_create(lyc_state **out, lyc_error *err) {
    return lyc_allocate((void **)out, 1, sizeof **out, "the list of what a checkpoint holds", err);
}

void lyc_state_destroy(lyc_state *state) {
    if (state == NULL) return;
    for (size_t i = 0; i < state->array_count; i++) lyc_free(state->arrays[i].name);
    for (size_t i = 0; i < state->text_count; i++) {
        lyc_free(state->texts[i].name);
        lyc_free(state->texts[i].value);
        lyc_free(state->texts[i].advice);
    }
    lyc_free(state->arrays);
    lyc_free(state->texts);
    lyc_free(state);
}

/* Makes room for one more element; the new ones are zeroed. */
static lyc_status grow(void **list, size_t *capacity, size_t count, size_t size, lyc_error *err) {
    if (count < *capacity) return LYC_OK;
    size_t wanted = *capacity == 0 ? 16 : *capacity * 2;
    void *bigger;
    LYC_TRY(lyc_allocate(&bigger, wanted, size, "the list of what a checkpoint holds", err));
    if (count > 0) memcpy(bigger, *list, count * size);
    lyc_free(*list);
    *list = bigger;
    *capacity = wanted;
    return LYC_OK;
}

/* HDF5 splits names at slashes: no part may be empty, "." or "..", and the whole must stay printable. */
static bool name_is_valid(const char *name) {
    size_t length = strlen(name);
    if (length == 0 || length > LYC__STATE_NAME_MAX) return false;
    for (const char *part = name;;) {
        size_t size = strcspn(part, "/");
        bool dots = (size == 1 && part[0] == '.') || (size == 2 && part[0] == '.' && part[1] == '.');
        if (size == 0 || dots) return false;
        if (part[size] == '\0') return true;
        part += size + 1;
    }
}

/* Equal, or one would be both an array and a group: "agent" and "agent/policy". */
static bool names_collide(const char *a, const char *b) {
    while (*a != '\0' && *a == *b) a++, b++;
    return (*a == '\0' && (*b == '\0' || *b == '/')) || (*b == '\0' && *a == '/');
}

lyc_status lyc_state_add(lyc_state *state, const char *name, lyc_type type, void *data, size_t count,
                         lyc_error *err) {
    if (!name_is_valid(name) || names_collide(name, LYC__STATE_REQUIRE))
        LYC_FAIL(err, LYC_EINTERNAL, "'%s' cannot be the name of an array in a checkpoint", name);
    if ((size_t)type >= TYPE_COUNT || (data == NULL && count > 0) || count > SIZE_MAX / 16)
        LYC_FAIL(err, LYC_EINTERNAL, "'%s': no array of %zu numbers of type %d", name, count, (int)type);
    for (size_t i = 0; i < state->array_count; i++)
        if (names_collide(name, state->arrays[i].name))
            LYC_FAIL(err, LYC_EINTERNAL, "'%s' and '%s' cannot both be in a checkpoint", name,
                     state->arrays[i].name);
    LYC_TRY(grow((void **)&state->arrays, &state->array_capacity, state->array_count, sizeof *state->arrays,
                 err));
    char *copy = lyc_strdup(name);
    if (copy == NULL) LYC_FAIL(err, LYC_ENOMEM, "no memory for the name '%s'", name);
    state->arrays[state->array_count++] = (lyc__state_array){copy, type, data, count};
    return LYC_OK;
}

lyc_status lyc_state_require(lyc_state *state, const char *name, const char *value, const char *advice,
                             lyc_error *err) {
    if (!name_is_valid(name))
        LYC_FAIL(err, LYC_EINTERNAL, "'%s' cannot be the name of a text in a checkpoint", name);
    for (size_t i = 0; i < state->text_count; i++)
        if (names_collide(name, state->texts[i].name))
            LYC_FAIL(err, LYC_EINTERNAL, "the texts '%s' and '%s' cannot both be in a checkpoint", name,
                     state->texts[i].name);
    LYC_TRY(
        grow((void **)&state->texts, &state->text_capacity, state->text_count, sizeof *state->texts, err));
    lyc__state_text text = {lyc_strdup(name), lyc_strdup(value), lyc_strdup(advice)};
    if (text.name == NULL || text.value == NULL || text.advice == NULL) {
        lyc_free(text.name);
        lyc_free(text.value);
        lyc_free(text.advice);
        LYC_FAIL(err, LYC_ENOMEM, "no memory for the text '%s'", name);
    }
    state->texts[state->text_count++] = text;
    return LYC_OK;
}

static int compare_names(const void *a, const void *b) {
    return strcmp(((const lyc__state_item *)a)->name, ((const lyc__state_item *)b)->name);
}

void lyc__state_checksum(lyc__state_item *items, size_t count, uint64_t step, char hex[LYC__HASH_HEX_SIZE]) {
    if (count > 0)
        qsort(items, count, sizeof *items, compare_names); /* a file may hold no object: no list then */
    lyc__hash hash;
    lyc__hash_start(&hash);
    lyc__hash_update(&hash, &step, sizeof step);
    for (size_t i = 0; i < count; i++) {
        const lyc__state_item *item = &items[i];
        uint32_t type = (uint32_t)item->type;
        uint64_t length = item->count;
        size_t size = item->type == LYC__STATE_TEXT ? 1 : lyc_type_size((lyc_type)item->type);
        lyc__hash_update(&hash, item->name, strlen(item->name) + 1);
        lyc__hash_update(&hash, &type, sizeof type);
        lyc__hash_update(&hash, &length, sizeof length);
        if (item->count > 0) lyc__hash_update(&hash, item->bytes, item->count * size);
    }
    lyc__hash_finish_hex(&hash, hex);
}
