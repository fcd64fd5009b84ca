/* Reading a state: everything is read and verified before the first number of the state is overwritten. */
#include "io/state.h"

#include <string.h>

#include "io/hdf5_util.h"
#include "lyceum/memory.h"

#define MAX_ITEMS 65536
#define EXCERPT   60

typedef struct content {
    const char *path;
    hid_t file;
    uint64_t step;
    lyc__state_item *items; /* name and bytes of each are one's own */
    size_t count, capacity;
    bool no_memory, foreign; /* why the visit stopped */
} content;

static void release_content(content *found) {
    for (size_t i = 0; i < found->count; i++) {
        lyc_free((void *)found->items[i].name);
        lyc_free((void *)found->items[i].bytes);
    }
    lyc_free(found->items);
    lyc__h5_release(&found->file);
}

/* ---- what the file holds ------------------------------------------------------------------------------ */

static bool add_name(content *found, const char *name) {
    if (found->count == found->capacity) {
        size_t capacity = found->capacity == 0 ? 64 : found->capacity * 2;
        lyc__state_item *bigger = lyc_calloc(capacity, sizeof *bigger);
        if (bigger == NULL) return false;
        if (found->count > 0) memcpy(bigger, found->items, found->count * sizeof *bigger);
        lyc_free(found->items);
        found->items = bigger;
        found->capacity = capacity;
    }
    char *copy = lyc_strdup(name);
    if (copy == NULL) return false;
    found->items[found->count++] = (lyc__state_item){.name = copy};
    return true;
}

/* Groups hold, data sets are held; links of any other kind have no business here. */
static herr_t visit(hid_t group, const char *name, const H5L_info_t *link, void *payload) {
    content *found = payload;
    H5O_info_t object;
    found->foreign = true;
    if (link->type != H5L_TYPE_HARD || strlen(name) > LYC__STATE_NAME_MAX || found->count >= MAX_ITEMS ||
        H5Oget_info_by_name2(group, name, &object, H5O_INFO_BASIC, H5P_DEFAULT) < 0)
        return -1;
    if (object.type != H5O_TYPE_GROUP && object.type != H5O_TYPE_DATASET) return -1;
    found->foreign = false;
    if (object.type == H5O_TYPE_GROUP) return 0;
    found->no_memory = !add_name(found, name);
    return found->no_memory ? -1 : 0;
}

static lyc_status list_items(content *found, lyc_error *err) {
    if (H5Lvisit(found->file, H5_INDEX_NAME, H5_ITER_NATIVE, visit, found) >= 0) return LYC_OK;
    if (found->no_memory) LYC_FAIL(err, LYC_ENOMEM, "no memory for the list of what %s holds", found->path);
    return lyc__h5_fail(err, LYC_EFORMAT, found->file, "%s",
                        found->foreign ? "holds what no checkpoint does" : "cannot be listed, it is damaged");
}

static int type_of(const lyc__h5_shape *shape) {
    static const struct {
        H5T_class_t class;
        size_t size;
        bool is_signed;
        lyc_type type;
    } known[] = {
        {H5T_FLOAT, 4, false, LYC_TYPE_F32},  {H5T_FLOAT, 8, false, LYC_TYPE_F64},
        {H5T_INTEGER, 4, true, LYC_TYPE_I32}, {H5T_INTEGER, 4, false, LYC_TYPE_U32},
        {H5T_INTEGER, 8, true, LYC_TYPE_I64}, {H5T_INTEGER, 8, false, LYC_TYPE_U64},
        {H5T_INTEGER, 1, false, LYC_TYPE_U8},
    };
    if (shape->type == H5T_STRING && shape->rank == 0 && shape->size > 0) return LYC__STATE_TEXT;
    for (size_t i = 0; i < sizeof known / sizeof known[0] && shape->rank == 1; i++)
        if (known[i].class == shape->type && known[i].size == shape->size &&
            (shape->type == H5T_FLOAT || known[i].is_signed == shape->is_signed))
            return (int)known[i].type;
    return -1;
}

static lyc_status read_item(content *found, lyc__state_item *item, lyc_error *err) {
    hid_t dataset = LYC__H5_NONE, type = LYC__H5_NONE;
    lyc__h5_shape shape;
    char *bytes = NULL;
    lyc_status status = LYC_OK;
    LYC_TRY_GOTO(lyc__h5_open_dataset(&dataset, &shape, found->file, item->name, err));
    item->type = type_of(&shape);
    if (item->type < 0) {
        status = lyc__h5_fail(err, LYC_EFORMAT, dataset, "neither a list of numbers nor a text");
        goto done;
    }
    type = H5Dget_type(dataset);
    LYC_TRY_GOTO(lyc_allocate((void **)&bytes, shape.count, shape.size, item->name, err));
    item->bytes = bytes;
    if (shape.count > 0) LYC_TRY_GOTO(lyc__h5_read(dataset, type, bytes, err));
    item->count = shape.count;
    if (item->type == LYC__STATE_TEXT) {
        item->count = shape.size - 1;
        if (memchr(bytes, '\0', shape.size) != bytes + item->count)
            status = lyc__h5_fail(err, LYC_EFORMAT, dataset, "a text of another length than it claims");
    }
done:
    lyc__h5_release(&type);
    lyc__h5_release(&dataset);
    return status;
}

static lyc_status check_format(const content *found, uint64_t *step, char **checksum, lyc_error *err) {
    char *format = NULL;
    LYC_TRY(lyc__h5_read_text_attribute(found->file, "format", 64, &format, err));
    lyc_status status = LYC_OK;
    if (strcmp(format, LYC__STATE_FORMAT) != 0)
        status = LYC_ERROR(err, LYC_EMISMATCH, "%s: is a '%s', not a '" LYC__STATE_FORMAT "'", found->path,
                           format);
    lyc_free(format);
    LYC_TRY(status);
    LYC_TRY(lyc__h5_read_u64_attribute(found->file, "step", step, err));
    return lyc__h5_read_text_attribute(found->file, "checksum", LYC__HASH_HEX_SIZE, checksum, err);
}

static lyc_status read_content(content *found, lyc_error *err) {
    char *stored = NULL, computed[LYC__HASH_HEX_SIZE];
    lyc_status status = LYC_OK;
    LYC_TRY_GOTO(lyc__h5_open(&found->file, found->path, "checkpoint", H5F_ACC_RDONLY, H5P_DEFAULT, err));
    LYC_TRY_GOTO(check_format(found, &found->step, &stored, err));
    LYC_TRY_GOTO(list_items(found, err));
    for (size_t i = 0; i < found->count; i++) LYC_TRY_GOTO(read_item(found, &found->items[i], err));
    lyc__state_checksum(found->items, found->count, found->step, computed);
    if (strcmp(stored, computed) != 0)
        status = LYC_ERROR(err, LYC_EFORMAT, "%s: damaged: its checksum is %s, its content gives %s",
                           found->path, stored, computed);
done:
    lyc_free(stored);
    return status;
}

/* ---- does it belong to this run? ------------------------------------------------------------------- */

static const lyc__state_item *find(const content *found, const char *group, const char *name) {
    size_t skip = strlen(group);
    for (size_t i = 0; i < found->count; i++) {
        const char *there = found->items[i].name;
        if (strncmp(there, group, skip) == 0 && strcmp(there + skip, name) == 0) return &found->items[i];
    }
    return NULL;
}

/* How much of the line at `text` to show. */
static int excerpt(const char *text) {
    size_t length = strcspn(text, "\n");
    return length < EXCERPT ? (int)length : EXCERPT;
}

/* Of both texts the line on which they part, without its indent; of a long line a little before that place.
 */
static lyc_status texts_differ(const content *found, const lyc__state_text *text, const char *there,
                               lyc_error *err) {
    size_t same = 0, first = 0;
    while (there[same] != '\0' && there[same] == text->value[same]) same++;
    for (size_t i = 0; i < same; i++)
        if (there[i] == '\n') first = i + 1;
    while (first < same && there[first] == ' ') first++;
    const char *before = same - first > EXCERPT / 2 ? "..." : "";
    if (before[0] != '\0') first = same - EXCERPT / 2;
    LYC_FAIL(err, LYC_EMISMATCH, "%s: %s differs: '%s%.*s' in the checkpoint, '%s%.*s' now; %s", found->path,
             text->name, before, excerpt(there + first), there + first, before, excerpt(text->value + first),
             text->value + first, text->advice);
}

static lyc_status check_texts(const content *found, const lyc_state *state, lyc_error *err) {
    for (size_t i = 0; i < state->text_count; i++) {
        const lyc__state_text *text = &state->texts[i];
        const lyc__state_item *there = find(found, LYC__STATE_REQUIRE "/", text->name);
        if (there == NULL || there->type != LYC__STATE_TEXT)
            LYC_FAIL(err, LYC_EMISMATCH, "%s: holds no '%s', which is '%.*s' now; %s", found->path,
                     text->name, EXCERPT, text->value, text->advice);
        if (strcmp(there->bytes, text->value) != 0) return texts_differ(found, text, there->bytes, err);
    }
    return LYC_OK;
}

static lyc_status check_arrays(const content *found, const lyc_state *state, lyc_error *err) {
    for (size_t i = 0; i < state->array_count; i++) {
        const lyc__state_array *array = &state->arrays[i];
        const lyc__state_item *there = find(found, "", array->name);
        if (there == NULL)
            LYC_FAIL(err, LYC_EMISMATCH,
                     "%s: holds no '%s', which this run has: it is the checkpoint of another run",
                     found->path, array->name);
        if (there->type != (int)array->type || there->count != array->count)
            LYC_FAIL(err, LYC_EMISMATCH,
                     "%s: '%s' is %zu numbers of type %s there, %zu of type %s in this run: it is the "
                     "checkpoint of "
                     "another run",
                     found->path, array->name, there->count,
                     there->type == LYC__STATE_TEXT ? "text" : lyc__type_name((lyc_type)there->type),
                     array->count, lyc__type_name(array->type));
    }
    return LYC_OK;
}

/* Everything of the state was found; is there anything else? */
static lyc_status check_surplus(const content *found, const lyc_state *state, lyc_error *err) {
    static const char group[] = LYC__STATE_REQUIRE "/";
    if (state->part || found->count == state->array_count + state->text_count) return LYC_OK;
    for (size_t i = 0; i < found->count; i++) {
        const char *name = found->items[i].name;
        bool known = false, is_text = strncmp(name, group, sizeof group - 1) == 0;
        for (size_t k = 0; k < state->array_count && !known; k++)
            known = strcmp(name, state->arrays[k].name) == 0;
        for (size_t k = 0; k < state->text_count && is_text && !known; k++)
            known = strcmp(name + sizeof group - 1, state->texts[k].name) == 0;
        if (!known)
            LYC_FAIL(err, LYC_EMISMATCH,
                     "%s: holds '%s', which this run has not: it is the checkpoint of another run",
                     found->path, name);
    }
    return LYC_OK;
}

lyc_status lyc__state_read(lyc_state *state, const char *path, uint64_t *step, lyc_error *err) {
    lyc_status status = LYC_OK;
    content found = {.path = path, .file = LYC__H5_NONE};
    lyc__h5_quiet();
    LYC_TRY_GOTO(read_content(&found, err));
    LYC_TRY_GOTO(check_texts(&found, state, err));
    LYC_TRY_GOTO(check_arrays(&found, state, err));
    LYC_TRY_GOTO(check_surplus(&found, state, err));
    for (size_t i = 0; i < state->array_count; i++) {
        const lyc__state_array *array = &state->arrays[i];
        if (array->count > 0)
            memcpy(array->data, find(&found, "", array->name)->bytes,
                   array->count * lyc_type_size(array->type));
    }
    *step = found.step;
done:
    release_content(&found);
    return status;
}

lyc_status lyc_state_load(lyc_state *state, const char *path, lyc_error *err) {
    uint64_t step;
    return lyc__state_read(state, path, &step, err);
}
